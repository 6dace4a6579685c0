//! Numbers of a policy as people write them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::Error};

/// A length of time, such as "5m".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// Whole seconds.
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        crate::config::parse_duration(&String::deserialize(from)?).map(Self).map_err(D::Error::custom)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} s", self.0.as_secs_f64())
    }
}

/// A number of bytes, such as "512MiB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = crate::config::parse_size(&String::deserialize(from)?).map_err(D::Error::custom)?;
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} MiB", self.0 >> 20)
    }
}

/// A share in whole percent, such as "25%".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u64);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
        number
            .filter(|percent| *percent <= 100)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no share; right would be \"25%\"")))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}%", self.0)
    }
}

/// A number of CPU cores in thousandths, written 0.5 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cores(pub u64);

impl<'de> Deserialize<'de> for Cores {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let cores = f64::deserialize(from)?;
        if !(0.0..=1_024.0).contains(&cores) {
            return Err(D::Error::custom(format!("{cores} is no number of CPU cores; right would be 0.5 or 2")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1,024,000")]
        let thousandths = (cores * 1_000.0).round() as u64;
        Ok(Self(thousandths))
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "cores have few digits")]
        let cores = self.0 as f64 / 1_000.0;
        write!(out, "{cores} cores")
    }
}
