//! `[model]`: who thinks, and what that costs.

use std::{collections::BTreeMap, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

use super::{secret, units};

/// `[model]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// In the order in which they are tried.
    pub chain: Vec<String>,
    /// Providers by name.
    pub providers: BTreeMap<String, Provider>,
}

/// `[model.providers.<name>]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Base URL of an OpenAI-compatible API.
    #[serde(with = "units::http_url")]
    pub base_url: String,
    /// API key.
    #[serde(default, with = "secret::optional")]
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// Temperature; none: the provider's own.
    #[serde(default)]
    pub temperature: Option<f32>,
    /// Tokens of one answer.
    #[serde(default = "Provider::max_output_tokens")]
    pub max_output_tokens: usize,
    /// Tokens in all.
    #[serde(default = "Provider::context_window")]
    pub context_window: usize,
    /// How long one request may take.
    #[serde(default = "Provider::timeout", with = "units::duration")]
    pub timeout: Duration,
    /// Retries of one request.
    #[serde(default = "Provider::retries")]
    pub retries: u32,
    /// Whether answers are streamed.
    #[serde(default = "yes")]
    pub streaming: bool,
    /// Whether several calls may come in one turn.
    #[serde(default = "yes")]
    pub parallel_tool_calls: bool,
    /// Whether tools have strict schemas.
    #[serde(default = "yes")]
    pub strict: bool,
    /// What tokens cost.
    #[serde(default)]
    pub price: PriceSettings,
}

impl Provider {
    fn max_output_tokens() -> usize {
        2_048
    }

    fn context_window() -> usize {
        128_000
    }

    fn timeout() -> Duration {
        Duration::from_secs(60)
    }

    fn retries() -> u32 {
        3
    }
}

fn yes() -> bool {
    true
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSettings {
    /// Read.
    pub input_per_million: f64,
    /// Read from the provider's cache.
    pub cached_input_per_million: f64,
    /// Written.
    pub output_per_million: f64,
}
