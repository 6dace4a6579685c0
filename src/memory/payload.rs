//! A point as Qdrant keeps it: flat fields, those that are filtered by among them.

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::Point;

/// The sparse vector's name.
pub(crate) const WORDS: &str = "words";
/// The dense vector's name.
pub(crate) const MEANING: &str = "meaning";
/// Fields that are filtered by their text, and so have an index.
pub(crate) const KEYWORDS: [&str; 4] = ["service", "environment", "kind", "source"];
/// The field that is filtered by time: seconds since 1970.
pub(crate) const AT: &str = "at";
/// Stands for any service or environment: a missing field cannot be asked for together with a value.
pub(crate) const ANY: &str = "";

/// The fields of a point.
pub(crate) fn of_point(point: &Point) -> Map<String, Value> {
    let any = |field: &Option<String>| Value::from(field.clone().unwrap_or_else(|| ANY.to_owned()));
    let mut fields = Map::new();
    fields.insert("source".to_owned(), point.source.clone().into());
    fields.insert("title".to_owned(), point.title.clone().into());
    fields.insert("section".to_owned(), point.section.clone().into());
    fields.insert("keywords".to_owned(), point.keywords.clone().into());
    fields.insert("service".to_owned(), any(&point.service));
    fields.insert("environment".to_owned(), any(&point.environment));
    fields.insert("kind".to_owned(), point.kind.clone().into());
    fields.insert("hash".to_owned(), point.hash.clone().into());
    fields.insert("text".to_owned(), point.text.clone().into());
    if let Some(at) = point.at {
        fields.insert(AT.to_owned(), at.timestamp().into());
    }
    if let Some(data) = &point.data {
        // As text: a server's payload knows fewer kinds of numbers than JSON.
        fields.insert("data".to_owned(), data.to_string().into());
    }
    fields
}

/// The point of these fields; what another program left out is empty.
pub(crate) fn to_point(id: u64, fields: &Map<String, Value>) -> Point {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let some = |key: &str| Some(text(key)).filter(|text| text != ANY);
    Point {
        id,
        source: text("source"),
        title: text("title"),
        section: text("section"),
        keywords: text("keywords"),
        service: some("service"),
        environment: some("environment"),
        kind: text("kind"),
        at: fields.get(AT).and_then(Value::as_i64).and_then(|at| DateTime::from_timestamp(at, 0)),
        hash: text("hash"),
        text: text("text"),
        data: fields.get("data").and_then(Value::as_str).and_then(|data| serde_json::from_str(data).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_comes_back_as_it_went() {
        let point = Point {
            id: 7,
            source: "a.md".into(),
            title: "A".into(),
            section: "B / C".into(),
            keywords: "k".into(),
            service: Some("payments".into()),
            environment: None,
            kind: "runbook".into(),
            at: DateTime::from_timestamp(1_700_000_000, 0),
            hash: "h".into(),
            text: "t".into(),
            data: Some(serde_json::json!({"incident": u64::MAX, "x": 1.5})),
        };
        assert_eq!(to_point(7, &of_point(&point)), point);
        assert_eq!(to_point(1, &Map::new()).service, None);
    }
}
