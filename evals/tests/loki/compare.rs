//! When two answers count as the same: order among lines of one time is free, and numbers agree to 1e-9.

use serde_json::Value;

/// The first difference, if there is one.
pub(crate) fn difference(expected: &Value, found: &Value) -> Option<String> {
    match (expected.pointer("/data/resultType").and_then(Value::as_str), expected.pointer("/data/result")) {
        (Some(kind), Some(Value::Array(series))) => {
            let found_kind = found.pointer("/data/resultType").and_then(Value::as_str);
            if found_kind != Some(kind) {
                return Some(format!("{kind} expected, found {found_kind:?}: {found}"));
            }
            let found = found.pointer("/data/result").and_then(Value::as_array)?;
            if found.len() != series.len() {
                return Some(format!("{} series expected, found {}: {found:?}", series.len(), found.len()));
            }
            series.iter().zip(found).find_map(|(expected, found)| series_difference(expected, found))
        }
        _ if expected == found => None,
        _ => Some(format!("expected {expected}\nfound    {found}")),
    }
}

fn series_difference(expected: &Value, found: &Value) -> Option<String> {
    for name in ["stream", "metric"] {
        if expected.get(name) != found.get(name) {
            return Some(format!("{name}: expected {:?}\nfound {:?}", expected.get(name), found.get(name)));
        }
    }
    let points = |of: &Value| match (of.get("value"), of.get("values").and_then(Value::as_array)) {
        (Some(point), _) => vec![point.clone()],
        (None, Some(points)) => points.clone(),
        (None, None) => Vec::new(),
    };
    let lines = expected.get("stream").is_some();
    let (mut expected, mut found) = (points(expected), points(found));
    if lines {
        expected.sort_by_key(Value::to_string);
        found.sort_by_key(Value::to_string);
    }
    let same = expected.len() == found.len()
        && expected.iter().zip(&found).all(|(left, right)| left == right || (!lines && same_point(left, right)));
    (!same).then(|| format!("expected {expected:?}\nfound    {found:?}"))
}

fn same_point(left: &Value, right: &Value) -> bool {
    let number = |point: &Value| point.get(1).and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok());
    match (number(left), number(right)) {
        (Some(a), Some(b)) => left.get(0) == right.get(0) && (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        _ => false,
    }
}

/// Whether the same values come at the same times, whatever series they belong to: what `topk` keeps of equal ones is
/// chance.
pub(crate) fn same_values(expected: &Value, found: &Value) -> bool {
    let values = |answer: &Value| {
        let series = answer.pointer("/data/result").and_then(Value::as_array).cloned().unwrap_or_default();
        let points = series.iter().flat_map(|series| match series.get("values").and_then(Value::as_array) {
            Some(points) => points.clone(),
            None => vec![series["value"].clone()],
        });
        let mut points: Vec<String> = points.map(|point| point.to_string()).collect();
        points.sort();
        points
    };
    values(expected) == values(found)
}
