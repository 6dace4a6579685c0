//! The cases that are compiled in, so that the binary alone can show them.

/// A case: its name and its files.
type Files = (&'static str, &'static [(&'static str, &'static str)]);

macro_rules! case {
    ($name:literal: $($file:literal),+ $(,)?) => {
        ($name, &[$(($file, include_str!(concat!("../incidents/", $name, "/", $file)))),+])
    };
}

pub(crate) const CASES: [Files; 3] = [
    case!("container-killed": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl",
        "metrics/healed.om", "logs/healed.jsonl"),
    case!("error-rate-after-config-change": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl"),
    case!("hung-but-up": "case.toml", "alert.json", "containers.json", "metrics/fault.om", "logs/fault.jsonl",
        "metrics/healed.om", "logs/healed.jsonl"),
];
