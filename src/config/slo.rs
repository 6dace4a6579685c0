//! `[services.<name>.slo]`: what a service promises, checked when it is read.

use serde::{Deserialize, Deserializer, de::Error};
use tools::Slo;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SloSettings {
    objective: f64,
    #[serde(default = "window")]
    window: String,
    #[serde(default)]
    errors: Option<String>,
    #[serde(default)]
    total: Option<String>,
}

fn window() -> String {
    Slo::WINDOW.to_owned()
}

/// Reads the table; says what is wrong with it and what would be right.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Slo>, D::Error> {
    let set = SloSettings::deserialize(from)?;
    Slo::new(set.objective, &set.window, set.errors, set.total).map(Some).map_err(D::Error::custom)
}
