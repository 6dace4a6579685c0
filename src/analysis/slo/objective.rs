//! What a service promises: which share of its requests is well, over which time.

use chrono::TimeDelta;
use serde::{Serialize, Serializer};

/// The longest window: nobody keeps metrics for longer than a quarter and a bit.
const LONGEST_DAYS: i64 = 100;

/// A share of requests that is to be well, over a rolling window.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Objective {
    target: f64,
    #[serde(serialize_with = "as_written")]
    window: TimeDelta,
}

// Its target is a number: `new` takes no other.
impl Eq for Objective {}

/// Why an objective is none.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WrongObjective {
    /// A promise of all or nothing leaves no budget, or nothing to keep.
    #[error("the objective is {0}; right would be a share between 0 and 1, such as 0.999 for 99.9 %")]
    Target(f64),
    /// What is no length, or none that can be measured.
    #[error("the window {0:?} is none; right would be 1h to 100d, such as \"30d\" or \"4w\"")]
    Window(String),
}

impl Objective {
    /// An objective such as 0.999 over 30 days.
    ///
    /// # Errors
    /// When the target is not between 0 and 1, or the window not between an hour and 100 days.
    pub fn new(target: f64, window: TimeDelta) -> Result<Self, WrongObjective> {
        // Less budget than a double can tell from none is none.
        if !(target > 0.0 && target <= 1.0 - 1e-9) {
            return Err(WrongObjective::Target(target));
        }
        if window < TimeDelta::hours(1) || window > TimeDelta::days(LONGEST_DAYS) {
            return Err(WrongObjective::Window(written(window)));
        }
        Ok(Self { target, window })
    }

    /// The share that is to be well.
    pub fn target(&self) -> f64 {
        self.target
    }

    /// The share that may fail.
    pub fn budget(&self) -> f64 {
        1.0 - self.target
    }

    /// The time over which it holds.
    pub fn window(&self) -> TimeDelta {
        self.window
    }
}

/// Reads a window as PromQL writes it: a whole number and one of s, m, h, d, w.
///
/// # Errors
/// When it is none.
pub fn parse_window(text: &str) -> Result<TimeDelta, WrongObjective> {
    let wrong = || WrongObjective::Window(text.chars().take(40).collect());
    let text_ = text.trim();
    let end = text_.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text_.split_at(end);
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).and_then(TimeDelta::try_seconds).ok_or_else(wrong)
}

/// A window as PromQL writes it, in the largest unit up to days that it is a whole number of.
pub fn written(window: TimeDelta) -> String {
    let seconds = window.num_seconds();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let (length, unit) =
        units.into_iter().find(|(length, _)| seconds != 0 && seconds % length == 0).unwrap_or((1, "s"));
    format!("{}{unit}", seconds / length)
}

pub(super) fn as_written<S: Serializer>(window: &TimeDelta, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&written(*window))
}
