//! Suspects: which metrics and services left their own past, how far and how early, and which of them makes the others ill.
//!
//! Each series is compared with itself: the median and the median absolute deviation of a quiet time (Rousseeuw and Croux 1993)
//! against what lasts in the time asked about. How far is far enough depends on how many series were looked at. Along the calls
//! between services the ill one farthest down explains those that call it.

mod departure;
mod graph;
mod histogram;
mod others;
mod presence;
mod rank;
mod robust;
mod series;
mod services;
mod signal;
mod silent;
mod trace;
mod window;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use departure::Direction;
pub use graph::{Edge, edges_from};
pub use rank::{MetricSuspect, Question, Ranking, ServiceSuspect, rank};
pub use series::{Kind, Labels, Series};
pub use signal::Signal;
pub use window::Windows;

/// Why nothing can be ranked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SuspectsError {
    /// A window is empty.
    #[error(
        "a window is empty: the quiet time is {baseline:?}, the time asked about {present:?}; each has to begin before it ends"
    )]
    EmptyWindow {
        /// The quiet time, in seconds since the epoch.
        baseline: Range<f64>,
        /// The time asked about.
        present: Range<f64>,
    },
    /// The windows overlap.
    #[error(
        "the quiet time ends at {baseline_end}, after the time asked about begins at {present_start}; it has to end before"
    )]
    Overlap {
        /// When the quiet time ends.
        baseline_end: f64,
        /// When the time asked about begins.
        present_start: f64,
    },
}
