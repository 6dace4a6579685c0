//! Secrets by where they stand: in an address, a header, on a command line, under a key that tells.

use regex::Captures;

use super::{
    Rule, With,
    random::{is_hexadecimal, is_mixed, is_opaque, is_uuid},
};

/// A value, in quotes of its own, in quotes within a quoted text, or bare: groups 2 to 5.
macro_rules! value {
    () => {
        r#"(?:Some\(|b)?(?:"((?:[^"\\\n]|\\[^\n])+)"|'([^'\n]+)'|\\+"([^"\\\n]+)\\+"|([^\s"',;&}\])<>|\\]+))"#
    };
}

/// What stands between a key and its value.
macro_rules! between {
    () => {
        r#"(?:\\*["'])?\]?[ \t]{0,8}(?:=>|:=|=|:|>)[ \t]{0,8}"#
    };
}

/// Words that end a key whose value is a secret, whatever it looks like.
macro_rules! strong {
    () => {
        r"(?:passwords?|passwd|passphrase|passcode|[_.-]pass|pwd|secrets?|credentials?|api[_.-]?keys?|(?:access|secret|private|account|shared|shared[_.-]?access|encryption|signing|master|storage|subscription|license|service|auth|session|host)[_.-]?keys?|(?:auth|access|refresh|id|session|bearer|api|personal|private|security|deploy|bot|webhook)[_.-]?tokens?)(?:[_-]?[0-9]{1,2})?"
    };
}

pub(super) static RULES: &[Rule] = &[
    // An address with a password, or with a token in place of a user.
    Rule {
        words: &["://"],
        pattern: r#"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"'<>]*):([^\s/"'<>]+)@"#,
        with: With::If(2, |_, value| !value.is_empty()),
    },
    Rule {
        words: &["://"],
        pattern: r"([a-zA-Z][a-zA-Z0-9+.-]*://)([A-Za-z0-9_=-]{20,})@",
        with: With::If(2, |_, value| is_mixed(value)),
    },
    Rule {
        words: &["sig", "token", "key", "code", "credential", "password", "secret"],
        pattern: r#"(?i)([?&](?:sig|signature|token|key|code|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential)=)([^&\s"'#<>]{12,})"#,
        with: With::If(2, |_, value| is_mixed(value)),
    },
    // Headers.
    Rule {
        words: &["authorization"],
        pattern: r#"(?i)(authorization(?:\\*["'])?[ \t]*[:=][ \t]*\[?(?:\\*["'])?(?:(?:bearer|basic|token|negotiate|ntlm|apikey|ssws)[ \t]+))([^\s"',;\\\]]+)"#,
        with: With::If(2, |_, value| !common(value)),
    },
    Rule {
        words: &["authorization"],
        pattern: r#"(?i)(authorization(?:\\*["'])?[ \t]*[:=][ \t]*\[?(?:\\*["'])?(?:(?:digest|oauth|signature|hmac|aws4-hmac-sha256)[ \t]+))([^"\r\n\\]*=[^\r\n]*)"#,
        with: With::If(2, |_, _| true),
    },
    Rule {
        words: &["authorization"],
        pattern: r#"(?i)(authorization(?:\\*["'])?[ \t]*[:=][ \t]*\[?(?:\\*["'])?)([^\s"',;\\\]]{8,})"#,
        // The scheme of the rule before is no secret.
        with: With::If(2, |_, value| is_mixed(value) && !value.to_ascii_lowercase().ends_with("-sha256")),
    },
    Rule {
        words: &["bearer", "basic"],
        pattern: r"(?i)((?-u:\b)(?:bearer|basic)[ \t]+)([A-Za-z0-9._~+/=-]{12,})",
        with: With::If(2, |_, value| is_mixed(value) && !value.contains("..")),
    },
    Rule {
        words: &["cookie"],
        pattern: r#"(?i)(cookie(?:\\*["'])?[ \t]*[:=][ \t]*\[?(?:\\*["'])?)([^\s"'\r\n\\]+=[^"'\r\n\\]*)"#,
        with: With::If(2, |_, _| true),
    },
    Rule {
        words: &["-key", "apikey", "-token", "-secret", "-signature", "-password", "-auth"],
        pattern: concat!(
            r"(?i)((?:x-[a-z0-9-]*(?:key|token|secret|signature|password|auth)|private-token|job-token|deploy-token|api-key|subscription-key)",
            between!(),
            ")",
            value!()
        ),
        with: With::If(2, |_, value| !common(value)),
    },
    // Command lines and SQL.
    Rule {
        words: &["-pass", "-pwd", "-secret", "-token", "-api", "-access", "-key"],
        pattern: r#"(?i)((?:^|[\s"'\[,])--?(?:[a-z0-9]+-)*(?:password|passwd|passphrase|pass|pwd|secret|token|api-?key|access-?key|secret-?key)["']?(?:[ \t]+|,[ \t]*)["']?)([^\s"',;|\]-][^\s"',;|\]]*)"#,
        with: With::If(2, |_, value| !common(value)),
    },
    Rule {
        words: &["curl ", "wget ", "http -", "https -"],
        pattern: r#"((?-u:\b)(?:curl|wget|https?)[ \t](?:[^\n]{0,400}?[ \t])??(?:-u|--user|--proxy-user)[ =]?["']?[^\s:"']+:)([^\s"']+)"#,
        with: With::If(2, |_, value| !common(value)),
    },
    Rule {
        words: &["password", "identified by"],
        pattern: r"(?i)((?-u:\b)(?:password|identified[ \t]+by)[ \t]+)'([^'\n]+)'",
        with: With::If(2, |_, value| !common(value)),
    },
    // Under a key that tells: JSON, YAML, environment, logfmt, connection strings, XML.
    Rule {
        words: &["pass", "pwd", "secret", "credential", "key", "token"],
        pattern: concat!("(?i)(", strong!(), between!(), ")", value!()),
        // Two colons in a row are a path of a program.
        with: With::If(2, |_, value| !common(value) && !value.starts_with(':')),
    },
    Rule {
        words: &["token", "auth", "jwt", "sessionid", "sessid", "dsn"],
        pattern: concat!(r"(?i)((?:tokens?|auth|jwt|sessionid|sessid|dsn)", between!(), ")", value!()),
        with: With::If(2, |_, value| value.len() >= 8 && is_mixed(value) && !common(value) && !dated(value)),
    },
    Rule {
        words: &["key", "sig", "signature"],
        pattern: concat!(r"(?i)((?:key|sig|signature)", between!(), ")", value!()),
        with: With::If(2, |_, value| {
            (is_opaque(value) || is_hexadecimal(value) && value.len() > 64) && !value.contains('/')
        }),
    },
    // A long value of chance beside a word that tells.
    Rule {
        words: &["secret", "token", "password", "passwd", "credential", "api key", "access key", "aws"],
        pattern: r#"(?i)((?-u:\b)(?:secret|token|password|passwd|credentials?|(?:api|access|secret)[ _-]?key|aws)(?-u:\b)[^\n]{0,24}?)((?-u:\b)[A-Za-z0-9+/_-]{20,}={0,2})"#,
        with: With::If(2, beside),
    },
];

/// A value of chance that no word before it calls a commit, a digest or another name of something.
fn beside(found: &Captures<'_>, value: &str) -> bool {
    let before = found.get(1).map_or("", |before| before.as_str()).to_ascii_lowercase();
    let named =
        ["sha", "commit", "digest", "revision", "image", "container", "trace", "span", "request", "uid", "path", "/"];
    let is_named = named.iter().any(|name| before.contains(name));
    !is_named && !is_uuid(value) && (is_opaque(value) || is_hexadecimal(value))
}

/// Values that stand under such a key in ordinary text and say nothing.
fn common(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "true",
        "false",
        "null",
        "none",
        "nil",
        "undefined",
        "yes",
        "no",
        "on",
        "off",
        "required",
        "optional",
        "empty",
        "missing",
        "invalid",
        "incorrect",
        "wrong",
        "expired",
        "unset",
        "set",
        "redacted",
        "masked",
        "hidden",
        "string",
        "is",
        "was",
        "are",
        "not",
        "has",
        "must",
        "cannot",
        "failed",
        "failure",
        "error",
        "mismatch",
        "ok",
        "found",
        "the",
        "a",
        "an",
        "for",
        "and",
        "or",
        "in",
        "of",
        "to",
        "with",
        "rotated",
        "option",
        "argument",
        "flag",
        "parameter",
    ];
    let plain = value.trim_matches(|letter: char| !letter.is_alphanumeric()).to_ascii_lowercase();
    let filled_in_later = ["${", "$(", "{{", "%("].iter().any(|start| value.starts_with(start));
    // Stars, dots and the like are somebody else's mask.
    plain.is_empty() || filled_in_later || WORDS.contains(&plain.as_str()) || plain.bytes().all(|byte| byte == b'x')
}

/// Begins as a date does.
fn dated(value: &str) -> bool {
    let is_digit = |index: usize| value.as_bytes().get(index).is_some_and(u8::is_ascii_digit);
    (0..4).all(is_digit) && value.as_bytes().get(4) == Some(&b'-') && is_digit(5)
}

/// Whether a key's name tells that its value is secret.
pub(crate) fn telling(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '.'], "_");
    let about = ["_file", "_path", "_name", "_type", "_ttl", "_count", "_arn", "_seconds", "_policy"];
    let words = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "api_key",
        "apikey",
        "private_key",
        "access_key",
        "accesskey",
        "account_key",
        "encryption_key",
        "signing_key",
        "credential",
        "dsn",
    ];
    words.iter().any(|word| key.contains(word)) && !about.iter().any(|end| key.ends_with(end))
}
