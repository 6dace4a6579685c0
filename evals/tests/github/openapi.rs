//! GitHub's official OpenAPI description as a judge of requests and answers.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Value, json};

static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("openapi.json")).expect("the description is JSON"));

/// Validators by what they validate: they take their time to be built.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Validator>>> = LazyLock::new(Mutex::default);

/// One request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) sent: Option<Value>,
    pub(crate) status: u16,
    pub(crate) answer: Option<Value>,
}

/// What is wrong with an exchange.
pub(crate) fn problems(exchange: &Exchange) -> Vec<String> {
    let Exchange { method, path, status, .. } = exchange;
    let Some((template, operation)) = operation(method, path) else {
        return vec![format!("{method} {path}: GitHub has no such address")];
    };
    let name = format!("{method} {template}");
    let mut problems = parameters(&name, operation, &exchange.query);
    problems.extend(request(&name, operation, exchange.sent.as_ref()));
    // A part of GitHub that is down describes nothing.
    if *status >= 500 {
        return problems;
    }
    let documented = operation["responses"].get(status.to_string());
    // Any address may answer that the caller may not: the description does not say so everywhere.
    let no = json!({ "schema": { "$ref": "#/components/schemas/basic-error" } });
    let response = documented.or_else(|| matches!(status, 401 | 403 | 404).then_some(&no));
    match (response.map(|response| response.get("schema")), &exchange.answer) {
        (None, _) => problems.push(format!("{name}: answers {status}, which is not described")),
        (Some(None), Some(answer)) if *status == 204 => problems.push(format!("{name}: 204 with a body: {answer}")),
        (Some(None), _) => (),
        (Some(Some(_)), None) => problems.push(format!("{name}: {status} without a body")),
        (Some(Some(schema)), Some(answer)) => problems.extend(against(&format!("{name} {status}"), schema, answer)),
    }
    problems
}

/// The operation whose address fits best: the fewest parts that are filled in.
fn operation(method: &str, path: &str) -> Option<(String, &'static Value)> {
    let paths = DESCRIPTION["paths"].as_object().expect("paths");
    let fitting = paths.iter().filter(|(template, _)| fits(template, path));
    let (template, operations) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    Some((template.clone(), operations.get(method.to_lowercase())?))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut parts, mut rest) = (template.split('/').peekable(), path.split('/').peekable());
    while let Some(part) = parts.next() {
        // These hold slashes themselves, and stand last.
        if matches!(part, "{path}" | "{ref}" | "{basehead}") && parts.peek().is_none() {
            return rest.next().is_some();
        }
        match rest.next() {
            Some(found) if part == found => (),
            Some(found) if part.starts_with('{') && !found.is_empty() => (),
            _ => return false,
        }
    }
    rest.next().is_none()
}

fn parameters(name: &str, operation: &Value, query: &[(String, String)]) -> Vec<String> {
    let known = operation["parameters"].as_array().expect("parameters");
    let mut problems = Vec::new();
    for (key, text) in query {
        let Some(parameter) = known.iter().find(|known| known["in"] == "query" && known["name"] == key.as_str()) else {
            problems.push(format!("{name}: there is no parameter {key}"));
            continue;
        };
        let value = match parameter["schema"]["type"].as_str() {
            Some("integer") => text.parse::<i64>().map_or(json!(text), Value::from),
            Some("boolean") => text.parse::<bool>().map_or(json!(text), Value::from),
            _ => json!(text),
        };
        problems.extend(against(&format!("{name} ?{key}"), &parameter["schema"], &value));
    }
    for needed in known.iter().filter(|known| known["in"] == "query" && known["required"] == true) {
        if !query.iter().any(|(key, _)| needed["name"] == key.as_str()) {
            problems.push(format!("{name}: the parameter {} is missing", needed["name"]));
        }
    }
    problems
}

fn request(name: &str, operation: &Value, sent: Option<&Value>) -> Vec<String> {
    let (described, sent) = match (operation.get("requestBody"), sent) {
        (None, None) => return Vec::new(),
        (None, Some(sent)) => return vec![format!("{name}: takes no body, and was sent {sent}")],
        (Some(_), None) => return vec![format!("{name}: wants a body")],
        (Some(described), Some(sent)) => (described, sent),
    };
    let mut problems = against(&format!("{name} body"), &described["schema"], sent);
    // GitHub takes fields that it does not know, and does nothing with them: for us that is a mistake.
    let known = described["schema"]["properties"].as_object();
    for key in sent.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if known.is_some_and(|known| !known.contains_key(key)) {
            problems.push(format!("{name} body: there is no field {key}"));
        }
    }
    problems
}

fn against(name: &str, schema: &Value, value: &Value) -> Vec<String> {
    let mut validators = VALIDATORS.lock().unwrap();
    let validator = validators.entry(name.to_owned()).or_insert_with(|| {
        let whole = json!({ "components": DESCRIPTION["components"], "allOf": [schema] });
        jsonschema::validator_for(&whole).unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    let shown = |error: jsonschema::ValidationError<'_>| {
        let text: String = error.to_string().chars().take(300).collect();
        format!("{name}: at {:?}: {text}", error.instance_path().to_string())
    };
    validator.iter_errors(value).map(shown).collect()
}

#[test]
fn the_judge_finds_what_is_wrong() {
    let right = Exchange {
        method: "POST".into(),
        path: "/repos/a/b/git/refs".into(),
        query: Vec::new(),
        sent: Some(json!({ "ref": "refs/heads/x", "sha": "1" })),
        status: 422,
        answer: Some(json!({ "message": "Reference already exists", "documentation_url": "x" })),
    };
    assert_eq!(problems(&right), Vec::<String>::new());
    let wrong = [
        Exchange { path: "/repos/a/b/git/reefs".into(), ..right.clone() },
        Exchange { method: "PUT".into(), ..right.clone() },
        Exchange { query: vec![("page".into(), "1".into())], ..right.clone() },
        Exchange { sent: Some(json!({ "ref": "refs/heads/x" })), ..right.clone() },
        Exchange { sent: Some(json!({ "ref": 1, "sha": "1" })), ..right.clone() },
        Exchange { sent: Some(json!({ "ref": "refs/heads/x", "sha": "1", "shaw": "1" })), ..right.clone() },
        Exchange { sent: None, ..right.clone() },
        Exchange { status: 418, ..right.clone() },
        Exchange { status: 201, ..right.clone() },
        Exchange { answer: None, ..right.clone() },
    ];
    for exchange in wrong {
        assert!(!problems(&exchange).is_empty(), "{exchange:?}");
    }
}
