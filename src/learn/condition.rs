//! The state in which a repair helped, as conditions over the answers that held every time.

use serde_json::Value;

use super::episode::{Episode, Look};

/// Looks that a runbook makes before it changes anything.
const LOOKS: usize = 6;
/// A field by its name, and what it says when all is well.
type Field = (&'static str, Well);

/// Fields that tell the state of a service, by tool, and what each says when all is well. Not its name, image or figures: those are
/// true of one service, or of one moment.
const STATES: [(&str, &str, &[Field]); 2] = [
    (
        "inspect_container",
        "container",
        &[
            ("running", Well::Is(true)),
            ("state", Well::Says(&["running"])),
            ("health", Well::SaysWhileRunning(&["healthy", "none"])),
            ("oom_killed", Well::Is(false)),
            ("exit_code", Well::ZeroWhenEnded),
        ],
    ),
    ("check_health", "health", &[("ok", Well::Is(true)), ("outcome", Well::Says(&["ok"]))]),
];
/// Words for one state: which of them is said hangs on the moment, such as how far a connection came.
const SYNONYMS: [&[&str]; 1] = [&["refused", "broken off"]];

/// What a field says when all is well.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Well {
    Is(bool),
    Says(&'static [&'static str]),
    /// The last word of a health check says nothing of a container that has ended.
    SaysWhileRunning(&'static [&'static str]),
    /// The code of the last end says nothing of a container that runs.
    ZeroWhenEnded,
}

/// A look of the runbook, and what has to hold of its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// The step's name.
    pub(super) step: String,
    /// The look.
    pub(super) look: Look,
    /// The conditions, as expressions.
    pub(super) holds: Vec<String>,
    /// The fields that they are about.
    pub(super) fields: Vec<String>,
    /// Whether one of them would not hold if all were well.
    pub(super) telling: bool,
}

/// What was seen every time before anything was changed, in the order of the newest.
pub(super) fn seen(episodes: &[Episode]) -> Vec<Seen> {
    let Some((newest, others)) = episodes.split_first() else {
        return Vec::new();
    };
    let mut found: Vec<Seen> = Vec::new();
    for look in &newest.before {
        let known = found.iter().any(|seen| seen.look.same(look));
        let same = others.iter().map(|other| other.before.iter().find(|seen| seen.same(look)));
        let Some(same) = same.collect::<Option<Vec<_>>>() else { continue };
        let mut answers: Vec<_> = same.iter().map(|seen| &seen.data).collect();
        answers.insert(0, &look.data);
        if known || found.len() >= LOOKS {
            continue;
        }
        let services: Vec<_> = episodes.iter().map(|episode| episode.service.as_str()).collect();
        found.extend(of_look(look, &answers, &services, &found));
    }
    found
}

fn of_look(look: &Look, answers: &[&Value], services: &[&str], others: &[Seen]) -> Option<Seen> {
    let known = STATES.iter().find(|(tool, ..)| *tool == look.tool);
    let name = known.map_or(look.tool.as_str(), |(_, name, _)| name);
    let twice = others.iter().filter(|seen| seen.look.tool == look.tool).count();
    let step = if twice == 0 { name.to_owned() } else { format!("{name}_{}", twice + 1) };
    let mut seen = Seen { step, look: look.clone(), holds: Vec::new(), fields: Vec::new(), telling: false };
    match known {
        Some((_, _, fields)) => fields.iter().for_each(|(field, well)| seen.state(field, *well, answers)),
        None => seen.found(answers, services),
    }
    (!seen.holds.is_empty()).then_some(seen)
}

impl Seen {
    /// A field of a tool whose fields are known.
    fn state(&mut self, field: &str, well: Well, answers: &[&Value]) {
        let path = format!("{}.{field}", self.step);
        let running = |wanted: bool| common(answers, "running") == Some(Value::Bool(wanted));
        let found = match well {
            Well::Is(well) => common(answers, field).and_then(|value| value.as_bool()).map(|is| {
                let expression = if is { path } else { format!("not {path}") };
                (expression, is != well)
            }),
            Well::Says(well) => said(answers, field, &path, well),
            Well::SaysWhileRunning(well) if running(true) => said(answers, field, &path, well),
            Well::ZeroWhenEnded if running(false) => common(answers, field)
                .and_then(|value| value.as_i64())
                .map(|code| (format!("{path} == {code}"), code != 0)),
            Well::SaysWhileRunning(_) | Well::ZeroWhenEnded => None,
        };
        if let Some((expression, ill)) = found {
            self.telling |= ill;
            self.holds.push(expression);
            self.fields.push(field.to_owned());
        }
    }

    /// Of any other tool: whether it found something, and where it names the service.
    fn found(&mut self, answers: &[&Value], services: &[&str]) {
        if common(answers, "found") == Some(Value::Bool(true)) {
            self.holds.push(format!("{}.found", self.step));
            self.fields.push("found".to_owned());
            self.telling = true;
        }
        let Some(Value::Object(fields)) = answers.first() else { return };
        for field in fields.keys().filter(|field| identifier(field)) {
            let names = answers.iter().map(|answer| answer.get(field)?.get("service")?.as_str());
            if names.zip(services).all(|(name, service)| name == Some(*service)) {
                self.holds.push(format!("{}.{field}.service == service", self.step));
                self.fields.push(format!("{field}.service"));
                self.telling = true;
            }
        }
    }
}

/// What a field says every time, as an expression, and whether that is ill.
fn said(answers: &[&Value], field: &str, path: &str, well: &[&str]) -> Option<(String, bool)> {
    let words: Option<Vec<&str>> = answers.iter().map(|answer| answer.get(field)?.as_str()).collect();
    let words = words?;
    let first = *words.first()?;
    let ill = !well.contains(&first);
    if let Some(same) = SYNONYMS.iter().find(|same| words.iter().all(|word| same.contains(word))) {
        let listed: Vec<_> = same.iter().map(|word| format!("'{word}'")).collect();
        return Some((format!("{path} in [{}]", listed.join(", ")), ill));
    }
    (plain(first) && words.iter().all(|word| *word == first)).then(|| (format!("{path} == '{first}'"), ill))
}

/// A field's value, if all answers have the same.
fn common(answers: &[&Value], field: &str) -> Option<Value> {
    let (first, others) = answers.split_first()?;
    let value = first.get(field)?;
    others.iter().all(|other| other.get(field) == Some(value)).then(|| value.clone())
}

/// Words of the tools and of Docker, such as exited, or status 503: fit to stand in an expression.
fn plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_- ".contains(letter))
}

fn identifier(field: &str) -> bool {
    field.len() <= 40
        && field.starts_with(|letter: char| letter.is_ascii_lowercase())
        && field.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}
