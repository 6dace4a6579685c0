//! What the same metric is elsewhere: a level that hardly counts beside that of others is no cause of much, however far it moved.

use std::collections::BTreeMap;

use super::{robust, signal::Signal};

/// So many have to have a metric until one of them can be compared with the others.
const LEAST: usize = 4;
/// A level below this share of the usual one hardly counts.
const SMALL: f64 = 0.2;

/// The usual level of each metric, by its name and what it tells of: requests that fail are no measure of those that do not.
pub(super) struct Usual<'a>(BTreeMap<(&'a str, Signal), f64>);

impl<'a> Usual<'a> {
    /// Of names, what they tell of, and a level of each series.
    pub(super) fn of(levels: impl Iterator<Item = (&'a str, Signal, f64)>) -> Self {
        let mut all: BTreeMap<_, Vec<f64>> = BTreeMap::new();
        for (name, signal, level) in levels {
            all.entry((name, signal)).or_default().push(level.abs());
        }
        all.retain(|_, levels| levels.len() >= LEAST);
        Self(all.into_iter().map(|(key, mut levels)| (key, robust::median(&mut levels))).collect())
    }

    /// How much a metric counts that is this high at most, between 0 and 1.
    pub(super) fn counts(&self, name: &str, signal: Signal, most: f64) -> f64 {
        let enough = self.0.get(&(name, signal)).map_or(0.0, |usual| usual * SMALL);
        if most.abs() < enough { most.abs() / enough } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_beside_others_counts_little() {
        let levels = [100.0, 90.0, 110.0, 0.1].map(|level| ("cpu_usage", Signal::Saturation, level));
        let few = [1.0, 2.0].map(|level| ("queue", Signal::Saturation, level));
        let usual = Usual::of(levels.into_iter().chain(few));
        let counts = |name: &str, most| usual.counts(name, Signal::Saturation, most);
        assert_eq!([counts("cpu_usage", 2.0), counts("cpu_usage", 40.0), counts("queue", 0.001)], [0.1, 1.0, 1.0]);
        assert_eq!(usual.counts("cpu_usage", Signal::Errors, 0.1), 1.0);
    }
}
