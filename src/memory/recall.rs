//! What past incidents advise: remedies weighted by whether they helped, causes as people corrected them. Pure.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Ended, Remedy, Remembered, Said, Word};

/// The 90 % quantile of the normal distribution, one-sided: how careful few tries are taken.
const CAREFUL: f64 = 1.2816;
/// How often people may confirm one incident and still be counted.
const MOST_CONFIRMED: usize = 2;
/// Stands in arguments for the service that the remedy touched.
const SERVICE: &str = "{service}";
/// Arguments that are words for people: they tell no remedies apart.
const WORDS: [&str; 3] = ["reason", "comment", "description"];

/// A past incident and how alike it is to what is seen now.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// What is remembered of it.
    pub remembered: Remembered,
    /// From 0 to 1.
    pub likeness: f32,
}

/// A remedy with the figures for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// The tool.
    pub tool: String,
    /// Its arguments, without words for people; `{service}` stands for the service of the incident.
    pub args: Value,
    /// How often it was proven to have helped.
    pub helped: u32,
    /// How often it is known whether it helped.
    pub tried: u32,
    /// How often it was done and nobody knows.
    pub unknown: u32,
    /// When it last helped.
    pub last: Option<DateTime<Utc>>,
    /// The incidents of this house's own journal, newest first.
    pub incidents: Vec<u64>,
    /// The share of times that it helps at least, by Wilson's interval over the likeness of the incidents; from 0 to 1.
    pub worth: f64,
}

impl Remembered {
    /// The last word of people on it, if any.
    fn judged(&self) -> Option<&Said> {
        self.said.last()
    }

    /// The cause as it stands: a person's where they gave one, none where they only said that it was wrong.
    pub fn true_cause(&self) -> Option<&str> {
        for said in self.said.iter().rev() {
            match (&said.cause, said.word) {
                (Some(cause), _) => return Some(cause),
                (None, Word::Wrong) => return None,
                (None, Word::Right) => {}
            }
        }
        Some(self.cause.as_str()).filter(|cause| !cause.is_empty())
    }

    /// Whether people said that cause and remedy were wrong.
    pub fn taken_back(&self) -> bool {
        self.judged().is_some_and(|said| said.word == Word::Wrong)
    }

    /// What it counts: once, and once more for each that confirmed it since it was last called wrong.
    fn counts(&self) -> f64 {
        let confirmed = self.said.iter().rev().take_while(|said| said.word == Word::Right).count();
        1.0 + confirmed.min(MOST_CONFIRMED) as f64
    }

    /// What became of a remedy, after what people said.
    fn helped(&self, remedy: &Remedy) -> Option<bool> {
        if self.taken_back() {
            return remedy.helped.map(|_| false);
        }
        match (remedy.helped, self.ended) {
            // What could not be taken back helped nobody, whatever its own check said.
            (Some(true), Ended::UndoFailed) => Some(false),
            (helped, _) => helped,
        }
    }
}

/// What these incidents advise, best first.
pub fn advise(past: &[Past]) -> Vec<Advice> {
    let mut by_remedy: BTreeMap<(String, String), (Advice, f64, f64)> = BTreeMap::new();
    for Past { remembered, likeness } in past {
        for remedy in &remembered.remedies {
            let args = general(&remedy.args, &remedy.service);
            let weight = f64::from(likeness.clamp(0.0, 1.0)) * remembered.counts();
            let (advice, good, all) = by_remedy.entry((remedy.tool.clone(), args.to_string())).or_insert_with(|| {
                let advice = Advice {
                    tool: remedy.tool.clone(),
                    args,
                    helped: 0,
                    tried: 0,
                    unknown: 0,
                    last: None,
                    incidents: Vec::new(),
                    worth: 0.0,
                };
                (advice, 0.0, 0.0)
            });
            match remembered.helped(remedy) {
                Some(true) => {
                    (advice.helped, advice.tried) = (advice.helped + 1, advice.tried + 1);
                    advice.last = advice.last.max(Some(remembered.at));
                    (*good, *all) = (*good + weight, *all + weight);
                }
                Some(false) => {
                    advice.tried += 1;
                    *all += weight;
                }
                None => advice.unknown += 1,
            }
            // The number of one that was imported is of another journal.
            if remembered.from.is_none() && !advice.incidents.contains(&remembered.incident) {
                advice.incidents.push(remembered.incident);
            }
        }
    }
    let mut advice: Vec<Advice> = by_remedy
        .into_values()
        .map(|(mut advice, good, all)| {
            advice.worth = at_least(good, all);
            advice.incidents.sort_unstable_by(|a, b| b.cmp(a));
            advice
        })
        .collect();
    // Of what never helped, what was tried less often comes first.
    advice.sort_by(|a, b| {
        b.worth.total_cmp(&a.worth).then_with(|| a.tried.cmp(&b.tried)).then_with(|| b.last.cmp(&a.last))
    });
    advice
}

/// The lower end of Wilson's score interval (1927) for `good` of `all`.
fn at_least(good: f64, all: f64) -> f64 {
    if all <= 0.0 || good <= 0.0 {
        return 0.0;
    }
    let (share, z2) = (good / all, CAREFUL * CAREFUL);
    let middle = share + z2 / (2.0 * all);
    let spread = CAREFUL * (share * (1.0 - share) / all + z2 / (4.0 * all * all)).sqrt();
    ((middle - spread) / (1.0 + z2 / all)).clamp(0.0, 1.0)
}

/// Arguments as they would be for another incident.
fn general(args: &Value, service: &str) -> Value {
    match args {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(key, _)| !WORDS.contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), general(value, service)))
                .collect(),
        ),
        Value::String(text) if text == service => SERVICE.into(),
        Value::String(_) | Value::Array(_) | Value::Number(_) | Value::Bool(_) | Value::Null => args.clone(),
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: ", self.tool, self.args)?;
        match (self.helped, self.tried) {
            (0, 0) => write!(out, "done, not known whether it helped")?,
            (0, tried) => write!(out, "did not help, {tried} of {tried} times")?,
            (helped, tried) => write!(out, "helped {helped} of {tried} times")?,
        }
        if let Some(last) = self.last {
            write!(out, ", last on {}", last.format("%Y-%m-%d"))?;
        }
        let incidents: Vec<_> = self.incidents.iter().take(5).map(|incident| format!("#{incident}")).collect();
        write!(out, " ({})", if incidents.is_empty() { "imported".to_owned() } else { incidents.join(", ") })
    }
}

#[cfg(test)]
mod tests;
