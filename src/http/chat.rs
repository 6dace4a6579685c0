//! `POST /v1/chat/completions`, as OpenAI's API has it: a question is investigated by the same loop, in a journal of its own.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>

use std::convert::Infallible;

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event as SseEvent, KeepAlive},
    },
};
use futures::{Stream, StreamExt, future, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SharedHttp, auth::Caller, events::follow, problem::Problem, webhook};
use crate::{
    incident::{Claim, Conclusion, Entry, Event, Incident, IncidentId, ServiceMatch, Source},
    report,
};

/// The name of the model that answers: whatever is asked for, the agent does.
const MODEL: &str = "devops-agent";
/// Characters of a conversation that are kept, newest last.
const CONVERSATION: usize = 16_000;

#[derive(Debug, Deserialize)]
struct Request {
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// `GET /v1/models`.
pub(super) async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": MODEL, "object": "model", "created": 0, "owned_by": MODEL }] }))
}

/// `POST /v1/chat/completions`. Errors have OpenAI's form, since its clients read no other.
pub(super) async fn completions(
    State(http): State<SharedHttp>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asked = async {
        let body = webhook::read(&headers, body, http.body_limit).await?;
        let mut deserializer = serde_json::Deserializer::from_slice(&body);
        let request: Request = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| Problem::bad_request(format!("at `{}`: {}", error.path(), error.inner())))?;
        let question = conversation(&request.messages)?;
        let id = open(&http, &caller, question).await?;
        Ok::<_, Problem>((request, id))
    };
    match asked.await {
        Ok((request, id)) if request.stream => streamed(&http, id),
        Ok((_, id)) => whole(&http, id).await,
        Err(problem) => problem.into_response(),
    }
}

/// A conversation as one question.
struct Asked {
    /// All of it, earlier turns first.
    text: String,
    /// What the person said of it, where that is not all.
    words: Option<String>,
}

/// The conversation without system messages, which are not the caller's to set.
fn conversation(messages: &[Message]) -> Result<Asked, Problem> {
    let Some(last) = messages
        .iter()
        .rfind(|message| message.role == "user")
        .map(Message::text)
        .filter(|text| !text.trim().is_empty())
    else {
        return Err(Problem::bad_request("`messages` holds no message with role \"user\" and text in it"));
    };
    let earlier: Vec<_> = messages
        .iter()
        .filter(|message| matches!(message.role.as_str(), "user" | "assistant"))
        .map(|message| format!("{}: {}", message.role, message.text()))
        .collect();
    let text = if earlier.len() > 1 { earlier.join("\n\n") } else { last };
    let by = |role: &'static str| messages.iter().filter(move |message| message.role == role);
    let words = || newest(&by("user").map(Message::text).collect::<Vec<_>>().join("\n\n"));
    Ok(Asked { text: newest(&text), words: by("assistant").next().map(|_| words()) })
}

/// What was said last, cleaned.
fn newest(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(CONVERSATION);
    tools::clean(&text.chars().skip(skipped).collect::<String>())
}

async fn open(http: &SharedHttp, caller: &Caller, asked: Asked) -> Result<IncidentId, Problem> {
    let Asked { text, words: said } = asked;
    let catalogue = http.catalogue.load();
    let words: Vec<&str> = text.split(|letter: char| !(letter.is_alphanumeric() || "-_.".contains(letter))).collect();
    let named = catalogue.iter().find(|service| words.iter().any(|word| word.trim_end_matches('.') == service.name));
    let service = named.map_or_else(
        || ServiceMatch::Nothing { tried: Vec::new() },
        |service| ServiceMatch::Named { service: service.name.clone() },
    );
    let title: String = text.lines().last().unwrap_or_default().chars().take(100).collect();
    let source = Source::Question { text, words: said, by: caller.name.clone() };
    Ok(http.journal.begin(vec![Event::Opened { source, title, service }], http.intake.queue).await?)
}

/// What a caller sees of one entry.
enum Told {
    /// On the way.
    Progress(String),
    /// The answer; nothing comes after it.
    Answer(String),
}

fn told(entry: &Entry) -> Option<Told> {
    if let Event::Concluded { conclusion, .. } = &entry.event {
        return Some(Told::Answer(answer(conclusion)));
    }
    if let Event::HandedOver { why } = &entry.event {
        return Some(Told::Answer(format!("This could not be answered: {why}")));
    }
    if let Event::ApprovalWanted { call, .. } = &entry.event {
        return Some(Told::Answer(format!(
            "Leave is needed to go on: {} {} (incident {}, call {}).\nSay yes with POST /incidents/{}/approvals/{} \
             {{\"decision\": \"approve\"}}, or `devops-agent incidents approve {} {}`; then ask again.",
            call.tool, call.args, entry.incident, call.id, entry.incident, call.id, entry.incident, call.id
        )));
    }
    report::line(entry).map(Told::Progress)
}

fn answer(conclusion: &Conclusion) -> String {
    let mut text = conclusion.summary.clone();
    for Claim { text: claim, evidence, unproven } in &conclusion.claims {
        let cited: Vec<_> = evidence.iter().map(|seq| format!("[{seq}]")).collect();
        let mark = unproven.as_ref().map_or_else(String::new, |why| format!(" (unproven: {why})"));
        text.push_str(&format!("\n- {claim} {}{mark}", cited.join(" ")));
    }
    for missed in &conclusion.not_checked {
        text.push_str(&format!("\nNot checked: {missed}"));
    }
    text
}

/// Progress and at last the answer.
fn telling(http: &SharedHttp, id: IncidentId) -> impl Stream<Item = Told> + Send + use<> {
    let told = follow(http.journal.clone(), id, 0).filter_map(|entry| future::ready(told(&entry)));
    told.scan(false, |over, told| {
        let last = std::mem::replace(over, matches!(told, Told::Answer(_)));
        future::ready((!last).then_some(told))
    })
}

async fn whole(http: &SharedHttp, id: IncidentId) -> Response {
    let mut telling = std::pin::pin!(telling(http, id));
    let mut content = String::from("The agent stopped before there was an answer; ask again.");
    while let Some(told) = telling.next().await {
        if let Told::Answer(text) = told {
            content = text;
            break;
        }
    }
    let usage = http.journal.incident(id).await.map(|(incident, _)| usage(&incident)).unwrap_or_default();
    let body = json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": http.clock.now().timestamp(),
        "model": MODEL, "usage": usage,
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": content } }],
    });
    named(id, Json(body).into_response())
}

fn streamed(http: &SharedHttp, id: IncidentId) -> Response {
    let created = http.clock.now().timestamp();
    let chunk = move |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        let body = json!({
            "id": format!("chatcmpl-{id}"), "object": "chat.completion.chunk", "created": created, "model": MODEL,
            "choices": [choice],
        });
        Ok::<_, Infallible>(SseEvent::default().data(body.to_string()))
    };
    let begin = stream::iter([chunk(json!({ "role": "assistant", "content": "" }), None)]);
    let middle = telling(http, id).map(move |told| match told {
        Told::Progress(line) => chunk(json!({ "reasoning_content": format!("{line}\n") }), None),
        Told::Answer(text) => chunk(json!({ "content": text }), None),
    });
    let end = stream::iter([chunk(json!({}), Some("stop")), Ok(SseEvent::default().data("[DONE]"))]);
    let events = begin.chain(middle).chain(end);
    named(id, Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

/// Tells the caller where the whole investigation can be read.
fn named(id: IncidentId, mut response: Response) -> Response {
    response.headers_mut().insert("x-incident-id", HeaderValue::from(id));
    response
}

fn usage(incident: &Incident) -> Value {
    let usage = incident.usage;
    json!({
        "prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_persons_own_words_are_kept_apart_from_answers_of_ours() {
        let asked = |messages: Value| {
            let messages: Vec<Message> = serde_json::from_value(messages).unwrap();
            let Asked { text, words } = conversation(&messages).ok().unwrap();
            (text, words)
        };
        let user = |text: &str| json!({ "role": "user", "content": text });
        let ours = json!({ "role": "assistant", "content": "the log says: deploy evil/app:9" });
        assert_eq!(asked(json!([user("how is web?")])), ("how is web?".to_owned(), None));
        let (text, words) = asked(json!([user("what do the logs say?"), ours, user("repair it")]));
        assert!(text.contains("assistant: the log says: deploy evil/app:9"), "{text}");
        assert_eq!(words.as_deref(), Some("what do the logs say?\n\nrepair it"));
    }
}
