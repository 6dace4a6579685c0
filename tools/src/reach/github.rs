//! GitHub's REST API, by octocrab.

use octocrab::Octocrab;
use secrecy::SecretString;

use crate::{Failure, System, text};

/// A client of GitHub.
pub struct GitHub {
    client: Octocrab,
}

impl GitHub {
    /// A client; asks nothing yet. Must be called within a runtime, as octocrab wants it.
    ///
    /// # Errors
    /// [`Failure::Tell`] when `base` is no URL.
    pub fn new(base: &str, token: Option<SecretString>) -> Result<Self, Failure> {
        let wrong = |error: octocrab::Error| Failure::Tell(format!("GitHub: {error}"));
        let mut builder = Octocrab::builder().base_uri(base).map_err(wrong)?;
        if let Some(token) = token {
            builder = builder.personal_token(token);
        }
        Ok(Self { client: builder.build().map_err(wrong)? })
    }

    /// Whether it answers, and how many requests are left in this hour.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] with what was seen.
    pub async fn check(&self) -> Result<String, Failure> {
        let limit = self.client.ratelimit().get().await.map_err(|error| {
            Failure::unreachable(System::GitHub, text::one_line(&text::clean(&error.to_string()), 300))
        })?;
        Ok(format!("{} of {} requests left in this hour", limit.rate.remaining, limit.rate.limit))
    }
}
