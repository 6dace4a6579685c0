//! One change on a time line, as Docker or GitHub tells of it.

mod by_docker;
mod by_github;
mod difference;
mod events;

use std::fmt;

use analysis::changes::{Change, Kind as Nature, Place};
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::Service;
pub(crate) use by_docker::by_docker;
pub(crate) use by_github::by_github;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ChangeLine {
    pub(crate) at: DateTime<Utc>,
    /// `docker` or `github`.
    source: &'static str,
    kind: Kind,
    /// In words.
    what: String,
    /// Whose it is.
    pub(crate) service: String,
    /// Where that stands to the service that was asked for.
    pub(crate) place: Place,
    /// As what it is judged.
    #[serde(skip)]
    nature: Nature,
    /// What it touches, for comparing with symptoms.
    #[serde(skip)]
    touches: Vec<String>,
    /// Whether it is known to touch that.
    #[serde(skip)]
    surely: bool,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Something happened to a container.
    Container,
    /// Other code or another configuration runs since.
    Deployment,
    /// A container differs from the one before it.
    Configuration,
    Commit,
    PullRequest,
    WorkflowRun,
}

/// A service and where it stands to the one that was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub(crate) service: &'a Service,
    pub(crate) place: Place,
}

impl ChangeLine {
    /// Whether it brought other code or another configuration to where the service runs.
    pub(crate) fn deploys(&self) -> bool {
        self.kind == Kind::Deployment
    }

    /// In words.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// As it is judged.
    pub(crate) fn judged(&self) -> Change {
        Change {
            at: self.at,
            service: self.service.clone(),
            place: self.place,
            kind: self.nature,
            touches: self.touches.clone(),
            surely: self.surely,
        }
    }

    fn docker(whose: Whose<'_>, at: DateTime<Utc>, (kind, nature): (Kind, Nature), what: String) -> Self {
        Self::new("docker", whose, at, (kind, nature), what)
    }

    fn github(whose: Whose<'_>, at: DateTime<Utc>, (kind, nature): (Kind, Nature), what: String) -> Self {
        Self::new("github", whose, at, (kind, nature), what)
    }

    fn new(
        source: &'static str,
        Whose { service, place }: Whose<'_>,
        at: DateTime<Utc>,
        (kind, nature): (Kind, Nature),
        what: String,
    ) -> Self {
        let service = service.name.clone();
        Self { at, source, kind, what, service, place, nature, touches: Vec::new(), surely: false }
    }

    fn touching(self, touches: Vec<String>, surely: bool) -> Self {
        Self { touches, surely, ..self }
    }
}

impl fmt::Display for ChangeLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Own => write!(out, "{}: {}", self.source, self.what),
            Place::Dependency => write!(out, "dependency {}: {}: {}", self.service, self.source, self.what),
            Place::Dependant => write!(out, "dependant {}: {}: {}", self.service, self.source, self.what),
            Place::Elsewhere => write!(out, "{}: {}: {}", self.service, self.source, self.what),
        }
    }
}

/// Whether a name says that it switches something on or off.
fn is_flag(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut parts = name.split(|letter: char| !letter.is_alphanumeric());
    parts.any(|part| matches!(part, "flag" | "flags" | "toggle" | "toggles" | "featureflag" | "featureflags"))
}

#[cfg(test)]
mod tests {
    use super::is_flag;

    #[test]
    fn a_flag_says_so_in_a_part_of_its_name() {
        assert!(["FLAG_NEW_CART", "config/feature-flags.yaml", "toggles.json"].into_iter().all(is_flag));
        assert!(!["FEATURE_STORE_URL", "src/flagship.rs"].into_iter().any(is_flag));
    }
}
