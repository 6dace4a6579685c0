//! Who has to say yes, how many, and for how long a question stands.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::units::Span;

/// Roles that can approve at all.
pub const APPROVERS: [&str; 2] = ["operator", "approver"];

/// Who has to say yes where somebody has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// How many different people.
    pub people: u32,
    /// One of these roles each.
    pub roles: BTreeSet<String>,
    /// After this time silence is a no; `None` is what the settings say.
    pub expires: Option<Span>,
}

/// Some of it, as a policy or one of its rules gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SomeApproval {
    people: Option<u32>,
    roles: Option<BTreeSet<String>>,
    expires: Option<Span>,
}

impl Default for Approval {
    fn default() -> Self {
        Self { people: 1, roles: APPROVERS.map(str::to_owned).into(), expires: None }
    }
}

impl Approval {
    /// The stricter of both: more people, roles that both name, the shorter time.
    ///
    /// # Errors
    /// When it names nobody, or a role that cannot approve.
    pub fn narrowed(mut self, by: &SomeApproval) -> Result<Self, String> {
        if by.people == Some(0) {
            return Err("people = 0 would be nobody; the least is 1".to_owned());
        }
        if let Some(roles) = &by.roles {
            if let Some(unknown) = roles.iter().find(|role| !APPROVERS.contains(&role.as_str())) {
                return Err(format!("{unknown:?} is no role that can approve; there are: {}", APPROVERS.join(", ")));
            }
            if roles.is_empty() {
                return Err("roles is empty: nobody could approve".to_owned());
            }
        }
        self.narrow(by);
        Ok(self)
    }

    /// The same, for parts that were checked when they were loaded. Roles that have nothing in common leave nobody.
    pub fn narrow(&mut self, by: &SomeApproval) {
        self.people = by.people.map_or(self.people, |people| people.max(self.people));
        if let Some(roles) = &by.roles {
            self.roles = self.roles.intersection(roles).cloned().collect();
        }
        self.expires = match (self.expires, by.expires) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

impl std::fmt::Display for Approval {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(String::as_str).collect();
        let who =
            if roles.is_empty() { "nobody (two rules name different roles)".to_owned() } else { roles.join(" or ") };
        match self.people {
            1 => write!(out, "one {who}"),
            many => write!(out, "{many} different people, each {who}"),
        }
    }
}
