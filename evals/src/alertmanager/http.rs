//! Silences over HTTP, with Alertmanager's own errors.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    matcher::{Matcher, quoted},
    silences::Silence,
};
use crate::{time, world::Shared};

/// A refusal: status and body.
pub(super) struct Refused(StatusCode, Value);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

/// Refused by the handler: the body is a text.
pub(super) fn said(status: StatusCode, what: impl Into<String>) -> Refused {
    Refused(status, Value::String(what.into()))
}

/// Refused by the API's own description: the body has a code.
fn invalid(status: StatusCode, code: u32, message: String) -> Refused {
    Refused(status, json!({ "code": code, "message": message }))
}

fn unparsed(why: &str) -> Refused {
    invalid(StatusCode::BAD_REQUEST, 400, format!("parsing silence body from \"\" failed, because {why}"))
}

/// `GET /api/v2/silences`.
pub(super) async fn list(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Result<Response, Refused> {
    let filters = filters(query.as_deref())?;
    let now = shared.now();
    let silences = shared.silences();
    let wanted = silences.sorted(now).into_iter().filter(|silence| {
        // A filter asks for silences that have such a matcher.
        filters.iter().all(|filter| silence.matchers.iter().any(|matcher| matcher.same(filter)))
    });
    Ok(Json(wanted.map(|silence| silence.document(now)).collect::<Value>()).into_response())
}

/// The `filter` parameters of a query.
pub(super) fn filters(query: Option<&str>) -> Result<Vec<Matcher>, Refused> {
    let all = pairs(query).into_iter().filter(|(name, _)| name == "filter");
    all.map(|(_, filter)| Matcher::of_filter(&filter).map_err(|what| said(StatusCode::BAD_REQUEST, what))).collect()
}

/// A query's parameters, decoded.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// A value as a URL's query has it, decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%');
        let byte = escaped.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `GET /api/v2/silence/{id}`.
pub(super) async fn get(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Refused> {
    named(&id)?;
    let now = shared.now();
    let found = shared.silences().get(&id).map(|silence| silence.document(now));
    Ok(found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |silence| Json(silence).into_response()))
}

/// `DELETE /api/v2/silence/{id}`.
pub(super) async fn expire(State(shared): State<Shared>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    named(&id)?;
    let now = shared.now();
    if shared.silences().expire(&id, now) {
        return Ok(StatusCode::OK);
    }
    Err(said(StatusCode::INTERNAL_SERVER_ERROR, "silence not found"))
}

/// The path names a silence by a UUID, or nothing.
fn named(id: &str) -> Result<(), Refused> {
    let groups: Vec<_> = id.split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_uuid {
        return Ok(());
    }
    let message = format!("silenceID in path must be of type uuid: {}", quoted(id));
    Err(invalid(StatusCode::UNPROCESSABLE_ENTITY, 601, message))
}

/// `POST /api/v2/silences`.
pub(super) async fn post(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("application/octet-stream");
    if !body.is_empty() && kind.split(';').next().map(str::trim) != Some("application/json") {
        let message = format!("unsupported media type {}, only [application/json] are allowed", quoted(kind));
        return Err(invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, 415, message));
    }
    let silence = parsed(&body)?;
    let now = shared.now();
    if silence.starts_at >= silence.ends_at {
        return Err(said(StatusCode::BAD_REQUEST, "Failed to create silence: start time must be before end time"));
    }
    if silence.ends_at < now {
        return Err(said(StatusCode::BAD_REQUEST, "Failed to create silence: end time can't be in the past"));
    }
    if silence.matchers.iter().all(Matcher::matches_empty) {
        let what = "silence invalid: at least one matcher must not match the empty string";
        return Err(said(StatusCode::BAD_REQUEST, what));
    }
    let id = shared.silences().set(silence, now).map_err(|what| said(StatusCode::NOT_FOUND, what))?;
    Ok(Json(json!({ "silenceID": id })).into_response())
}

/// The silence of a body; the first field that is wrong is told, in the order of Alertmanager's checks.
fn parsed(body: &[u8]) -> Result<Silence, Refused> {
    let required = |field: &str| invalid(StatusCode::UNPROCESSABLE_ENTITY, 602, format!("{field} in body is required"));
    if body.is_empty() {
        return Err(required("silence"));
    }
    let fields: Map<String, Value> = serde_json::from_slice(body).map_err(|error| unparsed(&error.to_string()))?;
    let text = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(unparsed(&mistyped(other, field))),
    };
    let moment =
        |field: &str| text(field)?.map(|text| time::parse(&text).ok_or_else(|| unparsed(&no_time(&text)))).transpose();
    // What cannot be read at all is told before what is missing.
    let (comment, created_by) = (text("comment")?, text("createdBy")?);
    let (ends_at, starts_at) = (moment("endsAt")?, moment("startsAt")?);
    let id = text("id")?.unwrap_or_default();
    let comment = comment.ok_or_else(|| required("comment"))?;
    let created_by = created_by.ok_or_else(|| required("createdBy"))?;
    let ends_at = ends_at.ok_or_else(|| required("endsAt"))?;
    let listed = fields.get("matchers").and_then(Value::as_array).ok_or_else(|| required("matchers"))?;
    if listed.is_empty() {
        let message = "matchers in body should have at least 1 items".to_owned();
        return Err(invalid(StatusCode::UNPROCESSABLE_ENTITY, 612, message));
    }
    let mut matchers = Vec::new();
    for (index, matcher) in listed.iter().enumerate() {
        let field = |name: &str| matcher.get(name).filter(|value| !value.is_null());
        let missing = |name: &str| required(&format!("matchers.{index}.{name}"));
        let is_regex = field("isRegex").and_then(Value::as_bool).ok_or_else(|| missing("isRegex"))?;
        let name = field("name").and_then(Value::as_str).ok_or_else(|| missing("name"))?;
        let value = field("value").and_then(Value::as_str).ok_or_else(|| missing("value"))?;
        let is_equal = field("isEqual").and_then(Value::as_bool).unwrap_or(true);
        let wrong = |what: String| {
            said(StatusCode::BAD_REQUEST, format!("silence invalid: invalid label matcher {index}: {what}"))
        };
        matchers.push(Matcher::new(name, value, is_regex, is_equal).map_err(wrong)?);
    }
    let starts_at = starts_at.ok_or_else(|| required("startsAt"))?;
    Ok(Silence { id, matchers, starts_at, ends_at, updated_at: 0, created_by, comment })
}

fn mistyped(value: &Value, field: &str) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {kind} into Go struct field Silence.{field} of type string")
}

fn no_time(text: &str) -> String {
    let text = quoted(text);
    format!("parsing time {text} as \"2006-01-02 15:04:05\": cannot parse {text} as \"2006\"")
}
