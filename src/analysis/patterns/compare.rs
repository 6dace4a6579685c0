//! Two stretches of a log side by side: what is new, what vanished, what comes much more or much less often.

use std::collections::HashMap;

use serde::Serialize;

use super::{Level, Miner, Pattern, PatternId, Settings, event::is_trace, header};

/// A stretch of a log.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its events, in any order.
    pub events: &'a [String],
    /// How long it lasted, in seconds.
    pub seconds: f64,
}

/// A pattern and how often it came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grown {
    /// The pattern.
    #[serde(flatten)]
    pub pattern: Pattern,
    /// Times in the window.
    pub now: u64,
    /// Times that the quiet stretch lets expect in as long a time.
    pub expected: f64,
    /// How sure it is that this is no chance: the likelihood ratio (G) of the two rates.
    pub surprise: f64,
}

/// What is different, most telling first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Patterns that the quiet stretch had not.
    pub new: Vec<Grown>,
    /// Patterns that the window has not, although they were due.
    pub vanished: Vec<Grown>,
    /// Much more often.
    pub more: Vec<Grown>,
    /// Much more seldom.
    pub less: Vec<Grown>,
    /// Patterns in all.
    pub patterns: usize,
    /// New patterns that are not told: as many odd ones came in the quiet stretch.
    pub odd: usize,
    /// Patterns that were dropped for others while counting: what is new or vanished is less sure.
    pub dropped: u64,
}

/// Compares a window with a quiet stretch.
pub fn compare(window: Side<'_>, quiet: Side<'_>, settings: Settings) -> Comparison {
    let mut miner = Miner::new(settings);
    let before = counted(&mut miner, quiet.events);
    let now = counted(&mut miner, window.events);
    let (before, now) = (resolved(&miner, before), resolved(&miner, now));
    let share = window.seconds / quiet.seconds.max(f64::MIN_POSITIVE);
    let patterns = miner.patterns();
    let threshold = threshold(patterns.len());
    let mut found = Comparison { patterns: patterns.len(), dropped: miner.dropped(), ..Comparison::default() };
    let mut unsure: Vec<Grown> = Vec::new();
    let mut once = Novelty::default();
    for pattern in patterns {
        let (now, then) = (at(&now, pattern.id), at(&before, pattern.id));
        *once.of(pattern.level) += u64::from(then == 1);
        let grown = Grown { expected: then as f64 * share, surprise: surprise(now, then, share), now, pattern };
        if then == 0 && now > 0 {
            if grown.surprise >= threshold { &mut found.new } else { &mut unsure }.push(grown);
        } else if grown.surprise >= threshold {
            match (now, now as f64 > grown.expected) {
                (0, _) => found.vanished.push(grown),
                (_, true) if now as f64 >= 2.0 * grown.expected => found.more.push(grown),
                (_, false) if now as f64 <= 0.5 * grown.expected => found.less.push(grown),
                (_, true | false) => {}
            }
        }
    }
    let told = once.told(&unsure, share, quiet.events.len());
    found.odd = unsure.iter().filter(|grown| !told.contains(grown.pattern.level)).count();
    found.new.extend(unsure.into_iter().filter(|grown| told.contains(grown.pattern.level)));
    for part in [&mut found.new, &mut found.vanished, &mut found.more, &mut found.less] {
        part.sort_by(|a, b| {
            (b.pattern.level.max(Level::Info).cmp(&a.pattern.level.max(Level::Info)))
                .then(b.surprise.total_cmp(&a.surprise))
                .then_with(|| a.pattern.template.cmp(&b.pattern.template))
        });
    }
    found
}

/// Patterns of one line, bad and harmless ones apart: as often as they came in the quiet stretch, so often a pattern that was never
/// seen comes anyhow (Good, "The Population Frequencies of Species and the Estimation of Population Parameters", 1953).
#[derive(Debug, Default)]
struct Novelty {
    bad: u64,
    harmless: u64,
}

/// Whether new patterns of few lines are worth telling.
#[derive(Debug, Clone, Copy)]
struct Told {
    bad: bool,
    harmless: bool,
}

impl Novelty {
    fn of(&mut self, level: Level) -> &mut u64 {
        if level >= Level::Warning { &mut self.bad } else { &mut self.harmless }
    }

    /// Bad ones are told when they are more than twice what is usual, harmless ones only when that is hardly chance.
    fn told(&self, unsure: &[Grown], share: f64, quiet: usize) -> Told {
        let bad = unsure.iter().filter(|grown| grown.pattern.level >= Level::Warning).count() as u64;
        let harmless = unsure.len() as u64 - bad;
        let expected = self.harmless as f64 * share;
        let rare = self.harmless == 0 && quiet >= ENOUGH;
        Told {
            bad: bad as f64 > 2.0 * self.bad as f64 * share,
            harmless: rare || (harmless as f64 > expected && surprise(harmless, self.harmless, share) >= ONE_IN_100),
        }
    }
}

impl Told {
    fn contains(self, level: Level) -> bool {
        if level >= Level::Warning { self.bad } else { self.harmless }
    }
}

/// Events from which on a quiet stretch tells what is usual.
const ENOUGH: usize = 20;
/// Of chi-squared with one degree of freedom.
const ONE_IN_100: f64 = 6.63;

fn counted(miner: &mut Miner, events: &[String]) -> HashMap<PatternId, u64> {
    let mut counts = HashMap::new();
    for event in events {
        let (first, rest) = event.split_once('\n').unwrap_or((event, ""));
        let line = header::read(first);
        // What was thrown says more than the line that introduces it.
        let thrown = rest
            .lines()
            .last()
            .filter(|last| !last.starts_with([' ', '\t']))
            .map(|last| format!("{} {last}", line.message));
        let level = if is_trace(rest) { line.level.max(Level::Error) } else { line.level };
        let id = miner.add_message(thrown.as_deref().unwrap_or(&line.message), level);
        *counts.entry(id).or_default() += 1;
    }
    counts
}

/// Patterns that turned out to be one are counted as one.
fn resolved(miner: &Miner, counts: HashMap<PatternId, u64>) -> HashMap<PatternId, u64> {
    let mut together = HashMap::new();
    for (id, count) in counts {
        *together.entry(miner.resolve(id)).or_default() += count;
    }
    together
}

fn at(counts: &HashMap<PatternId, u64>, id: PatternId) -> u64 {
    counts.get(&id).copied().unwrap_or(0)
}

/// Twice the log-likelihood ratio of two Poisson rates against one (Dunning, "Accurate Methods for the Statistics of Surprise and
/// Coincidence", 1993).
fn surprise(now: u64, then: u64, share: f64) -> f64 {
    let (now, then) = (now as f64, then as f64);
    let all = now + then;
    let expected_now = all * share / (1.0 + share);
    let expected_then = all / (1.0 + share);
    let part = |seen: f64, expected: f64| if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    2.0 * (part(now, expected_now) + part(then, expected_then))
}

/// Beyond it one comparison in a hundred would tell something by chance, were all patterns steady (chi-squared, one degree of freedom).
fn threshold(patterns: usize) -> f64 {
    let tests = patterns.max(1) as f64 * 100.0;
    2.0 * tests.ln()
}

#[cfg(test)]
mod tests;
