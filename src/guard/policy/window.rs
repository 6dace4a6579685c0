//! Times that come again: a cron expression with its time zone says when a window opens, a length how long it stays open.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use serde::{Deserialize, Deserializer, de::Error};

/// The longest window: one that never closes is a rule without a window.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// An opening and the one after it.
type Between = (DateTime<Utc>, DateTime<Utc>);

/// A time that comes again.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    cron: Cron,
    zone: Tz,
    length: TimeDelta,
    says: String,
    /// The last opening that was looked for and the one after it: between them nothing has to be looked for again.
    between: Arc<Mutex<Option<Between>>>,
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        (&self.says, self.length) == (&other.says, other.length)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cron: String,
    #[serde(rename = "for")]
    length: String,
    #[serde(default = "utc")]
    zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Window {
    /// Whether the window is open at a moment.
    ///
    /// # Errors
    /// When the cron expression cannot be followed back in time.
    pub(crate) fn open(&self, now: DateTime<Utc>) -> Result<bool, String> {
        let mut between = self.between.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((opened, next)) = *between
            && (opened..next).contains(&now)
        {
            return Ok(now - opened < self.length);
        }
        let here = now.with_timezone(&self.zone);
        match self.cron.find_previous_occurrence(&here, true) {
            Ok(opened) => {
                let opened = opened.with_timezone(&Utc);
                let next = self.cron.find_next_occurrence(&here, false).map(|next| next.with_timezone(&Utc));
                *between = next.ok().map(|next| (opened, next));
                Ok(now - opened < self.length)
            }
            // An expression with a year can have no occurrence before now.
            Err(croner::errors::CronError::TimeSearchLimitExceeded) => Ok(false),
            Err(error) => Err(format!("the window {} cannot be followed: {error}", self.says)),
        }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.says)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Written { cron, length, zone } = Written::deserialize(from)?;
        let long = crate::config::parse_duration(&length).map_err(D::Error::custom)?;
        if long.is_zero() || long > LONGEST {
            return Err(D::Error::custom(format!("a window is open for 1ms to 366d, not {length:?}")));
        }
        let says = format!("{cron:?} for {length} ({zone})");
        let zone: Tz = zone.parse().map_err(|_| {
            D::Error::custom(format!("{zone:?} is no time zone; right would be \"UTC\" or \"Europe/Berlin\""))
        })?;
        let cron: Cron = cron.parse().map_err(|error| {
            let right = "right would be \"0 18 * * FRI\": minute, hour, day of month, month, day of week";
            D::Error::custom(format!("{cron:?} is no cron expression ({error}); {right}"))
        })?;
        let length = TimeDelta::from_std(long).map_err(D::Error::custom)?;
        Ok(Self { cron, zone, length, says, between: Arc::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    fn window(text: &str) -> Result<Window, toml::de::Error> {
        toml::from_str(text)
    }

    fn open(window: &Window, at: &str) -> bool {
        window.open(at.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_weekend_begins_and_ends_in_its_own_time_zone() {
        let weekend = window("cron = \"0 18 * * FRI\"\nfor = \"62h\"\nzone = \"Europe/Berlin\"").unwrap();
        for (at, is_open) in [
            ("2026-11-20T16:59:59Z", false),
            ("2026-11-20T17:00:00Z", true),
            ("2026-11-23T06:59:59Z", true),
            ("2026-11-23T07:00:00Z", false),
            // In summer Berlin is two hours ahead.
            ("2026-07-10T15:59:59Z", false),
            ("2026-07-10T16:00:00Z", true),
        ] {
            assert_eq!(open(&weekend, at), is_open, "{at}");
        }
    }

    #[test]
    fn what_is_no_window_is_told() {
        for (text, told) in [
            ("cron = \"0 25 * * *\"\nfor = \"1h\"", "is no cron expression"),
            ("cron = \"0 1 * * *\"\nfor = \"1 hour\"", "is no length of time"),
            ("cron = \"0 1 * * *\"\nfor = \"0s\"", "a window is open for"),
            ("cron = \"0 1 * * *\"\nfor = \"1h\"\nzone = \"Mars\"", "is no time zone"),
            ("cron = \"0 1 * * *\"", "missing field"),
        ] {
            let error = window(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
