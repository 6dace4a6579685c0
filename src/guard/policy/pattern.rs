//! Names with `*` in them, one or several.

use serde::{Deserialize, Deserializer, de::Error};

/// One or several patterns; a name fits when it fits one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patterns(Vec<Pattern>);

/// A pattern, sorted by how it is compared: a policy has many rules, and most are told apart by their first or last letters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Any,
    /// `payments`
    Exact(String),
    /// `pay*`
    Prefix(String),
    /// `*-db`
    Suffix(String),
    /// `a*b*c`
    Glob(String),
}

impl Pattern {
    fn new(text: String) -> Self {
        match text.split_once('*') {
            None => Self::Exact(text),
            Some(("", "")) => Self::Any,
            Some((head, "")) => Self::Prefix(head.to_owned()),
            Some(("", tail)) if !tail.contains('*') => Self::Suffix(tail.to_owned()),
            Some(_) => Self::Glob(text),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(text) => text == name,
            Self::Prefix(head) => name.starts_with(head),
            Self::Suffix(tail) => name.ends_with(tail),
            Self::Glob(pattern) => glob(pattern, name),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Exact(text) | Self::Glob(text) => out.write_str(text),
            Self::Prefix(head) => write!(out, "{head}*"),
            Self::Suffix(tail) => write!(out, "*{tail}"),
        }
    }
}

impl Default for Patterns {
    fn default() -> Self {
        Self(vec![Pattern::Any])
    }
}

impl Patterns {
    /// Whether a name fits one of the patterns.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    /// Whether every name fits.
    pub(crate) fn all(&self) -> bool {
        self.0.contains(&Pattern::Any)
    }
}

impl std::fmt::Display for Patterns {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0.iter().map(Pattern::to_string).collect::<Vec<_>>().join(", "))
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
        Ok(Self(patterns.into_iter().map(Pattern::new).collect()))
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
    use super::{Pattern, glob};

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
            let sorted = Pattern::new(pattern.to_owned());
            assert_eq!(
                (sorted.matches(text), sorted.to_string().replace("**", "*")),
                (fits, pattern.replace("**", "*")),
                "{pattern}"
            );
        }
        assert!(!glob(&"a*".repeat(50), &"a".repeat(49)), "many stars are no trap");
    }
}
