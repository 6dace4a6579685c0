//! The error budget: how much is left, how fast it burns, and whether somebody should be woken.
//!
//! Source: The Site Reliability Workbook, chapter 5, "Alerting on SLOs": several windows, several burn rates.
//! <https://sre.google/workbook/alerting-on-slos/>

mod objective;

use chrono::TimeDelta;
use serde::Serialize;

use objective::as_written;
pub use objective::{Objective, WrongObjective, parse_window, written};

/// The windows that are looked at, in minutes, beside the objective's own.
const WINDOWS: [i64; 8] = [5, 30, 60, 120, 360, 1_440, 4_320, 43_200];

/// Long and short window in minutes, the share of the budget that burns within the long one, and who is told. In 30 days these
/// shares are burn rates of 14.4, 6, 3 and 1.
const RULES: [(i64, i64, f64, Urgency); 4] = [
    (60, 5, 0.02, Urgency::Page),
    (360, 30, 0.05, Urgency::Page),
    (1_440, 120, 0.10, Urgency::Ticket),
    (4_320, 360, 0.10, Urgency::Ticket),
];

/// What was counted within one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Requests that failed, and all of them.
    Events {
        /// Those that failed.
        errors: f64,
        /// All.
        total: f64,
    },
    /// The share that failed, 0 to 1, where only that is known.
    Share(f64),
    /// It was counted, and there was no request.
    NoTraffic,
    /// There is no series.
    NoData,
}

/// One window and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Burn {
    /// How far it reaches back.
    #[serde(serialize_with = "as_written")]
    pub window: TimeDelta,
    /// What is known.
    #[serde(flatten)]
    pub rate: Rate,
}

/// How fast the budget burns: 1 spends it exactly within the objective's window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum Rate {
    /// A rate.
    Burns {
        /// Times as fast as the objective allows.
        rate: f64,
        /// The share that failed, 0 to 1.
        share: f64,
    },
    /// No request came: nothing burns, and nothing was proven.
    NoTraffic,
    /// Nothing was counted in this window nor in a longer one.
    NoData,
    /// Nothing was counted in this window, but before it: the counters are gone, and with them the measure.
    Vanished,
    /// More failed than there were: the two queries do not fit each other, or one of them is no number.
    Contradiction,
}

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Nobody is told.
    None,
    /// Within days.
    Ticket,
    /// Now.
    Page,
}

/// A rule that holds: both of its windows burn faster than its rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Holding {
    /// How urgent it is.
    pub urgency: Urgency,
    /// The rate that both are over.
    pub over: f64,
    /// The long window, which says that it is much.
    #[serde(serialize_with = "as_written")]
    pub long: TimeDelta,
    /// The short one, which says that it still goes on.
    #[serde(serialize_with = "as_written")]
    pub short: TimeDelta,
}

/// When the budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "exhausted", rename_all = "snake_case")]
pub enum Exhausted {
    /// It is used up.
    Already,
    /// At the rate of this window, after so long.
    After {
        /// In hours.
        #[serde(rename = "exhausted_in_hours")]
        hours: f64,
        /// Whose rate it is.
        #[serde(rename = "exhausted_at_the_rate_of", serialize_with = "as_written")]
        by: TimeDelta,
    },
    /// It does not burn faster than it comes back.
    Never,
    /// What is left is not known, or how fast it burns.
    Unknown,
}

/// Where a service stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The share of the budget that is left, 1 to 0, negative when more was spent; absent when the objective's own window says
    /// nothing.
    pub budget_left: Option<f64>,
    /// Each window, the shortest first.
    pub burns: Vec<Burn>,
    /// Rules that hold, the most urgent first.
    pub holding: Vec<Holding>,
    /// The most urgent of them.
    pub urgency: Urgency,
    /// When the budget is used up.
    #[serde(flatten)]
    pub exhausted: Exhausted,
}

/// The windows to read for an objective, the shortest first: the standard ones up to its own, and its own.
pub fn windows(objective: &Objective) -> Vec<TimeDelta> {
    let standard = WINDOWS.into_iter().map(TimeDelta::minutes).filter(|window| *window < objective.window());
    standard.chain([objective.window()]).collect()
}

/// Where a service stands by what was read of each window.
pub fn status(objective: &Objective, readings: &[(TimeDelta, Reading)]) -> Status {
    let mut readings = readings.to_vec();
    readings.sort_by_key(|(window, _)| *window);
    let burns: Vec<_> = readings
        .iter()
        .map(|(window, reading)| {
            let before = readings.iter().any(|(other, reading)| other > window && *reading != Reading::NoData);
            Burn { window: *window, rate: rate(objective, *reading, before) }
        })
        .collect();
    let rate_of = |window: TimeDelta| {
        let burn = burns.iter().find(|burn| burn.window == window)?;
        match burn.rate {
            Rate::Burns { rate, .. } => Some(rate),
            // Without a request nothing burns: the budget is one of requests.
            Rate::NoTraffic => Some(0.0),
            Rate::NoData | Rate::Vanished | Rate::Contradiction => None,
        }
    };
    let budget_left = rate_of(objective.window()).map(|rate| 1.0 - rate);
    let holding: Vec<_> = rules(objective)
        .filter(|rule| {
            [rule.long, rule.short].into_iter().all(|window| rate_of(window).is_some_and(|rate| rate >= rule.over))
        })
        .collect();
    let urgency = holding.iter().map(|rule| rule.urgency).max().unwrap_or(Urgency::None);
    let by = holding.first().map_or(TimeDelta::hours(1), |rule| rule.long).min(objective.window());
    Status { budget_left, holding, urgency, exhausted: exhausted(objective, budget_left, by, rate_of(by)), burns }
}

/// The rules for an objective: those whose long window fits into its own. Below a rate of 1 the promise is kept, and nobody is woken.
fn rules(objective: &Objective) -> impl Iterator<Item = Holding> {
    let period = objective.window();
    RULES.into_iter().filter(move |(long, ..)| TimeDelta::minutes(*long) <= period).map(
        move |(long, short, spent, urgency)| {
            let (long, short) = (TimeDelta::minutes(long), TimeDelta::minutes(short));
            Holding { urgency, over: (spent * hours(period) / hours(long)).max(1.0), long, short }
        },
    )
}

fn rate(objective: &Objective, reading: Reading, before: bool) -> Rate {
    let share = match reading {
        Reading::NoTraffic => return Rate::NoTraffic,
        Reading::NoData if before => return Rate::Vanished,
        Reading::NoData => return Rate::NoData,
        Reading::Events { total: 0.0, .. } => return Rate::NoTraffic,
        Reading::Events { errors, total } => errors / total,
        Reading::Share(share) => share,
    };
    // Prometheus extrapolates to the window's ends: a little more than all is all.
    if !(-1e-9..=1.02).contains(&share) {
        return Rate::Contradiction;
    }
    let share = share.clamp(0.0, 1.0);
    Rate::Burns { rate: share / objective.budget(), share }
}

fn exhausted(objective: &Objective, left: Option<f64>, by: TimeDelta, rate: Option<f64>) -> Exhausted {
    match (left, rate) {
        (Some(left), _) if left <= 0.0 => Exhausted::Already,
        (Some(left), Some(rate)) if rate > 1.0 => {
            Exhausted::After { hours: left * hours(objective.window()) / rate, by }
        }
        (Some(_), Some(_)) => Exhausted::Never,
        (Some(_) | None, Some(_) | None) => Exhausted::Unknown,
    }
}

fn hours(length: TimeDelta) -> f64 {
    length.as_seconds_f64() / 3_600.0
}

#[cfg(test)]
mod tests;
