//! A series summed up by its shape: first, last, least, most, when it changed.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use crate::{
    reach::{Sample, Series},
    text,
};

/// A series in a few figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// Its labels as PromQL writes them.
    pub name: String,
    /// First value.
    #[serde(serialize_with = "number")]
    pub first: f64,
    /// Last value.
    #[serde(serialize_with = "number")]
    pub last: f64,
    /// Least value.
    #[serde(serialize_with = "number")]
    pub least: f64,
    /// Greatest value.
    #[serde(serialize_with = "number")]
    pub most: f64,
    /// Samples.
    pub points: usize,
    /// Moment of the first sample.
    pub from: DateTime<Utc>,
    /// Moment of the last sample.
    pub until: DateTime<Utc>,
    /// Where it changed most from one sample to the next, when that is much of its whole span.
    pub changed_at: Option<DateTime<Utc>>,
    /// flat, step up, step down, rising, falling, uneven, one point, or no numbers.
    pub form: &'static str,
    /// Samples that are missing in between.
    pub missing: usize,
}

/// JSON has no NaN and no infinity: they become text.
fn number<S: Serializer>(value: &f64, out: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { out.serialize_f64(*value) } else { out.serialize_str(&value.to_string()) }
}

impl Shape {
    /// Sums a series up; `step_seconds` tells gaps from the ordinary distance. `None` without samples.
    pub(crate) fn of(series: &Series, step_seconds: u32) -> Option<Self> {
        let (first, last) = (series.samples.first()?, series.samples.last()?);
        let finite = || series.samples.iter().map(|sample| sample.value).filter(|value| value.is_finite());
        let (least, most) = (finite().fold(f64::NAN, f64::min), finite().fold(f64::NAN, f64::max));
        let jump = jump(&series.samples);
        let span = most - least;
        let form = form(&series.samples, span, jump);
        let telling = |size: f64| form != "flat" && size.abs() >= span * 0.5;
        let changed_at = jump.filter(|(_, size)| telling(*size)).map(|(at, _)| at);
        Some(Self {
            name: name(&series.labels),
            first: first.value,
            last: last.value,
            least,
            most,
            points: series.samples.len(),
            from: first.at,
            until: last.at,
            changed_at,
            form,
            missing: missing(&series.samples, step_seconds),
        })
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let at = |at: DateTime<Utc>| at.format("%H:%M:%S");
        if self.points == 1 {
            return format!("{} = {}", self.name, figure(self.last));
        }
        let mut line = format!("{}: {} → {}", self.name, figure(self.first), figure(self.last));
        if let Some(changed) = self.changed_at {
            let _ = write!(line, " at {}", at(changed));
        }
        let (least, most) = (figure(self.least), figure(self.most));
        let _ = write!(line, ", {} (least {least}, most {most}, {} points)", self.form, self.points);
        if self.missing > 0 {
            let _ = write!(line, ", {} points missing", self.missing);
        }
        line
    }
}

/// The largest change from one sample to the next, and when.
fn jump(samples: &[Sample]) -> Option<(DateTime<Utc>, f64)> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let changes =
        pairs.map(|(before, after)| (after.at, after.value - before.value)).filter(|(_, size)| size.is_finite());
    changes.max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))
}

fn form(samples: &[Sample], span: f64, jump: Option<(DateTime<Utc>, f64)>) -> &'static str {
    let (Some(first), Some(last), Some((_, size))) = (samples.first(), samples.last(), jump) else {
        return if samples.len() == 1 { "one point" } else { "no numbers" };
    };
    let scale = samples.iter().map(|sample| sample.value.abs()).filter(|value| value.is_finite()).fold(0.0, f64::max);
    if span.is_nan() || span <= scale * 0.02 {
        return "flat";
    }
    let way = last.value - first.value;
    if size.abs() >= span * 0.6 && way.abs() >= span * 0.5 {
        return if size > 0.0 { "step up" } else { "step down" };
    }
    if way.abs() >= span * 0.7 {
        return if way > 0.0 { "rising" } else { "falling" };
    }
    "uneven"
}

fn missing(samples: &[Sample], step_seconds: u32) -> usize {
    if step_seconds == 0 {
        return 0;
    }
    let step = TimeDelta::seconds(i64::from(step_seconds)).num_milliseconds().max(1);
    let gaps =
        samples.iter().zip(samples.iter().skip(1)).map(|(a, b)| ((b.at - a.at).num_milliseconds() / step - 1).max(0));
    usize::try_from(gaps.sum::<i64>()).unwrap_or(0)
}

/// Labels as PromQL writes them.
pub(crate) fn name(labels: &BTreeMap<String, String>) -> String {
    let pairs = labels.iter().filter(|(key, _)| *key != "__name__");
    let pairs: Vec<_> =
        pairs.map(|(key, value)| format!("{key}=\"{}\"", text::one_line(&text::clean(value), 80))).collect();
    let metric = labels.get("__name__").map_or("", String::as_str);
    if pairs.is_empty() && !metric.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", pairs.join(", ")) }
}

/// At most four digits that count.
pub(crate) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a double is small")]
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 12);
    let text = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Shapes of many series: the most telling first, the rest counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shapes {
    /// Series that are told.
    pub series: Vec<Shape>,
    /// Series that are not.
    pub left_out: usize,
    /// Last value of the first series; `null` when there is none, or it is no number.
    pub value: Option<f64>,
    /// Whether there is no series.
    pub empty: bool,
}

impl Shapes {
    /// Sums series up; those that changed most stand first when there are more than `most`.
    pub(crate) fn of(series: &[Series], step_seconds: u32, most: usize) -> Self {
        let mut shapes: Vec<_> = series.iter().filter_map(|series| Shape::of(series, step_seconds)).collect();
        let left_out = shapes.len().saturating_sub(most);
        if left_out > 0 {
            let change = |shape: &Shape| {
                let scale = shape.most.abs().max(shape.least.abs()).max(f64::MIN_POSITIVE);
                (shape.most - shape.least) / scale
            };
            shapes.sort_by(|a, b| change(b).total_cmp(&change(a)));
            shapes.truncate(most);
        }
        let value = shapes.first().map(|shape| shape.last).filter(|value| value.is_finite());
        Self { empty: shapes.is_empty(), series: shapes, left_out, value }
    }

    /// One line a series.
    pub(crate) fn lines(&self) -> String {
        let mut lines: Vec<_> = self.series.iter().map(Shape::line).collect();
        if self.empty {
            lines.push("no series".to_owned());
        }
        if self.left_out > 0 {
            lines.push(format!(
                "[{} more series are left out, those that changed least; ask with an aggregation such as topk]",
                self.left_out
            ));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[f64]) -> Series {
        let start = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let samples = values.iter().enumerate();
        let samples =
            samples.map(|(index, value)| Sample { at: start + TimeDelta::seconds(15 * index as i64), value: *value });
        Series {
            labels: BTreeMap::from([("__name__".into(), "up".into()), ("job".into(), "a".into())]),
            samples: samples.collect(),
        }
    }

    #[test]
    fn a_series_is_told_by_its_shape() {
        let line = |values: &[f64]| Shape::of(&series(values), 15).unwrap().line();
        let told = [
            line(&[1.0, 1.0, 1.0, 0.0, 0.0]),
            line(&[1.0, 2.0, 3.0, 4.0, 5.0]),
            line(&[0.123_456, 0.123_457]),
            line(&[5.0, 1.0, 6.0, 1.0, 5.0]),
            line(&[1234.5678]),
            line(&[f64::NAN, f64::NAN]),
            line(&[0.000_012_3, 0.000_045_6]),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        up{job="a"}: 1 → 0 at 14:14:05, step down (least 0, most 1, 5 points)
        up{job="a"}: 1 → 5, rising (least 1, most 5, 5 points)
        up{job="a"}: 0.1235 → 0.1235, flat (least 0.1235, most 0.1235, 2 points)
        up{job="a"}: 5 → 5 at 14:14:05, uneven (least 1, most 6, 5 points)
        up{job="a"} = 1235
        up{job="a"}: NaN → NaN, no numbers (least NaN, most NaN, 2 points)
        up{job="a"}: 0.0000123 → 0.0000456 at 14:13:35, step up (least 0.0000123, most 0.0000456, 2 points)
        "#);
        let mut gap = series(&[1.0, 1.0, 1.0]);
        gap.samples.remove(1);
        assert_eq!(Shape::of(&gap, 15).unwrap().missing, 1);
    }
}
