//! The cases that are compiled in, so that the binary alone can show one.

/// A case's files: path and text.
type Embedded = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($case:literal: $($path:literal),+ $(,)?) => {
        ($case, &[$(($path, include_str!(concat!("../../incidents/", $case, "/", $path)))),+])
    };
}

/// All cases, by name.
pub(super) const CASES: &[(&str, Embedded)] = &[
    files!("container-killed": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl",
        "metrics/restarted.om", "logs/restarted.jsonl"),
    files!("error-rate-after-config-change": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl",
        "metrics/restarted.om", "logs/restarted.jsonl", "metrics/without-features.om", "logs/without-features.jsonl"),
    files!("hung-but-up": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl",
        "metrics/restarted.om", "logs/restarted.jsonl"),
];
