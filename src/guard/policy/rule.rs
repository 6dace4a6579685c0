//! A rule: what it matches, what it says, because of what, and examples that prove that its author means that.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Approval, Says, SomeApproval, caps::SomeCaps, pattern::Patterns, window::Window};

/// A rule for some tools, services, environments and times.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names the rule in verdicts; no two rules have one name.
    pub name: String,
    #[serde(default)]
    tool: Patterns,
    #[serde(default)]
    service: Patterns,
    #[serde(default)]
    environment: Patterns,
    /// It speaks only while this window is open.
    #[serde(default)]
    when: Option<Window>,
    /// It speaks only while this window is closed.
    #[serde(default)]
    outside: Option<Window>,
    /// What it says; a rule can do without when it brings caps or asks for approvals.
    #[serde(default)]
    pub verdict: Option<Says>,
    /// Caps that hold as well where it speaks.
    #[serde(default)]
    pub caps: SomeCaps,
    /// Who has to say yes, where somebody has to.
    #[serde(default)]
    pub approval: SomeApproval,
    /// `false`: memory keeps nothing of incidents of its services.
    #[serde(default = "yes")]
    pub remember: bool,
    /// Why, in its author's words.
    pub because: String,
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    counter_examples: Vec<Example>,
}

/// A call that a rule is, or is not, about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    /// Left out where a rule is about what is remembered.
    #[serde(default)]
    tool: Option<String>,
    service: String,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    at: Option<DateTime<Utc>>,
}

fn yes() -> bool {
    true
}

impl std::fmt::Display for Example {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.tool {
            Some(tool) => write!(out, "{tool} on {}", self.service)?,
            None => out.write_str(&self.service)?,
        }
        if let Some(environment) = &self.environment {
            write!(out, " in {environment}")?;
        }
        if let Some(at) = self.at {
            write!(out, " at {}", at.to_rfc3339())?;
        }
        Ok(())
    }
}

impl Rule {
    /// Whether the rule speaks about this call.
    ///
    /// # Errors
    /// When that cannot be told: its window cannot be followed, or it is about environments and the service has none.
    pub fn speaks(
        &self,
        tool: &str,
        service: &str,
        environment: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, String> {
        if !self.is_about(tool, service) {
            return Ok(false);
        }
        if !self.environment.all() {
            let Some(environment) = environment else {
                return Err(format!(
                    "rule {:?} is about environments, and {service} has none; set `environment` in [services.{service}]",
                    self.name
                ));
            };
            if !self.environment.matches(environment) {
                return Ok(false);
            }
        }
        let wrong = |what: String| format!("rule {:?}: {what}", self.name);
        if let Some(window) = &self.when
            && !window.open(now).map_err(wrong)?
        {
            return Ok(false);
        }
        if let Some(window) = &self.outside
            && window.open(now).map_err(wrong)?
        {
            return Ok(false);
        }
        Ok(true)
    }

    /// Whether it is about this tool and this service by their names.
    pub(super) fn is_about(&self, tool: &str, service: &str) -> bool {
        self.tool.matches(tool) && self.service.matches(service)
    }

    /// A rule that does not mean what its author thinks never starts.
    pub(super) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let calls = self.verdict.is_some() || !self.caps.is_empty() || self.approval != SomeApproval::default();
        if !calls && self.remember {
            return Err(format!("rule {name:?} says nothing: give it a verdict, caps, approval, or remember = false"));
        }
        if !self.remember && (calls || !self.always() || !self.tool.all()) {
            let what = "what is remembered hangs on services and environments alone";
            return Err(format!(
                "rule {name:?}: {what}; a rule with remember = false has no tool, when, outside, verdict, caps or approval"
            ));
        }
        if self.because.trim().is_empty() {
            return Err(format!("rule {name:?} gives no reason in `because`; people read it when the rule holds"));
        }
        Approval::default().narrowed(&self.approval).map_err(|what| format!("rule {name:?}: {what}"))?;
        if self.examples.is_empty() {
            return Err(format!("rule {name:?} brings no examples; give at least one call that it is about"));
        }
        for example in &self.examples {
            if !self.says(example)? {
                return Err(format!("rule {name:?} does not match its example {example}"));
            }
        }
        for example in &self.counter_examples {
            if self.says(example)? {
                return Err(format!("rule {name:?} matches its counter-example {example}"));
            }
        }
        Ok(())
    }

    fn says(&self, example: &Example) -> Result<bool, String> {
        let windowed = self.when.is_some() || self.outside.is_some();
        let now = match example.at {
            Some(at) => at,
            None if windowed => {
                let right = "right would be at = \"2026-11-20T19:00:00Z\"";
                return Err(format!("rule {:?} has a window, and its example {example} no `at`; {right}", self.name));
            }
            None => DateTime::UNIX_EPOCH,
        };
        let tool = match &example.tool {
            Some(tool) => tool,
            None if self.remember => {
                let right = "right would be { tool = \"restart_container\", service = \"payments\" }";
                return Err(format!("rule {:?}: its example {example} has no `tool`; {right}", self.name));
            }
            None => "",
        };
        self.speaks(tool, &example.service, example.environment.as_deref(), now)
    }

    /// Whether it wants nothing of this service kept; doubt is a yes.
    pub(super) fn forgets(&self, service: &str, environment: Option<&str>) -> bool {
        !self.remember && self.speaks("", service, environment, DateTime::UNIX_EPOCH).unwrap_or(true)
    }

    /// Whether this word names a service of which it wants nothing kept, wherever that runs and whether it is still there.
    pub(super) fn hides(&self, word: &str) -> bool {
        !self.remember && self.environment.all() && !self.service.all() && self.service.matches(word)
    }

    /// When it speaks, for people.
    pub fn times(&self) -> String {
        let mut times = String::new();
        if let Some(window) = &self.when {
            times.push_str(&format!(" during {window}"));
        }
        if let Some(window) = &self.outside {
            times.push_str(&format!(" outside of {window}"));
        }
        times
    }

    /// Whether it could speak about this call at some time: its windows are left out of account.
    pub fn could_speak(&self, tool: &str, service: &str, environment: Option<&str>) -> bool {
        self.is_about(tool, service) && environment.is_none_or(|environment| self.environment.matches(environment))
    }

    /// Whether it speaks at all times.
    pub fn always(&self) -> bool {
        self.when.is_none() && self.outside.is_none()
    }
}
