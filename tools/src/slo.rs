//! What a service promises of its requests, and by which queries that is measured.

use analysis::slo::{Objective, parse_window};
use serde::Serialize;

use crate::promql;

/// Stands in a query for the window that is looked at.
const PLACE: &str = "$window";

/// A service level objective with its measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slo {
    objective: Objective,
    measure: Measure,
}

/// How the share of requests that fail is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Measure {
    /// By counting, with PromQL in which `$window` stands for the window.
    Events {
        /// Requests that failed.
        errors: String,
        /// All requests.
        total: String,
    },
    /// By the mean of the service's `error_rate` over time, whatever the traffic.
    ErrorRate,
}

impl Slo {
    /// The window of an objective that names none.
    pub const WINDOW: &str = "30d";

    /// An objective over a window, measured by two queries, or, with neither, by the service's `error_rate`.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn new(objective: f64, window: &str, errors: Option<String>, total: Option<String>) -> Result<Self, String> {
        let window = parse_window(window).map_err(|wrong| wrong.to_string())?;
        let objective = Objective::new(objective, window).map_err(|wrong| wrong.to_string())?;
        let measure = match (errors, total) {
            (Some(errors), Some(total)) => {
                check("errors", &errors)?;
                check("total", &total)?;
                Measure::Events { errors, total }
            }
            (None, None) => Measure::ErrorRate,
            (Some(_), None) => {
                return Err(format!("`errors` stands without `total`; right would be {}", example("total")));
            }
            (None, Some(_)) => {
                return Err("`total` stands without `errors`; right would be both, or neither".to_owned());
            }
        };
        Ok(Self { objective, measure })
    }

    /// The objective.
    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    /// The measure.
    pub fn measure(&self) -> &Measure {
        &self.measure
    }
}

/// A query with the window in its place, such as "5m".
pub(crate) fn within(query: &str, window: &str) -> String {
    query.replace(PLACE, window)
}

fn check(key: &str, query: &str) -> Result<(), String> {
    if !query.contains(PLACE) {
        return Err(format!("`{key}` does not say where the window stands; right would be {}", example(key)));
    }
    promql::parse(&within(query, "5m"))
        .map(drop)
        .map_err(|error| format!("`{key}` is no PromQL ({error}); right would be {}", example(key)))
}

fn example(key: &str) -> String {
    let failed = if key == "errors" { ",status=~\"5..\"" } else { "" };
    format!("{key} = 'sum(increase(http_requests_total{{job=\"api\"{failed}}}[{PLACE}]))'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_that_cannot_be_asked_is_told_before_it_is_needed() {
        let count = |range: &str| Some(format!("sum(increase(x[{range}]))"));
        assert!(Slo::new(0.99, "7d", count("$window"), count("$window")).is_ok());
        for (errors, total) in [
            (count("5m"), count("$window")),
            (count("$window"), Some("sum(increase(x[$window])".to_owned())),
            (count("$window"), None),
            (None, count("$window")),
        ] {
            let told = Slo::new(0.99, "7d", errors, total).unwrap_err();
            assert!(told.contains("right would be"), "{told}");
        }
        assert_eq!(within("a[$window] / b[$window]", "5m"), "a[5m] / b[5m]");
    }
}
