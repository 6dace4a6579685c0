//! `log_patterns`: what a service's log says now that it did not say before.

mod read;

use std::{fmt, sync::Arc};

use analysis::patterns::{Comparison, Grown, Level, Settings, Side, compare};
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Seen, SharedCatalogue, SharedClock, Tool,
    reach::{Docker, Loki},
    service, text,
};
use read::Stretch;

/// Minutes of the window, and of the quiet time before it.
const WINDOW: u32 = 15;
const QUIET: u32 = 60;
const MOST_MINUTES: u32 = 24 * 60;
/// Patterns told of each kind.
const TOLD: usize = 4;
/// Characters of a pattern and of an example.
const TEMPLATE: usize = 160;
const EXAMPLE: usize = 240;

/// Compares the log of a service now with its own log in a quiet time before: patterns that are new, that vanished, that come much
/// more or much less often, each with one line as an example. Reads Loki, or the containers where there is none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"service": "payments", "minutes_back": 15}]))]
pub struct LogPatternsArgs {
    /// A service of the catalogue.
    pub service: String,
    /// The window, in minutes; 15 if not given.
    pub minutes_back: Option<u32>,
    /// How many minutes before it are the quiet time; 60 if not given.
    pub quiet_minutes: Option<u32>,
    /// How many minutes ago the window ends; not given: now.
    pub until_minutes_ago: Option<u32>,
}

/// Compares logs.
pub struct LogPatterns {
    loki: Option<Arc<Loki>>,
    docker: Option<Arc<Docker>>,
    catalogue: SharedCatalogue,
    clock: SharedClock,
}

/// What is different.
#[derive(Debug, Serialize)]
pub struct Patterns {
    service: String,
    /// Whether anything is different.
    found: bool,
    /// New patterns, and those of them that tell of an error.
    new: usize,
    new_errors: usize,
    /// Patterns that vanished, and that come much more or much less often.
    vanished: usize,
    more: usize,
    less: usize,
    /// New patterns of few lines that are not told: as many come at any time.
    odd: usize,
    /// Patterns that were forgotten for others, because there were too many: the rest is less sure.
    dropped: u64,
    /// The most telling example; absent when nothing is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<String>,
    /// Lines read of the window and of the quiet time.
    lines: usize,
    quiet_lines: usize,
    #[serde(skip)]
    comparison: Comparison,
    #[serde(skip)]
    says: Vec<String>,
    #[serde(skip)]
    more_by: &'static str,
    window_minutes: u32,
    quiet_minutes: u32,
}

impl LogPatterns {
    /// A tool over these sources of logs; without both every call says so.
    pub fn new(
        loki: Option<Arc<Loki>>,
        docker: Option<Arc<Docker>>,
        catalogue: SharedCatalogue,
        clock: SharedClock,
    ) -> Self {
        Self { loki, docker, catalogue, clock }
    }
}

impl Tool for LogPatterns {
    const NAME: &'static str = "log_patterns";
    type Args = LogPatternsArgs;
    type Output = Patterns;

    async fn run(&self, args: &Self::Args) -> Result<Seen<Patterns>, Failure> {
        let service = service::known(&self.catalogue, &args.service)?;
        let minutes = |given: Option<u32>, usual: u32| given.unwrap_or(usual).clamp(1, MOST_MINUTES);
        let (window_minutes, quiet_minutes) = (minutes(args.minutes_back, WINDOW), minutes(args.quiet_minutes, QUIET));
        let until = self.clock.now() - TimeDelta::minutes(i64::from(args.until_minutes_ago.unwrap_or(0)));
        let from = until - TimeDelta::minutes(i64::from(window_minutes));
        let quiet_from = from - TimeDelta::minutes(i64::from(quiet_minutes));
        let selector = service.logs.as_deref();
        let (lines, more_by) = match (&self.loki, selector, &self.docker) {
            (Some(loki), Some(selector), _) => (read::by_loki(loki, selector, quiet_from, until).await?, "search_loki"),
            (_, _, Some(docker)) => {
                (read::by_docker(docker, &service, quiet_from, until).await?, "read_container_logs")
            }
            (None, _, None) => {
                return Err(Failure::Tell("neither Loki nor Docker is configured: there are no logs".to_owned()));
            }
            (Some(_), None, None) => {
                let name = &service.name;
                return Err(Failure::Tell(format!("{name} has no selector for Loki (`logs` in [services.{name}])")));
            }
        };
        let mut says = lines.says.clone();
        let (quiet, window): (Stretch, Stretch) = lines.divided(from);
        let seconds = |length: TimeDelta| length.num_milliseconds().max(1_000) as f64 / 1_000.0;
        if quiet.events.is_empty() && !window.events.is_empty() {
            says.push("there is nothing from the quiet time: everything is new".to_owned());
        }
        let (settings, window_seconds, quiet_seconds) =
            (Settings::default(), seconds(until - from.max(lines.from)), seconds(from - lines.from.min(from)));
        let (lines, quiet_lines) = (window.lines, quiet.lines);
        // Thousands of lines are no work for a thread that others wait for.
        let comparison = tokio::task::spawn_blocking(move || {
            compare(
                Side { events: &window.events, seconds: window_seconds },
                Side { events: &quiet.events, seconds: quiet_seconds },
                settings,
            )
        })
        .await
        .map_err(|error| Failure::Tell(format!("the comparison broke off: {error}")))?;
        let Comparison { new, vanished, more, less, odd, dropped, .. } = &comparison;
        let (odd, dropped) = (*odd, *dropped);
        let first = [new, more, vanished, less].into_iter().find_map(|part| part.first());
        let output = Patterns {
            service: service.name,
            found: first.is_some(),
            new: new.len(),
            new_errors: new.iter().filter(|grown| grown.pattern.level >= Level::Error).count(),
            vanished: vanished.len(),
            more: more.len(),
            less: less.len(),
            odd,
            dropped,
            top: first.map(|grown| shown(&grown.pattern.example, EXAMPLE)),
            lines,
            quiet_lines,
            comparison,
            says,
            more_by,
            window_minutes,
            quiet_minutes,
        };
        let raw = service::raw(&output.comparison);
        Ok(Seen { output, raw })
    }
}

/// Cleaned, on one line, and not longer than so.
fn shown(words: &str, most: usize) -> String {
    text::one_line(&text::clean(words), most)
}

impl fmt::Display for Patterns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, window_minutes, quiet_minutes, lines, quiet_lines, .. } = self;
        write!(
            out,
            "log of {service}: the last {window_minutes} min ({lines} lines) against the {quiet_minutes} min before ({quiet_lines} lines)"
        )?;
        let Comparison { new, vanished, more, less, .. } = &self.comparison;
        if !self.found {
            let nothing = match (*lines, *quiet_lines) {
                (0, _) => "it says nothing at all",
                (_, 0) => "too little to tell",
                (_, _) => "it says what it said before",
            };
            write!(out, ": {nothing}")?;
        }
        part(out, "new", new, true)?;
        part(out, "much more often", more, true)?;
        part(out, "vanished", vanished, false)?;
        part(out, "much more seldom", less, false)?;
        if let Some(words) = [new, more].into_iter().find_map(|part| fixed(&part.first()?.pattern.template)) {
            write!(out, "\nsee more: {} {{\"service\": {service:?}, \"containing\": {words:?}}}", self.more_by)?;
        }
        if self.odd > 0 {
            write!(out, "\n[{} rare patterns are new; may be chance]", self.odd)?;
        }
        if self.dropped > 0 {
            write!(out, "\n[too many patterns, {} forgotten: new and vanished are less sure]", self.dropped)?;
        }
        self.says.iter().try_for_each(|said| write!(out, "\n[{said}]"))
    }
}

fn part(out: &mut fmt::Formatter<'_>, what: &str, all: &[Grown], with_example: bool) -> fmt::Result {
    for grown in all.iter().take(TOLD) {
        let Grown { pattern, now, expected, .. } = grown;
        let level = match pattern.level {
            Level::Unknown | Level::Debug | Level::Info => String::new(),
            level @ (Level::Warning | Level::Error | Level::Fatal) => {
                format!(" {}", format!("{level:?}").to_uppercase())
            }
        };
        let times = match expected {
            none if *none == 0.0 => format!("{now} times"),
            expected => format!("{now} times, {expected:.1} expected"),
        };
        let said = if with_example { shown(&pattern.example, EXAMPLE) } else { shown(&pattern.template, TEMPLATE) };
        write!(out, "\n{what}{level} ({times}): {said}")?;
    }
    if all.len() > TOLD {
        write!(out, "\n[{} more are {what}]", all.len() - TOLD)?;
    }
    Ok(())
}

/// The longest run of words of a pattern that stand in every line of it.
fn fixed(template: &str) -> Option<String> {
    let cleaned = text::clean(template);
    // A quote beside a value is written as an escape in a line that is JSON.
    let runs = cleaned.split("<*>").map(|run| run.trim_matches(|letter: char| !letter.is_alphanumeric()));
    let runs = runs.filter(|run| run.len() > 3);
    let longest = runs.max_by_key(|run| run.len())?;
    // The beginning of `key=<*>` is part of a word.
    Some(longest.chars().take(60).collect::<String>().trim().to_owned())
}
