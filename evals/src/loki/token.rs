//! The tokens of LogQL, and the names that Loki's parser gives them in its errors.

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// The end of the query.
    End,
    /// A name, or any character that LogQL does not know.
    Identifier(String),
    /// A string, its escapes read.
    String(String),
    /// A number, as written.
    Number(String),
    /// `--strict`, `--keep-empty`.
    Flag(String),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size in bytes.
    Bytes(u64),
    /// `[5m]`, in nanoseconds.
    Range(i64),
    /// Punctuation, an operator or a reserved word, in lower case.
    Symbol(&'static str),
    /// The name of a function, in lower case, where a function can stand.
    Function(&'static str),
    /// What cannot be read, and why; nothing follows it.
    Invalid(String),
}

impl Token {
    /// The symbol, if it is one.
    pub(super) fn symbol(&self) -> Option<&'static str> {
        if let Self::Symbol(symbol) = self { Some(symbol) } else { None }
    }

    /// The token's name in an error such as `unexpected IDENTIFIER`.
    pub(super) fn name(&self) -> String {
        match self {
            Self::End | Self::Invalid(_) => "$end".into(),
            Self::Identifier(_) => "IDENTIFIER".into(),
            Self::String(_) => "STRING".into(),
            Self::Number(_) => "NUMBER".into(),
            Self::Flag(_) => "FUNCTION_FLAG".into(),
            Self::Duration(_) => "DURATION".into(),
            Self::Bytes(_) => "BYTES".into(),
            Self::Range(_) => "RANGE".into(),
            Self::Symbol(symbol) => (*symbol).into(),
            Self::Function(function) => match *function {
                "bytes" => "BYTES_CONV".into(),
                "duration" => "DURATION_CONV".into(),
                "duration_seconds" => "DURATION_SECONDS_CONV".into(),
                "label_replace" | "ip" => (*function).into(),
                function => function.to_uppercase(),
            },
        }
    }
}

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    /// The token.
    pub(super) token: Token,
    /// Counted from 1; 0 after a token that Loki's scanner reads by hand, which loses the line.
    pub(super) line: usize,
    /// Counted from 1, in characters.
    pub(super) column: usize,
}

/// Symbols of two characters; the longer ones win.
pub(super) const PAIRS: [&str; 10] = ["!=", "=~", "!~", "!>", "|=", "|~", "|>", "==", ">=", "<="];

/// Symbols of one character.
pub(super) const SINGLES: [&str; 17] =
    [",", ".", "{", "}", "=", "|", "(", ")", "[", "]", "+", "-", "*", "/", "%", "^", "<"];

/// Reserved words.
pub(super) const WORDS: [&str; 24] = [
    "unwrap",
    "by",
    "without",
    "bool",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
    "ip",
    "label_replace",
];

/// Names that are functions where `(`, or `by (` or `without (`, follows.
pub(super) const FUNCTIONS: [&str; 32] = [
    "rate",
    "rate_counter",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
    "vector",
    "sum",
    "avg",
    "max",
    "min",
    "count",
    "stddev",
    "stdvar",
    "bottomk",
    "topk",
    "sort",
    "sort_desc",
    "label_replace",
    "approx_topk",
    "bytes",
    "duration",
    "duration_seconds",
];
