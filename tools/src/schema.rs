//! From argument types to what a model reads, and back from what a model wrote.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Spec, Touches};

/// The name, description, schema and example of one tool, derived once.
pub(crate) struct Described {
    pub(crate) spec: Spec,
}

impl Described {
    pub(crate) fn of<A: JsonSchema>(name: &str, touches: Option<Touches>, words: &'static [&'static str]) -> Self {
        let generator = SchemaSettings::draft2020_12().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let mut schema = generator.into_generator().into_root_schema_for::<A>().to_value();
        let (mut description, mut example) = (String::new(), Value::Object(Map::new()));
        if let Some(root) = schema.as_object_mut() {
            root.remove("title");
            if let Some(Value::String(text)) = root.remove("description") {
                description = text;
            }
            if let Some(Value::Array(examples)) = root.remove("examples") {
                example = examples.into_iter().next().unwrap_or(example);
            }
            root.entry("properties").or_insert_with(|| Value::Object(Map::new()));
        }
        Self { spec: Spec { name: name.to_owned(), description, schema, example, touches, words, trusted: &[] } }
    }
}

/// What a model is told of a pseudo-tool that no registry holds.
pub fn spec_of<A: JsonSchema>(name: &str) -> Spec {
    Described::of::<A>(name, None, &[]).spec
}

impl Spec {
    /// The same tool with its `service` argument narrowed to these names: what a model cannot name it does not try.
    #[must_use]
    pub fn narrowed(&self, services: &[String]) -> Self {
        let mut narrowed = self.clone();
        if let Some(Value::Object(service)) = narrowed.schema.pointer_mut("/properties/service") {
            service.insert("enum".to_owned(), services.iter().cloned().map(Value::String).collect());
        }
        narrowed
    }

    /// Puts bounds (`minimum`, `maximum`) on an argument that is a number, in words as well: strict mode leaves the keywords out. A tool
    /// without it stays as it is.
    pub fn bound(&mut self, property: &str, bounds: Value) {
        let found = self.schema.pointer_mut(&format!("/properties/{property}"));
        if let (Some(Value::Object(own)), Value::Object(bounds), Some(_)) = (found, bounds, self.touches) {
            let of = |bound: &str| bounds.get(bound).map_or_else(String::new, Value::to_string);
            let words = format!("At least {}, at most {}.", of("minimum"), of("maximum"));
            let said = own.get("description").and_then(Value::as_str).unwrap_or_default();
            own.insert("description".to_owned(), Value::String(format!("{said} {words}").trim().to_owned()));
            own.extend(bounds);
        }
    }
}

/// Reads typed arguments; the error tells the path.
pub(crate) fn parse<A: DeserializeOwned>(value: &Value) -> Result<A, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if path == "." { inner.to_string() } else { format!("at `{path}`: {inner}") }
    })
}
