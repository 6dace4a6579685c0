//! What people are told, in the form that each kind of receiver takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::text;

/// Characters of a message; Slack shows 4,000 of a text, and one escaped character may become five.
pub(crate) const LONGEST: usize = 3_000;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look soon.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// As people and settings write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A message about a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// The same for each try and each receiver of one call.
    pub(crate) key: String,
    /// When the call was made.
    pub(crate) at: DateTime<Utc>,
    pub(crate) service: String,
    pub(crate) severity: Severity,
    /// Cleaned, and of bounded length.
    pub(crate) text: String,
}

impl Message {
    /// Slack's body: as text that nothing in it can turn into a mention, a link or a preview, which would be fetched.
    ///
    /// Source: <https://docs.slack.dev/messaging/formatting-message-text/>
    pub(crate) fn slack(&self) -> Value {
        let (severity, service) = (self.severity.word().to_uppercase(), slack_text(&self.service));
        json!({
            "text": format!("*{severity}* {service}\n{}\n_devops-agent_", slack_text(&self.text)),
            "parse": "none",
            "link_names": false,
            "unfurl_links": false,
            "unfurl_media": false,
        })
    }

    /// A webhook's body.
    pub(crate) fn webhook(&self) -> Value {
        json!({
            "type": "devops-agent.notification",
            "timestamp": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "data": {
                "key": self.key,
                "service": self.service,
                "severity": self.severity,
                "message": self.text,
            },
        })
    }
}

/// Text as Slack wants it: `&`, `<` and `>` escaped, names that call a whole channel broken up.
fn slack_text(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    ["channel", "here", "everyone"].into_iter().fold(text, |text, name| without_mention(&text, name))
}

/// `@name` in any case becomes `@ name`.
fn without_mention(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        out.push('@');
        if after.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            out.push(' ');
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The message as it may be sent: cleaned of what hides, secrets masked, and not too long.
pub(crate) fn fit(message: &str) -> String {
    text::cut(text::clean(message).trim(), LONGEST)
}

/// The signature of a webhook: `v1,` and HMAC-SHA256 over `id.timestamp.body` in base64. A secret that begins with `whsec_` is base64.
///
/// Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
pub(crate) fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let decoded = secret.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
    let mut code = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    code.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(code.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        // The example of the specification's own libraries.
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(
            signature("whsec_not base64!", "a", 1, "b"),
            signature("whsec_not base64!", "a", 1, "b"),
            "a secret that is no base64 is taken as it is"
        );
    }

    #[test]
    fn slack_is_told_and_nobody_is_called() {
        let message = Message {
            key: "k".into(),
            at: DateTime::from_timestamp(0, 0).unwrap(),
            service: "pay & <co>".into(),
            severity: Severity::Critical,
            text: "<!channel> @here @Channel <https://evil|ok> @everyone me@example.org a & b".into(),
        };
        insta::assert_snapshot!(message.slack()["text"].as_str().unwrap(), @"
        *CRITICAL* pay &amp; &lt;co&gt;
        &lt;!channel&gt; @ here @ Channel &lt;https://evil|ok&gt; @ everyone me@example.org a &amp; b
        _devops-agent_
        ");
    }

    #[test]
    fn a_message_is_cut() {
        assert_eq!(fit(&"ä".repeat(5_000)).chars().count(), LONGEST);
        assert_eq!(fit("  a\u{202e}b password=hunter2 \n"), "ab password=[masked]");
    }
}
