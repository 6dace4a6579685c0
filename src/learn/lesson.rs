//! From incidents of one alert to what can be learnt from them: pure, so that it can be asked again at any time.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tools::{Catalogue, Spec};

use super::{
    alike::alike,
    draft::Draft,
    episode::{Done, Episode},
    replay::{replay, would_change},
};
use crate::{
    alert::Alert,
    guard::Policy,
    incident::{Incident, IncidentId, Outcome},
    remember::may_be_kept,
    runbook::{Library, Runbook, lint},
};

/// Incidents that one runbook is written from: more prove no more, and have less in common.
const MOST: usize = 6;
/// Characters of a part of a runbook's name.
const NAME: usize = 48;

/// What a lesson is judged by.
pub struct School<'a> {
    /// The runbooks that there are.
    pub library: &'a Library,
    /// The tools.
    pub specs: &'a [Spec],
    /// The services.
    pub catalogue: &'a Catalogue,
    /// What may be kept.
    pub policy: &'a Policy,
    /// Whether arguments are of a tool's form.
    pub check: &'a dyn Fn(&str, &Value) -> Result<(), String>,
}

/// What came of incidents that look as if something could be learnt from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The alert.
    pub alert: String,
    /// The incidents, oldest first.
    pub from: Vec<IncidentId>,
    /// The runbook, or why there is none.
    pub written: Result<Written, String>,
}

/// A runbook that passed every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name; the same incidents, and further ones like them, give the same.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Markdown with front matter.
    pub text: String,
}

impl Written {
    /// SHA-256 of the text.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.text))
    }
}

/// What can be learnt from incidents of one alert that are over, newest first.
pub fn lessons(incidents: &[Incident], school: &School<'_>) -> Vec<Lesson> {
    let mut told = Vec::new();
    let mut groups: Vec<Vec<Episode>> = Vec::new();
    for incident in incidents.iter().filter(|incident| incident.outcome == Some(Outcome::Repaired)) {
        match school.episode(incident) {
            Ok(episode) => {
                match groups.iter_mut().find(|group| group.first().is_some_and(|first| same(first, &episode))) {
                    Some(group) => group.push(episode),
                    None => groups.push(vec![episode]),
                }
            }
            Err(why) => told.push(refused(incident, why)),
        }
    }
    for mut group in groups {
        group.truncate(MOST);
        let mut from: Vec<_> = group.iter().map(|episode| episode.incident.id).collect();
        from.sort_unstable();
        let alert = group.first().map(|episode| episode.alert.name().to_owned()).unwrap_or_default();
        let written = match group.as_slice() {
            [_] => Err("it was repaired like this once; the second time is learnt from".to_owned()),
            _ => school.write(group, incidents),
        };
        told.push(Lesson { alert: tools::clean(&alert), from, written });
    }
    told
}

fn refused(incident: &Incident, why: String) -> Lesson {
    let alert = incident.alerts.first().map_or("", |joined| joined.alert.name());
    Lesson { alert: tools::clean(alert), from: vec![incident.id], written: Err(why) }
}

/// The same cause, repaired by the same calls.
fn same(one: &Episode, other: &Episode) -> bool {
    one.alert.name() == other.alert.name()
        && one.kind == other.kind
        && one.changes.len() == other.changes.len()
        && one.changes.iter().zip(&other.changes).all(|(one, other)| did(one, other))
        && alike((&one.cause, &one.service), (&other.cause, &other.service))
}

fn did(one: &Done, other: &Done) -> bool {
    one.tool == other.tool && one.args == other.args
}

impl School<'_> {
    fn episode(&self, incident: &Incident) -> Result<Episode, String> {
        let episode = Episode::read(incident, self.specs, self.catalogue)?;
        if !may_be_kept(incident, self.catalogue, self.policy) {
            return Err(format!(
                "the policy keeps nothing of {}, or of what its alert or its cause names",
                episode.service
            ));
        }
        match self.library.find(&episode.alert).filter(|runbook| !runbook.catches_all()) {
            Some(runbook) => Err(format!("the runbook {} is for that alert already", runbook.name)),
            None => Ok(episode),
        }
    }

    /// Writes the runbook and checks it: by lint, by walking it over the incidents that it is from, and over those in which the same
    /// was tried and was wrong.
    fn write(&self, group: Vec<Episode>, incidents: &[Incident]) -> Result<Written, String> {
        let draft = Draft::of(group)?;
        let (name, text) = (name_of(&draft), draft.text()?);
        let runbook = Runbook::parse(&name, &format!("{name}.md"), &text).map_err(|error| error.to_string())?;
        if let Some(finding) = lint(&runbook, self.specs, self.check).first() {
            return Err(format!("lint: {}:{}: {}", finding.file, finding.line, finding.what));
        }
        let library = self.library.with(runbook.clone());
        for Episode { incident, alert, .. } in &draft.episodes {
            if let Some(other) = library.find(alert).filter(|found| found.name != name) {
                return Err(format!("the runbook {} would be taken before it", other.name));
            }
            replay(&runbook, alert, incident, self.specs)
                .map_err(|why| format!("walked over incident {}: {why}", incident.id))?;
        }
        let against = incidents.iter().filter_map(|incident| Some((incident, against(incident, &draft)?)));
        for (incident, (alert, why)) in against {
            if runbook.fits(alert) && would_change(&runbook, alert, incident, self.specs) {
                return Err(format!("in incident {} it was the same state, and {why}", incident.id));
            }
        }
        Ok(Written { name, title: runbook.title, text })
    }
}

/// Whether an incident speaks against repairing like that, and why: the same was done, and it did not help or people say that it
/// was wrong.
fn against<'a>(incident: &'a Incident, draft: &Draft) -> Option<(&'a Alert, &'static str)> {
    let alert = &incident.alerts.first()?.alert;
    let tools = draft.tools();
    let mut tried = incident.changes().filter(|(state, _)| tools.contains(&state.call.tool.as_str())).peekable();
    tried.peek()?;
    if incident.called_wrong() {
        return Some((alert, "people say that it was wrong"));
    }
    let failed = |verified: Option<(u64, bool)>| !matches!(verified, Some((_, true)));
    tried.any(|(_, change)| change.undone.is_some() || failed(change.verified)).then_some((alert, "it did not help"))
}

/// Alert, tools, and the beginning of a hash of what it is: people know it again, and two never share a name.
fn name_of(draft: &Draft) -> String {
    let hash: String = hex::encode(Sha256::digest(draft.identity())).chars().take(8).collect();
    let alert = draft.episodes.first().map_or("", |episode| episode.alert.name());
    format!("learnt-{}-{}-{hash}", slug(alert), slug(&draft.tools().join("-")))
}

/// Small letters, digits and single hyphens; a word for each part of a name in camel case.
fn slug(text: &str) -> String {
    let mut out = String::new();
    let mut small = false;
    for letter in text.chars() {
        let word = letter.is_ascii_alphanumeric();
        if (!word || (letter.is_ascii_uppercase() && small)) && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if word {
            out.push(letter.to_ascii_lowercase());
        }
        small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    out.chars().take(NAME).collect::<String>().trim_matches('-').to_owned()
}
