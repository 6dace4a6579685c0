//! What is looked at: a series as it was read, borrowed, and what its name and labels say of it.

use std::collections::BTreeMap;

/// Labels of a series; its name may be among them, as `__name__`.
pub type Labels = BTreeMap<String, String>;

/// One series. Nothing of it is copied.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// The service that it belongs to.
    pub service: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// What kind it is, where that is known; else it is read from the name and the samples.
    pub kind: Option<Kind>,
    /// Seconds since the epoch and value, oldest first, on any grid; a value may be NaN.
    pub samples: &'a [(f64, f64)],
}

/// Prometheus's types of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until its process starts anew.
    Counter,
    /// Any value at any time.
    Gauge,
    /// `_bucket`, `_sum` and `_count` of one name.
    Histogram,
    /// `_sum`, `_count` and quantiles of one name.
    Summary,
}

/// What a sample of a series means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The value itself.
    Level,
    /// The increase by second.
    Rate,
    /// One bucket of a histogram, read together with the others.
    Bucket,
    /// The sum of what `_count` counts, read together with it.
    Sum,
}

/// So many steps upwards show that a series only grows.
const STEPS: usize = 20;

impl Series<'_> {
    /// What its samples mean.
    pub(super) fn reading(&self) -> Reading {
        let named = |ending: &str| self.name.ends_with(ending);
        if named("_bucket") && self.labels.contains_key("le") && self.kind != Some(Kind::Gauge) {
            return Reading::Bucket;
        }
        match self.kind {
            Some(Kind::Gauge) => Reading::Level,
            Some(Kind::Counter) => Reading::Rate,
            Some(Kind::Histogram) if named("_sum") => Reading::Sum,
            Some(Kind::Summary) if named("_sum") => Reading::Sum,
            Some(Kind::Histogram | Kind::Summary) if named("_count") => Reading::Rate,
            Some(Kind::Histogram | Kind::Summary) => Reading::Level,
            None if named("_sum") && self.grows() => Reading::Sum,
            None if ["_total", "-total", "_count"].into_iter().any(named) && self.grows() => Reading::Rate,
            None if self.never_rests() => Reading::Rate,
            None => Reading::Level,
        }
    }

    /// Whether it grows at nearly each of many steps: a counter by another name, or a clock. A gauge that does so tells more by
    /// how fast it grows.
    fn never_rests(&self) -> bool {
        let steps = || {
            self.samples.windows(2).filter_map(|pair| match pair {
                [one, two] => Some((one.1, two.1)),
                _ => None,
            })
        };
        let grown = steps().filter(|(one, two)| two > one).count();
        grown >= STEPS && grown * 10 >= self.samples.len() * 9 && self.grows()
    }

    /// Whether it falls at most as a counter does: rarely, and then to little of what it was.
    fn grows(&self) -> bool {
        let (mut steps, mut falls) = (0_usize, 0_usize);
        let mut before = None;
        for value in self.samples.iter().map(|sample| sample.1).filter(|value| value.is_finite()) {
            if value < 0.0 {
                return false;
            }
            if let Some(before) = before {
                steps += 1;
                if value < before && value > before * 0.5 {
                    return false;
                }
                falls += usize::from(value < before);
            }
            before = Some(value);
        }
        falls * 10 <= steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(name: &str, kind: Option<Kind>, values: &[f64]) -> Reading {
        let samples: Vec<_> = values.iter().enumerate().map(|(index, value)| (index as f64, *value)).collect();
        let labels = if name.ends_with("_bucket") { Labels::from([("le".into(), "1".into())]) } else { Labels::new() };
        Series { name, service: "a", labels: &labels, kind, samples: &samples }.reading()
    }

    #[test]
    fn the_kind_is_known_or_read_from_name_and_samples() {
        assert_eq!(reading("x_total", None, &[1.0, 5.0, 9.0]), Reading::Rate);
        assert_eq!(reading("x-total", None, &[1.0, 1.0, 9.0]), Reading::Rate, "not every exporter writes underscores");
        assert_eq!(reading("x_total", None, &[9.0, 8.0, 9.0]), Reading::Level, "no counter falls by a little");
        assert_eq!(reading("x_total", Some(Kind::Gauge), &[1.0, 5.0]), Reading::Level);
        assert_eq!(reading("memory_bytes", None, &[1.0, 5.0, 9.0]), Reading::Level);
        let clock: Vec<f64> = (0..40).map(f64::from).collect();
        assert_eq!(reading("ticks", None, &clock), Reading::Rate);
        assert_eq!(reading("x_bucket", None, &[1.0]), Reading::Bucket);
        assert_eq!(reading("x_sum", None, &[1.0, 2.0]), Reading::Sum);
        assert_eq!(reading("x_count", Some(Kind::Summary), &[1.0, 2.0]), Reading::Rate);
        assert_eq!(reading("x", Some(Kind::Counter), &[1.0, f64::NAN]), Reading::Rate);
    }
}
