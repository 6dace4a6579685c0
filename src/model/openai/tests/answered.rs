use super::*;
use crate::{
    incident::{Conclusion, Usage},
    model::{Step, Wanted},
};

fn wanted(tool: &str, args: Value) -> Wanted {
    Wanted { tool: tool.to_owned(), args }
}

const CONCLUSION: &str =
    r#"{"summary":"s","cause":"c","claims":[{"text":"t","evidence":[4]}],"next_steps":null,"resolved":true}"#;

fn conclusion() -> Conclusion {
    serde_json::from_str(&CONCLUSION.replace("null", "[]")).unwrap()
}

async fn answered(body: &Value) -> Reply {
    Provider::with(vec![ok(body)]).await.ask().await.unwrap()
}

async fn streamed(chunks: &[Value]) -> Reply {
    let provider = Provider::with_options(vec![events(chunks, true)], |options| options.streaming = true).await;
    provider.ask().await.unwrap()
}

#[tokio::test]
async fn parallel_calls_come_in_order_with_usage_and_cost() {
    let first = r#"{"service":"payments","lines":null,"part":"state"}"#;
    let reply = answered(&called(&[("inspect_container", first), ("list_services", "")])).await;
    let calls = vec![
        wanted("inspect_container", json!({"service": "payments", "part": "state"})),
        wanted("list_services", json!({})),
    ];
    assert_eq!(reply.step, Step::Calls(calls));
    // 400 fresh at 2, 600 cached at 0.5, 100 written at 8, a million each.
    let usage = Usage { input_tokens: 1_000, cached_tokens: 600, output_tokens: 100, cost: 0.0019 };
    assert_eq!(
        reply,
        Reply { model: "main".to_owned(), thought: String::new(), usage, fell_back: Vec::new(), ..reply.clone() }
    );
}

#[tokio::test]
async fn a_stream_is_put_together_from_its_fragments() {
    let fragment = |index: u64, id: Value, name: Value, part: &str| {
        let function = json!({"name": name, "arguments": part});
        delta(&json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}))
    };
    let usage =
        json!({"choices": [], "usage": {"prompt_tokens": 50, "completion_tokens": 5, "prompt_tokens_details": null}});
    let reply = streamed(&[
        delta(&json!({"role": "assistant", "content": ""})),
        delta(&json!({"reasoning_content": "Exit code 137 "})),
        delta(&json!({"reasoning_content": "means killed."})),
        delta(&json!({"content": "I look "})),
        delta(&json!({"content": "closer.", "tool_calls": null})),
        fragment(0, json!("call_a"), json!("inspect_container"), ""),
        fragment(0, Value::Null, Value::Null, "{\"service\":"),
        fragment(1, json!("call_b"), json!("read_logs"), "{\"lines\":"),
        fragment(0, json!(""), json!(""), "\"payments\"}"),
        fragment(1, Value::Null, Value::Null, "5}"),
        finish("tool_calls"),
        usage,
    ])
    .await;
    let calls =
        vec![wanted("inspect_container", json!({"service": "payments"})), wanted("read_logs", json!({"lines": 5}))];
    assert_eq!(reply.step, Step::Calls(calls));
    assert_eq!(reply.thought, "Exit code 137 means killed.\n\nI look closer.");
    assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (50, 5));
}

#[tokio::test]
async fn calls_of_servers_that_number_them_badly_are_told_apart() {
    let whole = |index: Value, id: &str, name: &str| {
        let function = json!({"name": name, "arguments": {"x": 1}});
        delta(&json!({"tool_calls": [{"index": index, "id": id, "function": function}]}))
    };
    let both = Step::Calls(vec![wanted("a", json!({"x": 1})), wanted("b", json!({"x": 1}))]);
    let zeros = streamed(&[whole(json!(0), "1", "a"), whole(json!(0), "2", "b"), finish("stop")]).await;
    assert_eq!(zeros.step, both);
    let unnumbered = streamed(&[whole(Value::Null, "1", "a"), whole(Value::Null, "2", "b"), finish("stop")]).await;
    assert_eq!(unnumbered.step, both);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood_all_the_same() {
    let pretty = serde_json::to_string_pretty(&said("All is well.")).unwrap();
    let answer = ResponseTemplate::new(200).set_body_raw(pretty, "application/json; charset=utf-8");
    let provider = Provider::with_options(vec![answer], |options| options.streaming = true).await;
    assert_eq!(provider.ask().await.unwrap().step, Step::Said("All is well.".to_owned()));
}

#[tokio::test]
async fn arguments_that_are_no_json_are_handed_on_as_they_are() {
    let reply = answered(&called(&[("a", "{\"x\": "), ("b", r#""{\"x\":1}""#), ("c", "[1]")])).await;
    let calls = vec![wanted("a", json!("{\"x\": ")), wanted("b", json!({"x": 1})), wanted("c", json!([1]))];
    assert_eq!(reply.step, Step::Calls(calls));
}

#[tokio::test]
async fn a_conclusion_ends_it() {
    let end = Step::Conclude(Box::new(conclusion()));
    assert_eq!(answered(&called(&[("conclude", CONCLUSION)])).await.step, end);
    let cheating = CONCLUSION
        .replace("\"resolved\"", "\"not_checked\":[\"x\"],\"resolved\"")
        .replace("[4]", "[4],\"unproven\":\"y\"");
    assert_eq!(answered(&called(&[("conclude", &cheating)])).await.step, end, "what code says no model can say");
    assert_eq!(
        answered(&said(&format!("```json\n{CONCLUSION}\n```"))).await.step,
        end,
        "a model that cannot call writes it"
    );

    let wrong = answered(&called(&[("conclude", r#"{"summary":"s"}"#)])).await.step;
    assert_eq!(wrong, Step::Calls(vec![wanted("conclude", json!({"summary": "s"}))]), "the loop says what was wrong");
}

#[tokio::test]
async fn a_conclusion_beside_calls_counts_only_on_the_last_turn() {
    let both = called(&[("inspect_container", r#"{"service":"a"}"#), ("conclude", CONCLUSION)]);
    let call = wanted("inspect_container", json!({"service": "a"}));
    assert_eq!(answered(&both).await.step, Step::Calls(vec![call]), "it was written before the answer was there");
    let provider = Provider::with(vec![ok(&both)]).await;
    assert_eq!(provider.ask_last().await.unwrap().step, Step::Conclude(Box::new(conclusion())));
}

#[tokio::test]
async fn words_are_words_and_thinking_is_thinking() {
    let thought = |reply: Reply| (reply.thought, reply.step);
    let expected = ("Let me see.".to_owned(), Step::Said("It is down.".to_owned()));
    assert_eq!(thought(answered(&said("<think>\nLet me see.\n</think>\n\nIt is down.")).await), expected);
    assert_eq!(thought(answered(&said("Let me see.</think>It is down.")).await), expected);
    let message = json!({"content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "down."}], "reasoning": "Let me see."});
    assert_eq!(thought(answered(&completion(&message, "stop")).await), expected);
    let refusal = completion(&json!({"content": null, "refusal": "I cannot."}), "stop");
    assert_eq!(answered(&refusal).await.step, Step::Said("I cannot.".to_owned()));
}

#[tokio::test]
async fn tokens_are_counted_where_the_provider_does_not() {
    let body = json!({"choices": [{"message": {"content": "hello world"}}]});
    let usage = answered(&body).await.usage;
    assert_eq!((usage.output_tokens, usage.cached_tokens), (2, 0));
    assert!((150..600).contains(&usage.input_tokens), "prompt and tools: {}", usage.input_tokens);
    assert!(usage.cost > 0.0);
}
