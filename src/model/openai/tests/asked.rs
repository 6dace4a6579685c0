use super::*;
use crate::incident::Call;

fn conversation() -> Vec<Message> {
    let call = |id: &str, args: Value| Call { id: id.to_owned(), tool: "inspect_container".to_owned(), args };
    let calls = vec![call("c1", json!({"service": "payments"})), call("c2", json!("{service:"))];
    vec![
        Message::User("payments is down".to_owned()),
        Message::Assistant { thought: "Two looks.".to_owned(), calls },
        Message::Answer { call: "c1".to_owned(), text: "[4] exited (137)".to_owned() },
        Message::Answer { call: "c2".to_owned(), text: "[5] no JSON".to_owned() },
        Message::Assistant { thought: "Killed.".to_owned(), calls: Vec::new() },
        Message::User("Go on.".to_owned()),
    ]
}

#[tokio::test]
async fn a_turn_sends_the_conversation_and_strict_tools() {
    let provider = Provider::with_options(vec![ok(&said("x"))], |options| options.temperature = Some(0.2)).await;
    ask(&provider.model, conversation(), &[inspect()]).await.unwrap();
    let request = provider.server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.url.path(), "/v1/chat/completions");
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
    let sent: Value = request.body_json().unwrap();
    insta::assert_json_snapshot!(sent, { ".tools[1].function.description" => "[…]" }, @r#"
    {
      "model": "gpt-test",
      "messages": [
        {
          "role": "system",
          "content": "You are careful."
        },
        {
          "role": "user",
          "content": "payments is down"
        },
        {
          "role": "assistant",
          "content": "Two looks.",
          "tool_calls": [
            {
              "id": "c1",
              "type": "function",
              "function": {
                "name": "inspect_container",
                "arguments": "{\"service\":\"payments\"}"
              }
            },
            {
              "id": "c2",
              "type": "function",
              "function": {
                "name": "inspect_container",
                "arguments": "{\"not_an_object\":\"{service:\"}"
              }
            }
          ]
        },
        {
          "role": "tool",
          "tool_call_id": "c1",
          "content": "[4] exited (137)"
        },
        {
          "role": "tool",
          "tool_call_id": "c2",
          "content": "[5] no JSON"
        },
        {
          "role": "assistant",
          "content": "Killed."
        },
        {
          "role": "user",
          "content": "Go on."
        }
      ],
      "tools": [
        {
          "type": "function",
          "function": {
            "name": "inspect_container",
            "description": "Looks at a container.\nExample: {\"service\":\"payments\"}",
            "parameters": {
              "type": "object",
              "required": [
                "service",
                "lines",
                "part"
              ],
              "properties": {
                "service": {
                  "type": "string",
                  "description": "The service."
                },
                "lines": {
                  "type": [
                    "integer",
                    "null"
                  ]
                },
                "part": {
                  "type": [
                    "string",
                    "null"
                  ],
                  "enum": [
                    "state",
                    "health",
                    null
                  ]
                }
              },
              "additionalProperties": false
            },
            "strict": true
          }
        },
        {
          "type": "function",
          "function": {
            "name": "conclude",
            "description": "[…]",
            "parameters": {
              "type": "object",
              "required": [
                "summary",
                "cause",
                "claims",
                "hypotheses",
                "next_steps",
                "resolved"
              ],
              "properties": {
                "summary": {
                  "type": "string",
                  "description": "What happened, in one or two sentences for a person who was asleep. For a question: the answer."
                },
                "cause": {
                  "type": "string",
                  "description": "The cause, or what is most likely, or that it is not known."
                },
                "claims": {
                  "type": [
                    "array",
                    "null"
                  ],
                  "description": "What the cause rests on. Each claim cites the numbers of the entries in which it can be read.",
                  "items": {
                    "type": "object",
                    "description": "One statement and the entries in which it can be read.",
                    "required": [
                      "text",
                      "evidence"
                    ],
                    "properties": {
                      "text": {
                        "type": "string",
                        "description": "The statement. Every number in it must stand in a cited entry."
                      },
                      "evidence": {
                        "type": "array",
                        "description": "Entry numbers, as given in brackets before each answer, such as [12].",
                        "items": {
                          "type": "integer"
                        }
                      }
                    },
                    "additionalProperties": false
                  }
                },
                "hypotheses": {
                  "type": [
                    "array",
                    "null"
                  ],
                  "description": "What it could have been, the most likely first, each with the entries that speak for it and against it.",
                  "items": {
                    "type": "object",
                    "description": "What it could have been.",
                    "required": [
                      "text",
                      "supporting",
                      "opposing"
                    ],
                    "properties": {
                      "text": {
                        "type": "string",
                        "description": "The hypothesis. Every number in it must stand in an entry that it cites."
                      },
                      "supporting": {
                        "type": "array",
                        "description": "Entries that speak for it.",
                        "items": {
                          "type": "integer"
                        }
                      },
                      "opposing": {
                        "type": [
                          "array",
                          "null"
                        ],
                        "description": "Entries that speak against it.",
                        "items": {
                          "type": "integer"
                        }
                      }
                    },
                    "additionalProperties": false
                  }
                },
                "next_steps": {
                  "type": [
                    "array",
                    "null"
                  ],
                  "description": "What should be done next, by a person or later; empty when all is done.",
                  "items": {
                    "type": "string"
                  }
                },
                "resolved": {
                  "type": "boolean",
                  "description": "Whether the trouble is over as far as this investigation can tell."
                }
              },
              "additionalProperties": false
            },
            "strict": true
          }
        }
      ],
      "tool_choice": "auto",
      "parallel_tool_calls": true,
      "temperature": 0.2,
      "max_completion_tokens": 1000,
      "stream": false
    }
    "#);
}

#[tokio::test]
async fn the_last_turn_can_only_conclude() {
    let provider = Provider::with_options(vec![events(&[finish("stop")], true)], |options| {
        options.streaming = true;
        options.strict = false;
        options.parallel_tool_calls = false;
        options.api_key = "".into();
    })
    .await;
    provider.ask_last().await.unwrap_err();
    let request = provider.server.received_requests().await.unwrap().remove(0);
    assert!(!request.headers.contains_key("authorization"), "a server without keys is asked without one");
    let sent: Value = request.body_json().unwrap();
    insta::assert_json_snapshot!(sent, { ".tools[0].function.parameters.properties" => "[…]", ".**.description" => "[…]" }, @r#"
    {
      "model": "gpt-test",
      "messages": [
        {
          "role": "system",
          "content": "You are careful."
        },
        {
          "role": "user",
          "content": "payments is down"
        }
      ],
      "tools": [
        {
          "type": "function",
          "function": {
            "name": "conclude",
            "description": "[…]",
            "parameters": {
              "type": "object",
              "additionalProperties": false,
              "properties": "[…]",
              "required": [
                "summary",
                "cause",
                "resolved"
              ]
            }
          }
        }
      ],
      "tool_choice": {
        "type": "function",
        "function": {
          "name": "conclude"
        }
      },
      "parallel_tool_calls": false,
      "max_completion_tokens": 1000,
      "stream": true,
      "stream_options": {
        "include_usage": true
      }
    }
    "#);
}

#[tokio::test]
async fn a_cut_conversation_still_holds_to_the_protocol() {
    let provider = Provider::with(vec![ok(&said("x"))]).await;
    let call = Call { id: "c2".to_owned(), tool: "inspect_container".to_owned(), args: json!({}) };
    let messages = vec![
        Message::Answer { call: "c1".to_owned(), text: "[3] its call was cut".to_owned() },
        Message::Assistant { thought: String::new(), calls: vec![call] },
        Message::User("No more calls.".to_owned()),
        Message::Assistant { thought: String::new(), calls: Vec::new() },
    ];
    ask(&provider.model, messages, &[inspect()]).await.unwrap();
    let sent = provider.sent().await.remove(0);
    insta::assert_json_snapshot!(sent["messages"], @r#"
    [
      {
        "role": "system",
        "content": "You are careful."
      },
      {
        "role": "user",
        "content": "[3] its call was cut"
      },
      {
        "role": "assistant",
        "content": null,
        "tool_calls": [
          {
            "id": "c2",
            "type": "function",
            "function": {
              "name": "inspect_container",
              "arguments": "{}"
            }
          }
        ]
      },
      {
        "role": "tool",
        "tool_call_id": "c2",
        "content": "(no answer)"
      },
      {
        "role": "user",
        "content": "No more calls."
      }
    ]
    "#);
}

/// What must be told of a refusal, and the field that is gone afterwards.
async fn left_out(refusal: ResponseTemplate, field: &str, change: impl FnOnce(&mut OpenAiOptions)) -> Value {
    let provider = Provider::with_options(vec![refusal, ok(&said("x"))], change).await;
    provider.ask().await.unwrap();
    provider.ask().await.unwrap();
    let sent = provider.sent().await;
    assert_eq!(sent.len(), 3, "asked again once, and remembered");
    assert!(sent[0].to_string().contains(&format!("\"{field}\"")));
    assert!(!sent[1].to_string().contains(&format!("\"{field}\"")));
    assert_eq!(sent[1], sent[2]);
    assert!(provider.slept().is_empty());
    sent[1].clone()
}

#[tokio::test]
async fn a_field_that_the_server_turns_down_is_left_out_and_stays_out() {
    let param = |param: &str, code: &str| {
        let error = json!({"error": {"message": "Unsupported. Use strict tools.", "param": param, "code": code}});
        ResponseTemplate::new(400).set_body_json(error)
    };
    let sent = left_out(param("max_completion_tokens", "unsupported_parameter"), "max_completion_tokens", |_| {}).await;
    assert_eq!(sent["max_tokens"], 1_000);
    left_out(param("temperature", "unsupported_value"), "temperature", |options| options.temperature = Some(0.0)).await;
    let sent = left_out(param("tools[0].function.parameters", "invalid_function_parameters"), "strict", |_| {}).await;
    assert_eq!(sent["tools"][0]["function"]["parameters"], inspect().schema);
    left_out(failed(400, "'tool_choice' is not supported"), "tool_choice", |_| {}).await;
    let refusal = json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "parallel_tool_calls"]}]});
    left_out(ResponseTemplate::new(422).set_body_json(refusal), "parallel_tool_calls", |_| {}).await;
}

#[tokio::test]
async fn a_refusal_that_names_no_field_of_ours_is_told() {
    let refusal = json!({"error": {"message": "strict or not, too long", "param": "messages", "code": "context_length_exceeded"}});
    let provider = Provider::with(vec![ResponseTemplate::new(400).set_body_json(refusal)]).await;
    let error = provider.ask().await.unwrap_err();
    assert!(error.why.starts_with("answered 400: "), "{error}");
    assert_eq!((error.retry_after, provider.sent().await.len()), (None, 1));
    // A server that names everything is asked a bounded number of times.
    let all = "max_completion_tokens parallel_tool_calls strict stream_options tool_choice temperature max_tokens";
    let provider = Provider::with(vec![failed(400, all)]).await;
    provider.ask().await.unwrap_err();
    assert_eq!(provider.sent().await.len(), 5);
}

#[test]
fn the_window_is_what_the_answer_leaves() {
    let (model, _) = model(options("http://127.0.0.1:1"));
    assert_eq!((model.name(), model.window()), ("main", Some(9_000)));
}
