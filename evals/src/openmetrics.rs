//! OpenMetrics text with timestamps. Source: <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::collections::BTreeMap;

/// One series: labels (`__name__` among them) and samples in milliseconds, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) samples: Vec<(i64, f64)>,
}

/// Reads a file; the error tells the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Series>, String> {
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<(i64, f64)>> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (labels, at, value) = sample(line).ok_or_else(|| {
            format!("line {}: {line:?} is no sample; right would be `up{{job=\"a\"}} 1 1795456200.000`", index + 1)
        })?;
        series.entry(labels).or_default().push((at, value));
    }
    let sorted = series.into_iter().map(|(labels, mut samples)| {
        samples.sort_by_key(|(at, _)| *at);
        Series { labels, samples }
    });
    Ok(sorted.collect())
}

fn sample(line: &str) -> Option<(BTreeMap<String, String>, i64, f64)> {
    let mut labels = BTreeMap::new();
    let (name, rest) = match line.find('{') {
        Some(open) => {
            let close = line.rfind('}')?;
            read_labels(line.get(open + 1..close)?, &mut labels)?;
            (line.get(..open)?, line.get(close + 1..)?)
        }
        None => line.split_once(' ')?,
    };
    labels.insert("__name__".to_owned(), name.trim().to_owned());
    let mut parts = rest.split_whitespace();
    let value = match parts.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.parse().ok()?,
    };
    let seconds: f64 = parts.next()?.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date fit")]
    Some((labels, (seconds * 1_000.0).round() as i64, value))
}

fn read_labels(text: &str, into: &mut BTreeMap<String, String>) -> Option<()> {
    let mut rest = text.trim().trim_end_matches(',');
    while !rest.is_empty() {
        let (name, tail) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = tail.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => match letters.next()? {
                    (_, 'n') => value.push('\n'),
                    (_, other) => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        into.insert(name.trim().trim_start_matches(',').trim().to_owned(), value);
        rest = tail.get(end + 1..)?.trim_start_matches(',').trim();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_with_odd_labels_are_read_and_wrong_lines_told() {
        let text = "# TYPE a counter\na_total{x=\"1\",y=\"q\\\"{}\\n\"} 5 10.5\na_total{x=\"1\",y=\"q\\\"{}\\n\"} 4 9\nb 1e3 1\n# EOF\n";
        let series = parse(text).unwrap();
        assert_eq!(series.len(), 2);
        assert_eq!(series[1].samples, [(1_000, 1_000.0)]);
        assert_eq!(
            (series[0].labels["y"].as_str(), series[0].samples.clone()),
            ("q\"{}\n", vec![(9_000, 4.0), (10_500, 5.0)])
        );
        assert!(parse("up 1").unwrap_err().starts_with("line 1:"));
    }
}
