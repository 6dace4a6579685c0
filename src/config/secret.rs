//! Secrets: a type that prints `[secret]`, read from the settings or from a file beside them.

use secrecy::SecretString;

/// A secret that must be there.
pub(super) mod required {
    use serde::{Deserialize, Deserializer, de::Error};

    use super::SecretString;

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SecretString, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Err(D::Error::custom("it is empty; give a secret, or its file as `…_file`"));
        }
        Ok(text.into())
    }
}

/// A secret that may be left empty.
pub(super) mod optional {
    use serde::{Deserialize, Deserializer};

    use super::SecretString;

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
        let text = String::deserialize(from)?;
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

/// The keys whose values are secrets.
pub(super) const KEYS: [&str; 6] = ["token", "password", "bearer_token", "api_key", "webhook_url", "signing_secret"];
