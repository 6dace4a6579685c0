//! How recorded samples and lines go on: as recorded, and after their end as they ended.

use crate::case::{LogLine, RecordedSeries};

/// How many of the last samples are the pattern in which a series goes on after its recorded end.
const PATTERN: usize = 8;
/// Milliseconds between two samples of a series of which only one was recorded.
const INTERVAL: i64 = 15_000;
/// Nanoseconds of the last lines that are repeated after their recorded end.
const LINES_PATTERN: i64 = 60_000_000_000;
/// For how long after its recorded end a recording goes on, in milliseconds. Then nothing more is scraped or logged: an
/// agent that takes a day must not fill the memory.
const LONGEST: i64 = 6 * 60 * 60 * 1000;

/// The samples of a series after `from` up to `until`, both in the recording's time (milliseconds). `ends` is the last
/// sample time of the series' job: a series that ended before it has ended for good.
pub(super) fn samples(series: &RecordedSeries, ends: i64, from: i64, until: i64) -> Vec<(i64, f64)> {
    let first = series.samples.partition_point(|(at, _)| *at <= from);
    let last = series.samples.partition_point(|(at, _)| *at <= until);
    let mut samples = series.samples.get(first..last).unwrap_or_default().to_vec();
    let Some((last_at, last_value)) = series.samples.last().copied() else {
        return samples;
    };
    let before = series.samples.iter().rev().nth(1);
    let interval = before.map_or(INTERVAL, |(at, _)| last_at - at).max(1000);
    let until = until.min(ends.saturating_add(LONGEST));
    if until <= last_at || last_at.saturating_add(interval * 3 / 2) < ends {
        return samples;
    }
    let pattern = pattern(series);
    let mut step = ((from - last_at) / interval).max(0);
    while last_at + (step + 1) * interval <= until {
        step += 1;
        let at = last_at + step * interval;
        if at > from {
            samples.push((at, held(series.cumulative, last_value, pattern, step)));
        }
    }
    samples
}

fn pattern(series: &RecordedSeries) -> &[(i64, f64)] {
    let start = series.samples.len().saturating_sub(PATTERN + 1);
    series.samples.get(start..).unwrap_or_default()
}

/// The value `step` samples after the last: a gauge goes through the pattern's values again, a counter through its increases.
fn held(cumulative: bool, last: f64, pattern: &[(i64, f64)], step: i64) -> f64 {
    let Some(length) = i64::try_from(pattern.len()).ok().map(|length| length - 1).filter(|length| *length > 0) else {
        return last;
    };
    let value =
        |index: i64| usize::try_from(index).ok().and_then(|index| pattern.get(index)).map_or(last, |(_, value)| *value);
    let (rounds, rest) = ((step - 1) / length, (step - 1) % length + 1);
    if !cumulative {
        return value(rest);
    }
    let whole = (value(length) - value(0)).max(0.0);
    last + whole * rounds as f64 + (value(rest) - value(0)).max(0.0)
}

/// The lines after `from` up to `until`, both in the recording's time (nanoseconds), each with its time.
pub(super) fn lines(lines: &[LogLine], ends: i64, from: i64, until: i64) -> Vec<(i64, &LogLine)> {
    let first = lines.partition_point(|line| line.at <= from);
    let last = lines.partition_point(|line| line.at <= until);
    let mut found: Vec<_> = lines.get(first..last).unwrap_or_default().iter().map(|line| (line.at, line)).collect();
    let until = until.min(ends.saturating_add(LONGEST * 1_000_000));
    let tail = lines.get(lines.partition_point(|line| line.at <= ends - LINES_PATTERN)..).unwrap_or_default();
    if tail.is_empty() {
        return found;
    }
    let mut round = ((from - ends) / LINES_PATTERN).max(0);
    while ends + round * LINES_PATTERN < until {
        round += 1;
        let shifted = tail.iter().map(|line| (line.at + round * LINES_PATTERN, line));
        found.extend(shifted.filter(|(at, _)| *at > from && *at <= until));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(cumulative: bool, values: &[f64]) -> RecordedSeries {
        let samples = values.iter().enumerate().map(|(index, value)| (index as i64 * 15_000, *value)).collect();
        RecordedSeries { metric: "m".into(), labels: Default::default(), cumulative, samples }
    }

    #[test]
    fn counters_go_on_at_their_last_rate_and_gauges_in_their_last_pattern() {
        let counter = series(true, &[0.0, 10.0, 30.0]);
        assert_eq!(
            samples(&counter, 30_000, 30_000, 90_000),
            [(45_000, 40.0), (60_000, 60.0), (75_000, 70.0), (90_000, 90.0)]
        );
        let gauge = series(false, &[5.0, 7.0, 6.0]);
        assert_eq!(
            samples(&gauge, 30_000, 15_000, 75_000),
            [(30_000, 6.0), (45_000, 7.0), (60_000, 6.0), (75_000, 7.0)]
        );
    }

    #[test]
    fn asking_piece_by_piece_gives_the_same_as_asking_at_once() {
        let counter = series(true, &[0.0, 10.0, 30.0, 31.0]);
        let at_once = samples(&counter, 45_000, 0, 900_000);
        let pieces: Vec<_> =
            (0..90).flat_map(|piece| samples(&counter, 45_000, piece * 10_000, (piece + 1) * 10_000)).collect();
        assert_eq!(at_once, pieces);
    }

    #[test]
    fn a_series_that_ended_before_its_job_has_ended_for_good() {
        assert_eq!(samples(&series(false, &[1.0, 1.0]), 300_000, 15_000, 600_000), []);
    }

    #[test]
    fn the_last_minute_of_lines_is_repeated() {
        let line = |second: i64| LogLine {
            at: second * 1_000_000_000,
            labels: Default::default(),
            line: second.to_string(),
            stderr: false,
        };
        let recorded = [line(10), line(100), line(150)];
        let second = 1_000_000_000;
        let found: Vec<_> = lines(&recorded, 160 * second, 120 * second, 300 * second)
            .iter()
            .map(|(at, line)| (at / second, line.line.clone()))
            .collect();
        assert_eq!(found, [(150, "150".to_owned()), (210, "150".to_owned()), (270, "150".to_owned())]);
    }
}
