//! `filters`: JSON in one of its two forms, `{"name":["a"]}` or `{"name":{"a":true}}`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The wanted values by the filter's name; a name that is not there wants nothing in particular.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Reads the parameter; absent or empty is no filter.
    pub(super) fn read(text: Option<&str>, known: &[&str]) -> Result<Self, String> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self::default());
        };
        let parsed: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("invalid filter: {error}"))?;
        let mut all = BTreeMap::new();
        for (name, values) in parsed {
            if !known.contains(&name.as_str()) {
                return Err(format!("Invalid filter '{name}'"));
            }
            let values = match values {
                Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                Value::Object(map) => {
                    map.into_iter().filter(|(_, on)| on.as_bool() != Some(false)).map(|(value, _)| value).collect()
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    return Err(format!("invalid filter '{name}': a list or a map of values"));
                }
            };
            all.insert(name, values);
        }
        Ok(Self(all))
    }

    /// Whether `name` is not filtered, or one of its wanted values `holds`.
    pub(super) fn any(&self, name: &str, holds: impl Fn(&str) -> bool) -> bool {
        self.0.get(name).is_none_or(|values| values.is_empty() || values.iter().any(|value| holds(value)))
    }

    /// Whether all wanted values of `name` hold.
    pub(super) fn every(&self, name: &str, holds: impl Fn(&str) -> bool) -> bool {
        self.0.get(name).is_none_or(|values| values.iter().all(|value| holds(value)))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Whether labels have `key` or `key=value`.
pub(super) fn has_label(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_alike() {
        let read = |text| Filters::read(Some(text), &["name", "label"]);
        assert_eq!(read(r#"{"name":["a","b"]}"#), read(r#"{"name":{"a":true,"b":true}}"#));
        assert_eq!(read(r#"{"nane":["a"]}"#), Err("Invalid filter 'nane'".to_owned()));
        assert!(read("{").is_err());
        assert_eq!(Filters::read(None, &[]), Ok(Filters::default()));
    }
}
