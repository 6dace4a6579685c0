//! The state in which a repair helped, as conditions over the answers that held every time.

use serde_json::Value;

use super::episode::{Episode, Look};

/// Looks that a runbook makes before it changes anything.
const LOOKS: usize = 6;
/// Fields that tell the state of a service, by tool; the value that each has when all is well. Not its name, image or figures: those
/// are true of one service, or of one moment.
const STATES: [(&str, &str, &[(&str, Well)]); 2] = [
    (
        "inspect_container",
        "container",
        &[
            ("running", Well::Is(true)),
            ("state", Well::Says(&["running"])),
            ("health", Well::Says(&["healthy", "none"])),
            ("oom_killed", Well::Is(false)),
            ("exit_code", Well::Zero),
        ],
    ),
    ("check_health", "health", &[("ok", Well::Is(true)), ("outcome", Well::Says(&["ok"]))]),
];

/// What a field says when all is well.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Well {
    Is(bool),
    Says(&'static [&'static str]),
    Zero,
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
        let Some(value) = common(answers, field) else { return };
        let path = format!("{}.{field}", self.step);
        let (expression, ill) = match (value, well) {
            (Value::Bool(is), Well::Is(well)) => (if *is { path } else { format!("not {path}") }, *is != well),
            (Value::String(says), Well::Says(well)) if plain(says) => {
                (format!("{path} == '{says}'"), !well.contains(&says.as_str()))
            }
            // The code of the last end says something of a container that has ended, and nothing of one that runs.
            (Value::Number(code), Well::Zero) if common(answers, "running") == Some(&Value::Bool(false)) => {
                (format!("{path} == {code}"), code.as_i64() != Some(0))
            }
            _ => return,
        };
        self.telling |= ill;
        self.holds.push(expression);
        self.fields.push(field.to_owned());
    }

    /// Of any other tool: its switches, and where it names the service.
    fn found(&mut self, answers: &[&Value], services: &[&str]) {
        let Some(Value::Object(fields)) = answers.first() else { return };
        for (field, value) in fields.iter().filter(|(field, _)| identifier(field)) {
            match value {
                Value::Bool(is) if common(answers, field).is_some() => {
                    let path = format!("{}.{field}", self.step);
                    self.holds.push(if *is { path } else { format!("not {path}") });
                    self.fields.push(field.clone());
                    self.telling |= *is && field == "found";
                }
                Value::Object(inner) if inner.contains_key("service") => {
                    let names = answers.iter().map(|answer| answer.get(field).and_then(|inner| inner.get("service")));
                    if names.zip(services).all(|(name, service)| name.and_then(Value::as_str) == Some(*service)) {
                        self.holds.push(format!("{}.{field}.service == service", self.step));
                        self.fields.push(format!("{field}.service"));
                        self.telling = true;
                    }
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => {}
            }
        }
    }
}

/// A field's value, if all answers have the same.
fn common<'a>(answers: &[&'a Value], field: &str) -> Option<&'a Value> {
    let (first, others) = answers.split_first()?;
    let value = first.get(field)?;
    others.iter().all(|other| other.get(field) == Some(value)).then_some(value)
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
