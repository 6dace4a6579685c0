//! Durations, sizes and numbers as Go and Prometheus write and read them.

use super::escape::quote;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Prometheus' durations, largest unit first, and no unit twice.
const PROMETHEUS_UNITS: [(&str, i64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1_000_000)];

/// `1h30m`, in nanoseconds; whole numbers only.
pub(super) fn prometheus_duration(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Err("empty duration string".into());
    }
    if text == "0" {
        return Ok(0);
    }
    let wrong = || format!("not a valid duration string: {}", quote(text));
    let (mut rest, mut total, mut units) = (text, 0_i64, PROMETHEUS_UNITS.as_slice());
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| c.is_ascii_alphabetic());
        let position = units.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let (_, size) = units.get(position).ok_or_else(wrong)?;
        units = units.get(position + 1..).unwrap_or_default();
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(*size).ok_or("duration out of range")?;
        total = total.checked_add(part).ok_or("duration out of range")?;
        rest = after;
    }
    Ok(total)
}

/// Go's `time.ParseDuration`: `-1.5h`, `300ms`, in nanoseconds.
pub(super) fn go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let number: f64 = number.parse().map_err(|_| invalid())?;
        let (unit, after) = split_while(after, |c| !c.is_ascii_digit() && c != '.');
        total += number * go_unit(unit, text)?;
        rest = after;
    }
    if total > i64::MAX as f64 {
        return Err(invalid());
    }
    let nanoseconds = total.round() as i64;
    Ok(if negative { -nanoseconds } else { nanoseconds })
}

fn go_unit(unit: &str, whole: &str) -> Result<f64, String> {
    Ok(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => SECOND as f64,
        "m" => MINUTE as f64,
        "h" => HOUR as f64,
        "" => return Err(format!("time: missing unit in duration {}", quote(whole))),
        unit => {
            return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(whole)));
        }
    })
}

/// A size such as `5KiB` or `1.5 MB`, in bytes.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split_while(text, |c| c.is_ascii_digit() || c == '.' || c == ',');
    let number = float(&number.replace(',', ""))?;
    let unit = unit.trim().to_lowercase();
    let (decimal, power) = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('i')) {
        Some(prefix) => (false, size_power(prefix)),
        None => (true, size_power(unit.strip_suffix('b').unwrap_or(&unit))),
    };
    let power = power.ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let value = number * if decimal { 1000_f64 } else { 1024_f64 }.powi(power);
    if value >= u64::MAX as f64 {
        return Err(format!("too large: {text}"));
    }
    Ok(value as u64)
}

fn size_power(prefix: &str) -> Option<i32> {
    ["", "k", "m", "g", "t", "p", "e"].iter().zip(0..).find(|(name, _)| **name == prefix).map(|(_, power)| power)
}

/// Go's `strconv.ParseFloat`, with its error text.
pub(super) fn float(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", quote(text)))
}

/// A sample's value as Prometheus writes it.
pub(super) fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    format!("{value}")
}

/// Go's `time.Duration.String` for a duration of at least a second, given in milliseconds: `1440h0m3.14s`.
pub(super) fn format_go_duration(milliseconds: i64) -> String {
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let seconds = format_float(rest as f64 / 1000.0);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Splits `text` after the characters that `keep` accepts.
pub(super) fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    let at = text.find(|c| !keep(c)).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_and_go_read_them() {
        assert_eq!(prometheus_duration("1h30m"), Ok(5400 * SECOND));
        assert_eq!(prometheus_duration("5x"), Err("not a valid duration string: \"5x\"".into()));
        assert_eq!(prometheus_duration("30m1h"), Err("not a valid duration string: \"30m1h\"".into()));
        assert_eq!(go_duration("-1.5h"), Ok(-5400 * SECOND));
        assert_eq!(go_duration("5"), Err("time: missing unit in duration \"5\"".into()));
        assert_eq!(go_duration("x"), Err("time: invalid duration \"x\"".into()));
    }

    #[test]
    fn sizes_are_decimal_or_binary() {
        assert_eq!(bytes("1.5 KB"), Ok(1500));
        assert_eq!(bytes("2MiB"), Ok(2 << 20));
        assert_eq!(bytes("7"), Ok(7));
        assert_eq!(bytes("7 apples"), Err("unhandled size name: apples".into()));
    }

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        assert_eq!(format_float(0.25), "0.25");
        assert_eq!(format_float(f64::INFINITY), "+Inf");
        assert_eq!(format_go_duration(5_184_003_140), "1440h0m3.14s");
    }
}
