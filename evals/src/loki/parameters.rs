//! A request's parameters, from its address and from a form in its body, read and refused as Loki does.

use chrono::DateTime;

use super::error::LokiError;
use super::escape::quote;
use super::units::{self, SECOND};

/// Without a start Loki looks back this far, in nanoseconds.
const DEFAULT_SINCE: i64 = 3600 * SECOND;
/// Without a limit.
const DEFAULT_LIMIT: usize = 100;
/// Loki's own bound on the points of a series.
const MAXIMUM_POINTS: i64 = 11_000;

/// Names and values, in order; a name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

/// From when to when, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// From.
    pub(super) start: i64,
    /// To.
    pub(super) end: i64,
}

impl Parameters {
    /// Reads `a=b&c=d`, from an address or a form.
    pub(super) fn add(&mut self, encoded: &str) {
        let pairs = encoded.split('&').filter(|pair| !pair.is_empty());
        self.0.extend(pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        }));
    }

    /// The first value of a name; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All values of a name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// `start`, `end` and `since`.
    pub(super) fn bounds(&self, now: i64) -> Result<Bounds, LokiError> {
        let since = match self.get("since") {
            "" => DEFAULT_SINCE,
            since => units::prometheus_duration(since)
                .map_err(|reason| LokiError::Refused(format!("could not parse 'since' parameter: {reason}")))?,
        };
        let bound = |name: &str, default: i64| {
            time(self.get(name), default)
                .map_err(|reason| LokiError::Refused(format!("could not parse '{name}' parameter: {reason}")))
        };
        let end = bound("end", now)?;
        let start = bound("start", end.min(now).saturating_sub(since))?;
        Ok(Bounds { start, end })
    }

    /// `start` and `end` in the right order.
    pub(super) fn ordered_bounds(&self, now: i64) -> Result<Bounds, LokiError> {
        let bounds = self.bounds(now)?;
        if bounds.end < bounds.start {
            return Err(LokiError::Refused("end timestamp must not be before or equal to start time".into()));
        }
        Ok(bounds)
    }

    /// `time`, in nanoseconds.
    pub(super) fn time(&self, now: i64) -> Result<i64, LokiError> {
        time(self.get("time"), now).map_err(LokiError::Refused)
    }

    /// `limit`
    pub(super) fn limit(&self) -> Result<usize, LokiError> {
        let limit = self.get("limit");
        if limit.is_empty() {
            return Ok(DEFAULT_LIMIT);
        }
        let wrong = |_| LokiError::Refused(format!("strconv.Atoi: parsing {}: invalid syntax", quote(limit)));
        match usize::try_from(limit.parse::<i64>().map_err(wrong)?) {
            Ok(limit) if limit > 0 => Ok(limit),
            Ok(_) | Err(_) => Err(LokiError::Refused("limit must be a positive value".into())),
        }
    }

    /// Whether `direction` is backward.
    pub(super) fn backward(&self) -> Result<bool, LokiError> {
        match self.get("direction").to_lowercase().as_str() {
            "" | "backward" => Ok(true),
            "forward" => Ok(false),
            _ => Err(LokiError::Refused(format!("invalid direction '{}'", self.get("direction")))),
        }
    }

    /// `step`, in nanoseconds; without one, 250 points or one a second.
    pub(super) fn step(&self, bounds: Bounds) -> Result<i64, LokiError> {
        let length = bounds.end.saturating_sub(bounds.start);
        let step = match self.get("step") {
            "" => (length / SECOND / 250).max(1).saturating_mul(SECOND),
            step => step_duration(step)?,
        };
        if step <= 0 {
            let text = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(LokiError::Refused(text.into()));
        }
        if length / step > MAXIMUM_POINTS {
            let text = "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter";
            return Err(LokiError::Refused(text.into()));
        }
        Ok(step)
    }
}

fn step_duration(step: &str) -> Result<i64, LokiError> {
    let wrong = |why: &str| LokiError::Refused(format!("cannot parse {} to a valid duration{why}", quote(step)));
    match step.parse::<f64>() {
        Ok(seconds) if (seconds * SECOND as f64).abs() < i64::MAX as f64 => Ok((seconds * SECOND as f64) as i64),
        Ok(_) => Err(wrong(". It overflows int64")),
        Err(_) => units::prometheus_duration(step).map_err(|_| wrong("")),
    }
}

/// Nanoseconds, seconds (ten digits, or with a point) or RFC 3339.
fn time(text: &str, default: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(default);
    }
    if let (true, Ok(seconds)) = (text.contains('.'), text.parse::<f64>()) {
        // To the millisecond, as Loki does.
        return Ok(((seconds * 1000.0).round() as i64).saturating_mul(1_000_000));
    }
    if let Ok(number) = text.parse::<i64>() {
        return Ok(if text.len() <= 10 { number.saturating_mul(SECOND) } else { number });
    }
    let parsed = DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt());
    parsed.ok_or_else(|| format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text)))
}

fn decode(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        match (byte, hexadecimal(&mut ahead)) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = ahead;
            }
            (byte, _) => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hexadecimal(digits: &mut std::str::Bytes<'_>) -> Option<u8> {
    let high = char::from(digits.next()?).to_digit(16)?;
    let low = char::from(digits.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_loki_reads_them() {
        assert_eq!(time("1795456200", 0), Ok(1_795_456_200 * SECOND));
        assert_eq!(time("1795456200.5", 0), Ok(1_795_456_200_500_000_000));
        assert_eq!(time("1795456200000000001", 0), Ok(1_795_456_200_000_000_001));
        assert_eq!(time("2026-11-23T10:00:00Z", 0), Ok(1_795_428_000 * SECOND));
        assert!(time("yesterday", 0).is_err());
    }

    #[test]
    fn parameters_are_decoded() {
        let mut parameters = Parameters::default();
        parameters.add("query=%7Ba%3D%22b+c%22%7D&match[]=1&match[]=2&broken=%zz");
        assert_eq!(parameters.get("query"), "{a=\"b c\"}");
        assert_eq!(parameters.all("match[]"), ["1", "2"]);
        assert_eq!(parameters.get("broken"), "%zz");
    }
}
