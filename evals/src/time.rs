//! Times as the doubles write them.

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since 1970 as a time; one out of range is 1970.
pub(crate) fn from_milliseconds(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// RFC 3339 in UTC with milliseconds, such as `2026-11-20T14:03:00.125Z`.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    from_milliseconds(milliseconds).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// RFC 3339 in UTC with nanoseconds, as Docker writes its times.
pub(crate) fn rfc3339_nanoseconds(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds).to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Reads RFC 3339 into milliseconds since 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis())
}
