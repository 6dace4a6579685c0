//! OpenMetrics text with timestamps: the metrics of a segment.

use std::collections::BTreeMap;

/// The labels of a series, without `__name__`.
pub(crate) type Labels = BTreeMap<String, String>;

/// What a metric is, as its `# TYPE` and `# HELP` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
}

/// One recorded series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RecordedSeries {
    pub(crate) metric: String,
    pub(crate) labels: Labels,
    /// Whether it only ever grows, but for a restart.
    pub(crate) cumulative: bool,
    /// Milliseconds since 1970 and the value. Invariant: by time, and never empty.
    pub(crate) samples: Vec<(i64, f64)>,
}

/// All metrics of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    /// By the family's name as Prometheus tells it.
    pub(crate) families: BTreeMap<String, Family>,
    /// By `job`.
    pub(crate) jobs: BTreeMap<String, Vec<RecordedSeries>>,
}

/// What is wrong, with the number of its line.
pub(super) type LineError = (usize, String);

/// Reads OpenMetrics text in which every sample has a timestamp (seconds) and a `job` label.
pub(super) fn parse(text: &str) -> Result<Metrics, LineError> {
    let mut kinds: BTreeMap<String, Family> = BTreeMap::new();
    let mut series: BTreeMap<(String, Labels), Vec<(i64, f64)>> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let fail = |problem: String| (index + 1, problem);
        if let Some(comment) = line.strip_prefix("# ") {
            describe(&mut kinds, comment);
        } else if !line.is_empty() {
            let (metric, labels, value, at) = sample(line).map_err(fail)?;
            let samples = series.entry((metric, labels)).or_default();
            if samples.last().is_some_and(|(last, _)| *last >= at) {
                return Err(fail("the timestamp is not after that of the sample before it in this series".to_owned()));
            }
            samples.push((at, value));
        }
    }
    let mut metrics = Metrics::default();
    for ((metric, labels), samples) in series {
        let cumulative = is_cumulative(&kinds, &metric);
        let job = labels.get("job").cloned().unwrap_or_default();
        metrics.jobs.entry(job).or_default().push(RecordedSeries { metric, labels, cumulative, samples });
    }
    metrics.families = kinds.into_iter().map(|(name, family)| (shown(name, &family), family)).collect();
    Ok(metrics)
}

fn describe(kinds: &mut BTreeMap<String, Family>, comment: &str) {
    let mut words = comment.splitn(3, ' ');
    let (Some(word), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
        return;
    };
    let family =
        kinds.entry(name.to_owned()).or_insert_with(|| Family { kind: "unknown".to_owned(), help: String::new() });
    match word {
        "TYPE" => rest.clone_into(&mut family.kind),
        "HELP" => rest.clone_into(&mut family.help),
        _ => (),
    }
}

/// A scraped counter's metadata bears its samples' name.
fn shown(name: String, family: &Family) -> String {
    if family.kind == "counter" { format!("{name}_total") } else { name }
}

fn is_cumulative(kinds: &BTreeMap<String, Family>, metric: &str) -> bool {
    let kind = |suffix: &str| Some(kinds.get(metric.strip_suffix(suffix)?)?.kind.as_str());
    kind("_total") == Some("counter")
        || kind("_bucket") == Some("histogram")
        || ["_sum", "_count"].into_iter().any(|suffix| matches!(kind(suffix), Some("histogram" | "summary")))
}

fn sample(line: &str) -> Result<(String, Labels, f64, i64), String> {
    let (metric, labels, rest) = match line.split_once('{') {
        Some((metric, rest)) => {
            let (labels, rest) = label_set(rest)?;
            (metric, labels, rest)
        }
        None => return Err("there are no labels; each sample has at least `job` and `instance`".to_owned()),
    };
    for needed in ["job", "instance"] {
        if !labels.contains_key(needed) {
            return Err(format!("there is no label `{needed}`; each sample has at least `job` and `instance`"));
        }
    }
    let mut words = rest.split_whitespace();
    let (Some(value), Some(at), None) = (words.next(), words.next(), words.next()) else {
        return Err("after the labels come the value and the timestamp in seconds, and nothing else".to_owned());
    };
    let value = value.parse::<f64>().map_err(|_| format!("`{value}` is no number"))?;
    let at = at.parse::<f64>().map_err(|_| format!("`{at}` is no timestamp; it is seconds since 1970"))?;
    if !(0.0..=1e11).contains(&at) {
        return Err(format!("`{at}` is no timestamp; it is seconds since 1970"));
    }
    Ok((metric.to_owned(), labels, value, (at * 1000.0).round() as i64))
}

/// Reads `name="value",…}` and gives what follows.
fn label_set(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once("=\"").ok_or("labels are written name=\"value\", and end with }")?;
        let (value, after) = quoted(after)?;
        labels.insert(name.to_owned(), value);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((value, text.get(index + 1..).unwrap_or_default())),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped)) => value.push(escaped),
                None => break,
            },
            _ => value.push(character),
        }
    }
    Err("a label's value does not end with \"".to_owned())
}
