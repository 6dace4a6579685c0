//! From lines to samples: the numbers that a range aggregation works on.

use std::collections::{BTreeSet, HashMap};

use super::labels::{self, DUPLICATE_SUFFIX, ERROR, Labels};
use super::pipeline;
use super::store::{Entry, LogStore};
use super::syntax::{Grouping, RangeAggregation, RangeFunction};
use super::working_labels::{Hints, WorkingLabels};

/// Samples that have the same labels.
#[derive(Debug)]
pub(super) struct SampleSeries {
    /// The labels.
    pub(super) labels: Labels,
    /// A line of it went wrong, and the query does not ask for that.
    pub(super) failed: bool,
    /// Time in nanoseconds and value, by time.
    pub(super) points: Vec<(i64, f64)>,
}

/// How lines become samples.
struct Extractor<'a> {
    aggregation: &'a RangeAggregation,
    /// Labels by which samples fall together.
    grouping: Grouping,
    /// All samples fall together.
    no_labels: bool,
    /// A line that went wrong does not fail the query.
    forgiving: bool,
    hints: Hints,
}

/// The samples after `after` and up to `until`, in nanoseconds; `outer` is the grouping of a `sum` around, which Loki
/// applies here already. Series come in the order in which they begin.
pub(super) fn extract(
    store: &LogStore,
    aggregation: &RangeAggregation,
    outer: Option<&Grouping>,
    after: i64,
    until: i64,
) -> Vec<SampleSeries> {
    let extractor = Extractor::new(aggregation, outer);
    let matchers = &aggregation.range.selector.matchers;
    let (from, to) = (after.saturating_add(1), until.saturating_add(1));
    let mut lines: Vec<(&Labels, &Entry)> = store
        .select(matchers)
        .flat_map(|(labels, stream)| stream.between(from, to).map(move |entry| (labels, entry)))
        .collect();
    lines.sort_by_key(|(_, entry)| entry.at);
    let mut series: Vec<SampleSeries> = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for (stream, entry) in lines {
        let Some((labels, value)) = extractor.sample(stream, entry) else {
            continue;
        };
        let place = *places.entry(labels).or_insert_with_key(|labels| {
            let failed = labels.contains_key(ERROR) && !extractor.forgiving;
            series.push(SampleSeries { labels: labels.clone(), failed, points: Vec::new() });
            series.len() - 1
        });
        if let Some(series) = series.get_mut(place) {
            series.points.push((entry.at, value));
        }
    }
    series
}

impl<'a> Extractor<'a> {
    fn new(aggregation: &'a RangeAggregation, outer: Option<&Grouping>) -> Self {
        let own = aggregation.grouping.as_ref();
        let applied = own.or(outer);
        let singleton = applied.is_some_and(|grouping| grouping.names.is_empty() && !grouping.without);
        let no_labels = singleton || aggregation.function == RangeFunction::AbsentOverTime;
        let mut grouping = applied.cloned().unwrap_or_default();
        let range = &aggregation.range;
        let mut required = pipeline::required_names(&range.selector.stages);
        if let Some(unwrap) = &range.unwrap {
            if grouping.names.is_empty() || grouping.without {
                grouping.without = true;
                grouping.names.push(unwrap.label.clone());
            }
            required.push(unwrap.label.clone());
            required.extend(unwrap.filters.iter().flat_map(|filter| filter.names()));
        } else if grouping.names.is_empty() {
            grouping.without = true;
        }
        required.extend(grouping.names.iter().cloned());
        let hints = hints(no_labels, grouping.without, with_and_without_suffix(required));
        let forgiving = hints.required.as_ref().is_some_and(|required| required.contains(ERROR));
        Self { aggregation, grouping, no_labels, forgiving, hints }
    }

    fn sample(&self, stream: &Labels, entry: &Entry) -> Option<(Labels, f64)> {
        let mut working = WorkingLabels::new(stream, &entry.metadata, &self.hints);
        let range = &self.aggregation.range;
        let text = pipeline::run(&range.selector.stages, &entry.line, &mut working)?;
        let value = match &range.unwrap {
            None => self.aggregation.function.value_of_line(&text),
            Some(unwrap) => {
                let number = working
                    .get(&unwrap.label)
                    .filter(|text| !text.is_empty())
                    .map(|text| unwrap.quantity.read(text))?;
                let value = number.unwrap_or_else(|reason| {
                    working.fail("SampleExtractionErr", reason);
                    0.0
                });
                if !unwrap.filters.iter().all(|filter| filter.keeps(&mut working)) {
                    return None;
                }
                value
            }
        };
        Some((self.labels(&working), value))
    }

    fn labels(&self, working: &WorkingLabels<'_>) -> Labels {
        if working.failed() {
            // Grouping would lose the error.
            return working.all();
        }
        if self.no_labels {
            return Labels::new();
        }
        labels::group(&working.all(), &self.grouping.names, self.grouping.without)
    }
}

/// Without labels in the answer, or with only named ones, parsers need not find more than these.
fn hints(no_labels: bool, without: bool, required: BTreeSet<String>) -> Hints {
    match (no_labels, required.is_empty()) {
        (true, true) => Hints { nothing: true, required: None },
        (false, _) if without => Hints::default(),
        (true | false, _) => Hints { nothing: false, required: Some(required) },
    }
}

/// A parsed label may end in `_extracted`, or be renamed so; parsers must find it under both names.
fn with_and_without_suffix(names: Vec<String>) -> BTreeSet<String> {
    let bare: Vec<String> =
        names.iter().filter_map(|name| name.strip_suffix(DUPLICATE_SUFFIX)).map(str::to_owned).collect();
    names.into_iter().chain(bare).collect()
}

impl RangeFunction {
    fn value_of_line(self, line: &str) -> f64 {
        if matches!(self, Self::BytesOverTime | Self::BytesRate) { line.len() as f64 } else { 1.0 }
    }
}
