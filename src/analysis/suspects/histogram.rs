//! Histograms and summaries: several series of one thing, read together.

use std::collections::BTreeMap;

use super::{
    series::{Reading, Series},
    trace::Trace,
    window::Windows,
};

/// The quantile that is read of a histogram.
pub(super) const QUANTILE: f64 = 0.95;

/// Series that are read together, by their places among all.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// A bucket's upper bound and its place, the least bound first.
    buckets: Vec<(f64, usize)>,
    sum: Option<usize>,
    count: Option<usize>,
}

/// What a group is found by: service, name without its ending, labels without `le` and without the name.
type Key<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>);

/// Finds what has to be read together.
pub(super) fn groups(series: &[Series<'_>]) -> Vec<Group> {
    let mut groups: BTreeMap<Key<'_>, Group> = BTreeMap::new();
    for (place, one) in series.iter().enumerate() {
        let reading = one.reading();
        let ending = match reading {
            Reading::Bucket => "_bucket",
            Reading::Sum => "_sum",
            Reading::Rate if one.name.ends_with("_count") => "_count",
            Reading::Rate | Reading::Level => continue,
        };
        let base = one.name.strip_suffix(ending).unwrap_or(one.name);
        let labels = one.labels.iter().filter(|(name, _)| *name != "__name__");
        let labels = labels.filter(|(name, _)| reading != Reading::Bucket || *name != "le");
        let key = (one.service, base, labels.map(|(name, value)| (name.as_str(), value.as_str())).collect());
        let group = groups.entry(key).or_default();
        match reading {
            Reading::Bucket => group.buckets.extend(bound(one).map(|bound| (bound, place))),
            Reading::Sum => group.sum = Some(place),
            Reading::Rate | Reading::Level => group.count = Some(place),
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    for group in &mut groups {
        group.buckets.sort_by(|one, two| one.0.total_cmp(&two.0));
    }
    groups
}

impl Group {
    /// One of the series that stands for the group: name and labels are read of it.
    pub(super) fn named_by(&self) -> Option<usize> {
        self.buckets.last().map(|bucket| bucket.1).or(self.sum)
    }

    /// Reads the quantile of a histogram over time, or the mean of what only has a sum and a count; `false` when it has neither.
    pub(super) fn read(&self, series: &[Series<'_>], windows: &Windows, trace: &mut Trace) -> bool {
        trace.clear();
        if self.buckets.len() > 1 {
            self.quantiles(series, windows, trace);
            return true;
        }
        let (Some(sum), Some(count)) = (self.of(series, self.sum), self.of(series, self.count)) else { return false };
        let mut cursors = [Cursor::new(sum), Cursor::new(count)];
        for (at, _) in count.iter().copied() {
            let [sum, count] = cursors.each_mut().map(|cursor| cursor.increase(at));
            if let (Some(sum), Some(count)) = (sum, count)
                && count > 0.0
            {
                trace.push(at, sum / count, windows);
            }
        }
        true
    }

    fn of<'a>(&self, series: &[Series<'a>], place: Option<usize>) -> Option<&'a [(f64, f64)]> {
        series.get(place?).map(|series| series.samples)
    }

    fn quantiles(&self, series: &[Series<'_>], windows: &Windows, trace: &mut Trace) {
        let of = |place: usize| series.get(place).map(|series| series.samples).unwrap_or_default();
        let Some(all) = self.buckets.last().map(|bucket| of(bucket.1)) else { return };
        let mut cursors: Vec<_> = self.buckets.iter().map(|(bound, place)| (*bound, Cursor::new(of(*place)))).collect();
        let mut counts = Vec::with_capacity(cursors.len());
        for (at, _) in all.iter().copied() {
            counts.clear();
            counts.extend(
                cursors.iter_mut().filter_map(|(bound, cursor)| cursor.increase(at).map(|count| (*bound, count))),
            );
            if let Some(value) = quantile(&counts) {
                trace.push(at, value, windows);
            }
        }
    }
}

/// Goes through a counter's samples together with others.
struct Cursor<'a> {
    samples: &'a [(f64, f64)],
    before: Option<f64>,
}

impl<'a> Cursor<'a> {
    fn new(samples: &'a [(f64, f64)]) -> Self {
        Self { samples, before: None }
    }

    /// The increase since the moment asked for last, at a later moment; `None` where one of both samples is missing.
    fn increase(&mut self, at: f64) -> Option<f64> {
        while let Some(((then, value), rest)) = self.samples.split_first() {
            if *then > at {
                break;
            }
            self.samples = rest;
            // The parts of one scrape bear the same moment.
            if *then == at {
                let before = self.before.replace(*value).filter(|before| before.is_finite() && value.is_finite())?;
                return Some(if *value < before { *value } else { value - before });
            }
        }
        self.before = None;
        None
    }
}

/// The quantile by linear interpolation within its bucket, as Prometheus has it; the highest finite bound when it is beyond.
fn quantile(counts: &[(f64, f64)]) -> Option<f64> {
    let (_, all) = counts.last().filter(|(bound, all)| *bound == f64::INFINITY && *all > 0.0)?;
    let rank = QUANTILE * all;
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in counts.iter().copied() {
        // Buckets are read one after the other, so that a later one can miss what an earlier one has.
        let count = count.max(below);
        if count >= rank {
            let share = if count > below { (rank - below) / (count - below) } else { 1.0 };
            return Some(if bound.is_finite() { low + (bound - low) * share } else { low });
        }
        (low, below) = (bound, count);
    }
    None
}

fn bound(series: &Series<'_>) -> Option<f64> {
    let text = series.labels.get("le")?;
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok().filter(|bound: &f64| !bound.is_nan()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspects::Labels;

    #[test]
    fn a_histogram_is_read_as_its_quantile_over_time() {
        let le = |bound: &str| Labels::from([("le".to_owned(), bound.to_owned())]);
        let labels = [le("0.1"), le("1"), le("+Inf")];
        // Ten requests a step: at first all are quick, then all take between a tenth and a whole second.
        let samples = [
            [(0.0, 0.0), (10.0, 10.0), (20.0, 10.0)],
            [(0.0, 0.0), (10.0, 10.0), (20.0, 20.0)],
            [(0.0, 0.0), (10.0, 10.0), (20.0, 20.0)],
        ];
        let series: Vec<_> = labels
            .iter()
            .zip(&samples)
            .map(|(labels, samples)| Series { name: "d_bucket", service: "a", labels, kind: None, samples })
            .collect();
        let windows = Windows::new(0.0..15.0, 15.0..30.0).unwrap();
        let mut trace = Trace::default();
        let groups = groups(&series);
        assert!(groups.len() == 1 && groups[0].read(&series, &windows, &mut trace));
        assert!((trace.baseline[0] - 0.095).abs() < 1e-9 && (trace.present[0].1 - 0.955).abs() < 1e-9, "{trace:?}");
    }
}
