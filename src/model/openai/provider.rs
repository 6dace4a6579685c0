//! Where a provider answers and how it is asked, for async-openai. Its own settings read the environment and panic on a key
//! that no header can carry.

use async_openai::config::Config;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{OpenAiOptions, fault::Fault};

/// A provider's address and key.
pub(super) struct Provider {
    url: Url,
    key: SecretString,
    /// `None` for a server that wants no key.
    authorization: Option<HeaderValue>,
    sound: bool,
}

impl Provider {
    pub(super) fn new(options: &OpenAiOptions) -> Self {
        let key = options.api_key.expose_secret().trim();
        let mut authorization = HeaderValue::from_str(&format!("Bearer {key}")).ok();
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let sound = authorization.is_some();
        let authorization = authorization.filter(|_| !key.is_empty());
        Self { url: options.base_url.clone(), key: options.api_key.clone(), authorization, sound }
    }

    /// Whether a request can be made at all.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.sound {
            return Ok(());
        }
        Err(Fault::Settings("the API key holds characters that no HTTP header can carry".to_owned()))
    }
}

impl Config for Provider {
    fn headers(&self) -> HeaderMap {
        self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect()
    }

    fn url(&self, path: &str) -> String {
        let mut url = self.url.clone();
        let path = format!("{}{path}", self.url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.into()
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        self.url.as_str()
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}
