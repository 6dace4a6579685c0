//! Times, sizes and URLs as people write them.

use std::time::Duration;

/// Reads "500ms", "30s", "5m", "1h30m", "2d".
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time; right would be \"30s\", \"5m\", \"1h30m\" or \"500ms\"");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, after) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        sum += Duration::from_millis(number.checked_mul(milliseconds).ok_or_else(wrong)?);
        rest = after;
    }
    Ok(sum)
}

/// Reads "512", "256KiB", "1MiB", "1GiB", "10kB".
pub(crate) fn parse_size(text: &str) -> Result<usize, String> {
    let wrong = || format!("{text:?} is no size; right would be \"256KiB\" or \"1MiB\"");
    let text_ = text.trim();
    let digits = text_.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text_.len());
    let (number, unit) = text_.split_at(digits);
    let number: usize = number.parse().map_err(|_| wrong())?;
    let bytes = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(bytes).ok_or_else(wrong)
}

fn parse_http_url(text: &str) -> Result<String, String> {
    let wrong = |why: &str| format!("{why}; right would be \"http://host:port\"");
    if text.is_empty() {
        return Ok(String::new());
    }
    let url = url::Url::parse(text).map_err(|error| wrong(&format!("it is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("it is not http:// or https:// with a host"));
    }
    Ok(text.to_owned())
}

macro_rules! by_text {
    ($module:ident, $type:ty, $parse:expr) => {
        pub(super) mod $module {
            use super::*;
            use serde::{Deserialize, Deserializer, de::Error};

            pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let text = String::deserialize(from)?;
                $parse(&text).map_err(D::Error::custom)
            }
        }
    };
}

by_text!(duration, Duration, parse_duration);
by_text!(size, usize, parse_size);
by_text!(http_url, String, parse_http_url);
by_text!(optional_http_url, Option<String>, |text: &str| parse_http_url(text)
    .map(|url| (!url.is_empty()).then_some(url)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "5", "5 parsecs", "m", "-1s", "99999999999999999999s", "9999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!((parse_size("256KiB"), parse_size("512")), (Ok(262_144), Ok(512)));
        assert!(parse_size("1 parsec").is_err() && parse_size("99999999999999999999").is_err());
        assert!(parse_http_url("localhost:9090").is_err() && parse_http_url("ftp://x").is_err());
    }
}
