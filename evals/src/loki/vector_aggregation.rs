//! What is made of series that fall together: `sum by (…)`, `topk`, `sort`.

use std::collections::BTreeMap;

use super::labels::{self, Labels};
use super::metric::Sample;
use super::range_aggregation::{mean, variance};
use super::syntax::{VectorAggregation, VectorFunction};

/// Applies the aggregation to the series of one moment.
pub(super) fn apply(aggregation: &VectorAggregation, samples: Vec<Sample>) -> Vec<Sample> {
    let grouping = &aggregation.grouping;
    let mut groups: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        let key = labels::group(&sample.labels, &grouping.names, grouping.without);
        groups.entry(key).or_default().push(sample);
    }
    groups.into_iter().flat_map(|(labels, group)| one_group(aggregation, labels, group)).collect()
}

fn one_group(aggregation: &VectorAggregation, labels: Labels, group: Vec<Sample>) -> Vec<Sample> {
    let values = group.iter().map(|sample| sample.value);
    let value = match aggregation.function {
        VectorFunction::Sum => values.sum(),
        VectorFunction::Average => mean(values),
        VectorFunction::Maximum => values.fold(f64::NAN, f64::max),
        VectorFunction::Minimum => values.fold(f64::NAN, f64::min),
        VectorFunction::Count => group.len() as f64,
        VectorFunction::Deviation => variance(values).sqrt(),
        VectorFunction::Variance => variance(values),
        VectorFunction::TopK => return ordered(group, true, aggregation.keep),
        VectorFunction::BottomK => return ordered(group, false, aggregation.keep),
        VectorFunction::Sort => return ordered(group, false, usize::MAX),
        VectorFunction::SortDescending => return ordered(group, true, usize::MAX),
    };
    vec![Sample { labels, value }]
}

/// By value, what is no number last; of equal values the first by labels comes first.
fn ordered(mut group: Vec<Sample>, descending: bool, keep: usize) -> Vec<Sample> {
    group.sort_by(|left, right| {
        let by_value = left.value.is_nan().cmp(&right.value.is_nan());
        let order = if descending { right.value.total_cmp(&left.value) } else { left.value.total_cmp(&right.value) };
        by_value.then(order).then_with(|| left.labels.cmp(&right.labels))
    });
    group.truncate(keep);
    group
}
