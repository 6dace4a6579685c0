//! One resource as it is told.

use std::{collections::BTreeMap, fmt};

use analysis::forecast::{Forecast, NoFill, Outcome, TooLittle};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::resource::{Limit, Resource, Unit};
use crate::{
    shape::{figure, name},
    text,
};

/// One resource of one series.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    /// In words.
    resource: String,
    /// Its labels as PromQL writes them; empty without any.
    series: String,
    /// What is used of what there is, 0 to 1; absent where it is not known how much there is.
    used_share: Option<f64>,
    /// Hours until it is full, by the line; 0 when it is; absent when it does not run full.
    hours_left: Option<f64>,
    /// The early end of the interval of 90 %.
    hours_left_least: Option<f64>,
    /// The late end.
    hours_left_most: Option<f64>,
    #[serde(flatten)]
    forecast: Forecast,
    #[serde(skip)]
    unit: Unit,
}

impl Line {
    pub(super) fn of(
        resource: &Resource,
        labels: &BTreeMap<String, String>,
        forecast: Forecast,
        now: DateTime<Utc>,
    ) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of ten years have few digits")]
        let hours = |at: DateTime<Utc>| (at - now).num_milliseconds() as f64 / 3_600_000.0;
        let (left, least, most) = match forecast.outcome {
            Outcome::Fills { at, earliest, latest } => (Some(hours(at)), Some(hours(earliest)), latest.map(hours)),
            Outcome::AlreadyFull => (Some(0.0), Some(0.0), Some(0.0)),
            Outcome::DoesNotFill { .. } | Outcome::TooLittleData { .. } => (None, None, None),
        };
        let share = || Some(forecast.level? / forecast.limit).filter(|share| share.is_finite());
        Self {
            resource: text::clean(&resource.what),
            series: if labels.is_empty() { String::new() } else { text::one_line(&name(labels), 160) },
            used_share: if resource.limit == Limit::AllFree { None } else { share() },
            hours_left: left,
            hours_left_least: least,
            hours_left_most: most,
            forecast,
            unit: resource.unit,
        }
    }

    pub(super) fn hours_left(&self) -> Option<f64> {
        self.hours_left
    }

    /// The least comes first: what runs full soonest, then what is fullest.
    pub(super) fn urgency(&self) -> f64 {
        const NEVER: f64 = 1e9;
        self.hours_left.unwrap_or_else(|| NEVER - self.used_share.unwrap_or(0.0).clamp(0.0, 1.0))
    }

    fn amount(&self, value: f64) -> String {
        match self.unit {
            Unit::Count => figure(value),
            Unit::Bytes => bytes(value),
        }
    }
}

fn bytes(value: f64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let found = units.into_iter().find(|(_, power)| value.abs() >= 2.0_f64.powi(*power));
    found.map_or_else(
        || format!("{} B", figure(value)),
        |(unit, power)| format!("{} {unit}", figure(value / 2.0_f64.powi(power))),
    )
}

/// A length of time in the unit in which people think of it.
fn length(hours: f64) -> String {
    match hours {
        hours if hours < 2.0 => format!("{} min", (hours * 60.0).round()),
        hours if hours < 72.0 => format!("{} h", figure((hours * 10.0).round() / 10.0)),
        hours => format!("{} days", figure((hours / 2.4).round() / 10.0)),
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}: ", self.resource, self.series)?;
        match (self.forecast.level, self.used_share) {
            (Some(level), Some(share)) => {
                let (level, limit) = (self.amount(level), self.amount(self.forecast.limit));
                write!(out, "{level} of {limit} ({} %); ", figure((share * 1_000.0).round() / 10.0))?;
            }
            (Some(level), None) => write!(out, "{} free; ", self.amount(-level))?,
            (None, _) => {}
        }
        match self.forecast.outcome {
            Outcome::AlreadyFull => write!(out, "full now")?,
            Outcome::Fills { at, .. } => {
                let left = |hours: Option<f64>| hours.map_or_else(|| "any time later".to_owned(), length);
                write!(
                    out,
                    "full in {} (90 %: {} to {}",
                    left(self.hours_left),
                    left(self.hours_left_least),
                    left(self.hours_left_most)
                )?;
                write!(out, "), at {}", at.format("%m-%d %H:%M UTC"))?;
            }
            Outcome::DoesNotFill { why } => out.write_str(match why {
                NoFill::Flat => "flat, does not run full",
                NoFill::Falls => "falls, does not run full",
                NoFill::NoClearTrend => "no clear trend",
                NoFill::ComesBackDown => "comes back down every time, does not run full",
                NoFill::TooFarAway => "grows too slowly to run full in any time that these samples tell of",
            })?,
            Outcome::TooLittleData { why } => out.write_str(match why {
                TooLittle::NoSamples => "too little data: no sample",
                TooLittle::FewSamples => "too little data: fewer than 8 samples",
                TooLittle::JustDropped => "too little data since it dropped",
            })?,
        }
        if let Some(trend) = self.forecast.trend.filter(|trend| trend.per_hour != 0.0) {
            let sign = if trend.per_hour > 0.0 { "+" } else { "" };
            write!(
                out,
                "; {sign}{} an hour, fit {}",
                self.amount(trend.per_hour),
                figure((trend.fit * 100.0).round() / 100.0)
            )?;
        }
        if self.forecast.drops > 0 {
            write!(out, "; dropped {} times", self.forecast.drops)?;
        }
        if self.forecast.daily_cycle { write!(out, "; without its daily cycle") } else { Ok(()) }
    }
}
