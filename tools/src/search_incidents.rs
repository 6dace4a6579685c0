//! `search_incidents`: what was like this before, why it was, and what helped.

use std::{fmt, sync::Arc};

use chrono::TimeDelta;
use memory::{Advice, Ask, Ended, Filter, Memory, Past, Recalled};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Failure, Seen, SharedClock, Tool, recollection, service, text};

/// Remedies told.
const ADVICE: usize = 4;
/// Characters of one cause.
const CAUSE: usize = 160;
/// How far back at most, in days.
const DAYS_MOST: u32 = 3650;

/// Searches past incidents by what was seen. Gives what helped then, with how often, and the causes; or says that nothing is like it.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{"query": "PaymentsDown: health check times out, deadlock in pool", "service": "payments"}]))]
pub struct SearchIncidentsArgs {
    /// The alert's name and annotations and what was seen, in words.
    pub query: String,
    /// Only incidents of this service; not given: of any.
    pub service: Option<String>,
    /// Only incidents in this environment; not given: in any.
    pub environment: Option<String>,
    /// Only incidents that ended within so many days; not given: all.
    pub days_back: Option<u32>,
    /// How many incidents; 3 if not given, 10 at most.
    pub limit: Option<usize>,
}

/// Searches past incidents.
pub struct SearchIncidents {
    memory: Option<Arc<Memory>>,
    clock: SharedClock,
}

/// What was like this.
#[derive(Debug, Serialize)]
pub struct PastIncidents {
    /// How many are like what was asked; 0 when memory knows nothing.
    found: usize,
    /// The remedy that helped most surely; absent where none was ever made.
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Advice>,
    /// All remedies, best first.
    advice: Vec<Advice>,
    /// The incidents, most alike first.
    incidents: Vec<PastIncident>,
    /// How alike the best was that was not alike enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    closest: Option<f32>,
    /// What a reader must know.
    notes: Vec<String>,
}

/// One incident that was like this.
#[derive(Debug, Serialize)]
struct PastIncident {
    incident: u64,
    /// The file that it was imported from: its number is of another house's journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    alert: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    day: String,
    /// As it stands after what people said; absent where they said that it was wrong and gave no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    ended: Ended,
    likeness: f32,
    /// Whether people said that cause and remedy were wrong.
    taken_back: bool,
}

impl SearchIncidents {
    /// A tool over this memory; without one every call says so.
    pub fn new(memory: Option<Arc<Memory>>, clock: SharedClock) -> Self {
        Self { memory, clock }
    }
}

impl Tool for SearchIncidents {
    const NAME: &'static str = "search_incidents";
    type Args = SearchIncidentsArgs;
    type Output = PastIncidents;

    async fn run(&self, args: &Self::Args) -> Result<Seen<PastIncidents>, Failure> {
        let memory = recollection::memory(&self.memory)?;
        let since = args.days_back.map(|days| self.clock.now() - TimeDelta::days(i64::from(days.min(DAYS_MOST))));
        let filter =
            Filter { service: args.service.clone(), environment: args.environment.clone(), since, ..Filter::default() };
        let ask = Ask { text: recollection::words(&args.query)?, filter, limit: recollection::limit(args.limit) };
        let Recalled { alike, past, advice, closest, notes } =
            memory.recall(&ask).await.map_err(recollection::failed)?;
        let incidents: Vec<_> = past.into_iter().map(PastIncident::of).collect();
        let output = PastIncidents { found: alike, top: advice.first().cloned(), advice, incidents, closest, notes };
        Ok(Seen { raw: service::raw(&output), output })
    }
}

impl PastIncident {
    fn of(past: Past) -> Self {
        let Past { remembered, likeness } = past;
        Self {
            incident: remembered.incident,
            from: remembered.from.clone(),
            cause: remembered.true_cause().map(str::to_owned),
            taken_back: remembered.taken_back(),
            alert: remembered.alert,
            service: remembered.service,
            day: remembered.at.format("%Y-%m-%d").to_string(),
            ended: remembered.ended,
            likeness,
        }
    }
}

impl fmt::Display for PastIncidents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        recollection::nothing(out, self.found, self.closest)?;
        if self.found > 0 {
            let incidents =
                if self.found == 1 { "1 past incident is" } else { &format!("{} past incidents are", self.found) };
            let remedies = if self.advice.is_empty() { "nothing was changed then" } else { "what was done then:" };
            write!(out, "{incidents} like this; {remedies}")?;
        }
        for advice in self.advice.iter().take(ADVICE) {
            write!(out, "\n- {advice}")?;
        }
        for incident in &self.incidents {
            write!(out, "\n#{}", incident.incident)?;
            if let Some(from) = &incident.from {
                write!(out, " of {from} (imported)")?;
            }
            write!(out, " {}", incident.alert)?;
            if let Some(service) = &incident.service {
                write!(out, " of {service}")?;
            }
            write!(out, " on {} ({:.2} alike), {}", incident.day, incident.likeness, ended(incident.ended))?;
            match &incident.cause {
                Some(cause) => write!(out, ": {}", text::one_line(cause, CAUSE))?,
                None if incident.taken_back => write!(out, ": people said that its cause was wrong")?,
                None => {}
            }
        }
        recollection::notes(out, &self.notes)
    }
}

fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Repaired => "repaired",
        Ended::ResolvedByItself => "resolved by itself",
        Ended::HandedOver => "handed over",
        Ended::UndoFailed => "a change could not be taken back",
    }
}
