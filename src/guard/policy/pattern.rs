//! Names with `*` in them, one or several.

use serde::{Deserialize, Deserializer, de::Error};

/// One or several patterns; a name fits when it fits one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<String>);

impl Default for Patterns {
    fn default() -> Self {
        Self(vec!["*".to_owned()])
    }
}

impl Patterns {
    /// Whether a name fits one of the patterns.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| glob(pattern, name))
    }

    /// Whether every name fits.
    pub(crate) fn all(&self) -> bool {
        self.0.iter().any(|pattern| pattern == "*")
    }
}

impl std::fmt::Display for Patterns {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0.join(", "))
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMore {
            One(String),
            More(Vec<String>),
        }
        let patterns = match OneOrMore::deserialize(from)? {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        };
        if patterns.is_empty() || patterns.iter().any(String::is_empty) {
            return Err(D::Error::custom("an empty pattern fits nothing; \"*\" fits everything"));
        }
        Ok(Self(patterns))
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any run of characters. Takes at most the product of their lengths.
pub(in crate::guard) fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        // The earliest place leaves the most text for what follows.
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("pay*", "payments", true),
            ("pay*", "repay", false),
            ("*-db", "orders-db", true),
            ("*-db", "orders-db-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "abcb", false),
            ("**", "x", true),
            ("exact", "exactly", false),
            ("a*a", "a", false),
            ("größe*", "größer", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} on {text}");
        }
        assert!(!glob(&"a*".repeat(50), &"a".repeat(49)), "many stars are no trap");
    }
}
