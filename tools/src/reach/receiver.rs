//! One receiver of messages: a Slack incoming webhook, or any HTTP endpoint that takes signed JSON.
//!
//! A generic webhook gets, beside its JSON body, the headers of Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`)
//! and `Idempotency-Key`; id and key are the same for every try of one message.
//!
//! Invariant: its URL and its secret are in no error and no log: whoever has a Slack webhook's URL can write there.
//!
//! Sources: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>, <https://www.standardwebhooks.com/>

use std::{collections::BTreeSet, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::http::{retry_after, seen, words};
use crate::{
    Failure, SharedClock,
    message::{Message, Severity, signature},
    text,
};

/// Bytes of a refusal that are read.
const WORDS: usize = 4 * 1024;

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DestinationKind {
    /// A Slack incoming webhook.
    Slack,
    /// An HTTP endpoint that takes JSON.
    Webhook,
}

/// Where people are told, as the settings say it.
#[derive(Debug, Clone)]
pub struct Destination {
    /// How people call it.
    pub name: String,
    /// What it understands.
    pub kind: DestinationKind,
    /// Where it is; with Slack the address itself is the secret.
    pub url: SecretString,
    /// Signs what a webhook is sent; `whsec_…` is base64.
    pub secret: Option<SecretString>,
    /// What it is told of; none means all.
    pub severities: BTreeSet<Severity>,
}

/// How often and how patiently a message is sent.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one try may take.
    pub timeout: Duration,
    /// Tries in all.
    pub attempts: u32,
    /// How long is waited before the second try; twice as long before each later one.
    pub backoff: Duration,
    /// A receiver that asks for a longer wait is given up.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            attempts: 4,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// A destination whose settings can be used.
pub(crate) struct Receiver {
    settings: Destination,
    url: Url,
}

/// One try that failed: why, and whether another one makes sense.
struct Missed {
    why: String,
    again: bool,
    wait: Option<Duration>,
}

impl Receiver {
    /// Asks nothing yet.
    ///
    /// # Errors
    /// `Tell` with what is wrong with the settings, without the URL.
    pub(crate) fn new(settings: Destination) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            let right = "right would be \"https://host/path\"";
            Failure::Tell(format!("notifications: the URL of {:?} {why}; {right}", settings.name))
        };
        let url =
            Url::parse(settings.url.expose_secret()).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("is not http:// or https://"));
        }
        if settings.kind == DestinationKind::Slack && settings.secret.is_some() {
            let what = "has a secret, but Slack takes no signature: its URL alone is the secret";
            return Err(Failure::Tell(format!("notifications: {:?} {what}", settings.name)));
        }
        Ok(Self { settings, url })
    }

    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Whether it is told of messages of this severity.
    pub(crate) fn wants(&self, severity: Severity) -> bool {
        self.settings.severities.is_empty() || self.settings.severities.contains(&severity)
    }

    /// Sends a message, patiently.
    ///
    /// # Errors
    /// Why it was not taken, and after how many tries.
    pub(crate) async fn deliver(
        &self,
        client: &Client,
        message: &Message,
        patience: Patience,
        clock: &SharedClock,
    ) -> Result<(), String> {
        let mut backoff = patience.backoff;
        let mut tried = 1;
        loop {
            let Err(missed) = self.send(client, message, patience.timeout, clock).await else {
                return Ok(());
            };
            let wait = missed.wait.unwrap_or(backoff).max(backoff);
            let told = if tried == 1 { missed.why } else { format!("{} (tried {tried} times)", missed.why) };
            if !missed.again || tried >= patience.attempts {
                return Err(told);
            }
            if wait > patience.longest_wait {
                return Err(format!("{told}; it asks to be left alone for {} s", wait.as_secs()));
            }
            clock.sleep(wait).await;
            backoff = backoff.saturating_mul(2).min(patience.longest_wait);
            tried += 1;
        }
    }

    async fn send(
        &self,
        client: &Client,
        message: &Message,
        timeout: Duration,
        clock: &SharedClock,
    ) -> Result<(), Missed> {
        let response = match self.request(client, message, clock)?.timeout(timeout).send().await {
            Ok(response) => response,
            Err(error) => {
                // Without a key a second try of what may have come through may be read twice.
                let again = error.is_connect() || self.settings.kind == DestinationKind::Webhook;
                let unsure = if again { "" } else { "; it may have come through" };
                return Err(Missed {
                    why: format!("{}{unsure}", self.hidden(&seen(&error, timeout))),
                    again,
                    wait: None,
                });
            }
        };
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let again = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY);
        let wait = retry_after(&response, clock);
        let words = self.hidden(&beginning(response).await);
        Err(Missed { why: format!("answers {status}: {words}"), again, wait })
    }

    fn request(&self, client: &Client, message: &Message, clock: &SharedClock) -> Result<RequestBuilder, Missed> {
        let request = client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json");
        match self.settings.kind {
            DestinationKind::Slack => Ok(request.body(message.slack().to_string())),
            DestinationKind::Webhook => {
                let (body, timestamp) = (message.webhook().to_string(), clock.now().timestamp());
                let mut request = request
                    .header("Idempotency-Key", &message.key)
                    .header("webhook-id", &message.key)
                    .header("webhook-timestamp", timestamp);
                if let Some(secret) = &self.settings.secret {
                    let unsigned =
                        || Missed { why: "cannot be signed with its secret".to_owned(), again: false, wait: None };
                    let signed = signature(secret.expose_secret(), &message.key, timestamp, &body);
                    request = request.header("webhook-signature", signed.ok_or_else(unsigned)?);
                }
                Ok(request.body(body))
            }
        }
    }

    /// A text without the address and the secret, should the receiver repeat them.
    fn hidden(&self, text: &str) -> String {
        let url = self.settings.url.expose_secret();
        let secret = self.settings.secret.as_ref().map_or("", |secret| secret.expose_secret());
        let mut text = text.to_owned();
        for hide in [url, secret, self.url.as_str(), self.url.path(), self.url.query().unwrap_or_default()] {
            if hide.len() > 3 {
                text = text.replace(hide, text::MASK);
            }
        }
        text
    }
}

/// The beginning of a refusal in the receiver's own words.
async fn beginning(mut response: Response) -> String {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= WORDS {
            body.truncate(WORDS);
            break;
        }
    }
    text::cut(&words(&body), 200)
}
