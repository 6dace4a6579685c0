//! Docker's events as changes: what somebody did, and what merely happened.

use std::collections::BTreeMap;

use analysis::changes::Kind as Nature;
use bollard::models::EventMessage;
use chrono::{DateTime, TimeDelta, Utc};

use super::{ChangeLine, Kind, Whose};
use crate::text;

/// What belongs to one making anew follows within this time.
const TOGETHER: TimeDelta = TimeDelta::minutes(5);
/// Compose's digest of all that a service's configuration holds.
const CONFIG_HASH: &str = "com.docker.compose.config-hash";

/// An event with what is read of it.
struct Happened<'a> {
    at: DateTime<Utc>,
    name: String,
    action: String,
    event: &'a EventMessage,
}

/// The lines of events, newest first as they are told. `settings` are those of the containers that are there, by name.
pub(super) fn lines(
    whose: Whose<'_>,
    events: &[EventMessage],
    settings: &BTreeMap<String, Vec<String>>,
) -> Vec<ChangeLine> {
    let happened: Vec<_> = events.iter().filter_map(Happened::of).collect();
    happened.iter().rev().map(|one| line(whose, one, &happened, settings)).collect()
}

fn line(
    whose: Whose<'_>,
    one: &Happened<'_>,
    all: &[Happened<'_>],
    settings: &BTreeMap<String, Vec<String>>,
) -> ChangeLine {
    let mut what = format!("{} {}", one.name, one.action);
    for (key, word) in [("exitCode", "exit code"), ("signal", "signal"), ("updatestate.new", "update")] {
        if let Some(value) = one.attribute(key) {
            what.push_str(&format!(" ({word} {value})"));
        }
    }
    if let (Some(new), Some(old)) = (one.attribute("image.new"), one.attribute("image.old")) {
        what.push_str(&format!(" (image {old} became {new})"));
    }
    let (nature, because) = nature(one, all);
    if let ("create", Some(image)) = (one.action.as_str(), one.attribute("image")) {
        what.push_str(&format!(" (image {image}{because})"));
    }
    let kind = if matches!(one.action.as_str(), "create" | "update") { Kind::Deployment } else { Kind::Container };
    let touches = if kind == Kind::Deployment { settings.get(one.base()).cloned() } else { None };
    ChangeLine::docker(whose, one.at, (kind, nature), what).touching(touches.unwrap_or_default(), false)
}

/// As what an event is judged, and what is known of the container that it made.
fn nature(one: &Happened<'_>, all: &[Happened<'_>]) -> (Nature, String) {
    let plain = |nature: Nature| (nature, String::new());
    let near = |other: &&Happened<'_>| other.base() == one.base() && (other.at - one.at).abs() <= TOGETHER;
    let any = |actions: &[&str]| all.iter().filter(near).any(|other| actions.contains(&other.action.as_str()));
    match one.action.as_str() {
        "create" => made_anew(one, all.iter().filter(near).rfind(|other| other.action == "destroy")),
        "update" if one.attribute("image.new").is_some() => plain(Nature::Image),
        "update" if one.event.typ.is_some_and(|kind| kind.to_string() == "service") => plain(Nature::Configuration),
        "update" => plain(Nature::Limits),
        "restart" | "unpause" => plain(Nature::Restart),
        // One that died by itself is started again by its policy.
        "start" if any(&["die"]) && !any(&["stop", "restart", "create"]) => plain(Nature::Symptom),
        "start" => plain(Nature::Restart),
        // Stopped to be made anew or started again, or stopped and left so.
        "stop" | "pause" | "destroy" if !any(&["create", "start", "restart", "unpause"]) => plain(Nature::Stop),
        _ => plain(Nature::Symptom),
    }
}

/// A container that takes the place of one that was removed: with another image, or with another configuration.
fn made_anew(one: &Happened<'_>, gone: Option<&Happened<'_>>) -> (Nature, String) {
    let Some(gone) = gone else { return (Nature::Deployment, String::new()) };
    match (gone.attribute("image"), one.attribute("image")) {
        (Some(before), Some(now)) if before != now => return (Nature::Image, format!(", before that {before}")),
        (Some(_) | None, Some(_) | None) => {}
    }
    match (gone.attribute(CONFIG_HASH), one.attribute(CONFIG_HASH)) {
        (Some(before), Some(now)) if before == now => {
            (Nature::Restart, " as before, in the same configuration".to_owned())
        }
        (Some(_), Some(_)) => (Nature::Configuration, " as before, in another configuration".to_owned()),
        // Nobody makes a container anew for nothing.
        (Some(_) | None, Some(_) | None) => {
            (Nature::Configuration, " as before, so its configuration may be another".to_owned())
        }
    }
}

impl<'a> Happened<'a> {
    fn of(event: &'a EventMessage) -> Option<Self> {
        let at = match (event.time_nano, event.time) {
            (Some(nanoseconds), _) => DateTime::from_timestamp_nanos(nanoseconds),
            (None, Some(seconds)) => DateTime::from_timestamp(seconds, 0)?,
            (None, None) => return None,
        };
        let action = text::one_line(&text::clean(event.action.as_deref().unwrap_or_default()), 80);
        let mut happened = Self { at, name: String::new(), action, event };
        happened.name = happened.attribute("name").unwrap_or_else(|| "a container".to_owned());
        Some(happened)
    }

    fn attribute(&self, key: &str) -> Option<String> {
        let value = self.event.actor.as_ref()?.attributes.as_ref()?.get(key)?;
        Some(text::one_line(&text::clean(value), 200)).filter(|value| !value.is_empty())
    }

    /// Its name without what Compose puts before that of a container which is to take another's place.
    fn base(&self) -> &str {
        let prefix = self
            .name
            .split_once('_')
            .filter(|(head, _)| head.len() == 12 && head.bytes().all(|byte| byte.is_ascii_hexdigit()));
        prefix.map_or(&self.name, |(_, base)| base)
    }
}
