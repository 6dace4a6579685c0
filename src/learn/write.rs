//! The runbook's text: match, steps, conditions, endings, and prose with the evidence.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::Value;

use super::{
    condition::Seen,
    draft::{Draft, Named},
};

/// Characters of a cause.
const CAUSE: usize = 400;

#[derive(Serialize)]
struct Front {
    title: String,
    #[serde(rename = "match")]
    matches: Vec<Match>,
    steps: Vec<Step>,
    verify: String,
    conclude: Vec<Ending>,
}

#[derive(Serialize)]
struct Match {
    alertname: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Step {
    id: String,
    call: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    with: Value,
}

#[derive(Serialize)]
struct Ending {
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    summary: String,
    cause: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Claim>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next_steps: Vec<String>,
    resolved: bool,
}

#[derive(Serialize)]
struct Claim {
    text: String,
    cites: Vec<String>,
}

impl Draft {
    /// As Markdown with front matter.
    ///
    /// # Errors
    /// When it cannot be written as YAML.
    pub(super) fn text(&self) -> Result<String, String> {
        let front = yaml_serde::to_string(&self.front()).map_err(|error| format!("it cannot be written: {error}"))?;
        Ok(format!("---\n{}\n---\n\n{}", front.trim_end(), self.prose()))
    }

    fn front(&self) -> Front {
        let escaped = |(name, value): (&String, &String)| (name.clone(), regex::escape(value));
        Front {
            title: format!("{}: what repaired {}", self.alert, self.told()),
            matches: vec![Match {
                alertname: regex::escape(&self.alert),
                labels: self.labels.iter().map(escaped).collect(),
            }],
            steps: self.steps(),
            verify: self.verify(),
            conclude: self.endings(),
        }
    }

    fn steps(&self) -> Vec<Step> {
        let look = |seen: &Seen, when: Option<String>| Step {
            id: seen.step.clone(),
            call: seen.look.tool.clone(),
            when,
            with: seen.look.args.clone(),
        };
        let mut steps: Vec<_> = self.seen.iter().map(|seen| look(seen, None)).collect();
        let mut when = self.condition();
        for Named { step, done } in &self.changes {
            let mut with = done.args.clone();
            if let Value::Object(fields) = &mut with {
                let words = format!("the state is that of {}, where this helped", self.told());
                fields.extend(done.words.iter().map(|name| (name.clone(), Value::String(words.clone()))));
            }
            steps.push(Step { id: step.clone(), call: done.tool.clone(), when: Some(when), with });
            when = format!("{step}.proven");
        }
        steps.extend(self.check.iter().map(|check| look(check, Some(when.clone()))));
        steps
    }

    /// What has to hold before anything is changed.
    fn condition(&self) -> String {
        let answered = self.seen.iter().map(|seen| format!("{}.answered", seen.step));
        let holds = self.seen.iter().flat_map(|seen| seen.holds.clone());
        answered.chain(holds).collect::<Vec<_>>().join(" and ")
    }

    fn last(&self) -> &str {
        self.changes.last().map_or("", |named| named.step.as_str())
    }

    fn verify(&self) -> String {
        match &self.check {
            Some(check) => check.holds.join(" and "),
            None => format!("{}.proven", self.last()),
        }
    }

    fn endings(&self) -> Vec<Ending> {
        let (told, last) = (self.told(), self.last().to_owned());
        let tools = self.tools().join(", then ");
        let any = |what: &str| {
            self.changes.iter().map(|named| format!("{}.{what}", named.step)).collect::<Vec<_>>().join(" or ")
        };
        let seen: Vec<_> = self.seen.iter().map(claim).collect();
        let proven = Claim { text: "After the repair all checks pass.".to_owned(), cites: vec![last.clone()] };
        vec![
            Ending {
                when: Some(format!("{last}.proven")),
                summary: format!("{{{{ service }}}} was in the state of {told}. {tools} helped, as it did then."),
                cause: self.cause(),
                claims: self.seen.iter().map(claim).chain([proven]).collect(),
                next_steps: vec!["Find out why it happens again: this repairs it and does not prevent it.".to_owned()],
                resolved: true,
            },
            Ending {
                when: Some(any("done")),
                summary: format!("{{{{ service }}}} was in the state of {told}, and {tools} did not help this time."),
                cause: "Not known: what was seen is the same as then, and the cause has to be another.".to_owned(),
                claims: seen,
                next_steps: vec!["Look further: this runbook knows nothing else.".to_owned()],
                resolved: false,
            },
            Ending {
                when: Some(any("refused")),
                summary: format!(
                    "{{{{ service }}}} is in the state of {told}. {tools} would be next, and was not allowed."
                ),
                cause: self.cause(),
                claims: self.seen.iter().map(claim).collect(),
                next_steps: vec![format!("Do it by hand if nothing speaks against it: {tools}.")],
                resolved: false,
            },
            Ending {
                when: None,
                summary: format!(
                    "{{{{ alert.name }}}} fires for {{{{ service }}}}, and its state is not that of {told}, or could not be \
                     seen whole. Nothing was changed."
                ),
                cause: "Not known.".to_owned(),
                claims: Vec::new(),
                next_steps: vec![format!("See what differs: then it was {}.", self.condition())],
                resolved: false,
            },
        ]
    }

    /// The cause in the words of the newest incident: for people, as a template that says nothing by itself.
    fn cause(&self) -> String {
        let told = self.told();
        let Some(newest) = self.episodes.first() else { return String::new() };
        let cause = tools::clean(&newest.cause).split_whitespace().collect::<Vec<_>>().join(" ");
        if cause.is_empty() || tools::reads_as_instruction(&cause).is_some() {
            return format!("The same as in {told}.");
        }
        let short: String = cause.chars().take(CAUSE).collect();
        let plain = short.replace('{', "(").replace('}', ")").replace("%)", ")").replace("(%", "(");
        format!("As concluded in incident {}: {}", newest.incident.id, plain.replace(&newest.service, "{{ service }}"))
    }

    /// The incidents by their numbers.
    fn told(&self) -> String {
        let ids: Vec<_> = self.incidents().iter().map(ToString::to_string).collect();
        match ids.split_last() {
            Some((last, others)) if !others.is_empty() => format!("incidents {} and {last}", others.join(", ")),
            Some(_) | None => format!("incident {}", ids.join("")),
        }
    }

    /// Models read it as instructions and the guard takes names from it: nothing that came in as telemetry stands here.
    fn prose(&self) -> String {
        let mut out = format!("# What repaired {}\n\nLearnt from the journal. ", self.told());
        let mut days: Vec<_> = self.episodes.iter().map(|episode| (episode.incident.id, episode.at)).collect();
        days.sort_unstable();
        for (id, at) in days {
            let _ = write!(out, "Incident {id} was repaired on {}. ", at.format("%Y-%m-%d at %H:%M UTC"));
        }
        out.push_str("The same calls repaired it each time, and their checks proved it.\n\n");
        let looks: Vec<_> = self.seen.iter().map(|seen| format!("`{}`", seen.look.tool)).collect();
        let _ = writeln!(out, "1. Look with {}.", looks.join(", "));
        let holds: Vec<_> = self.seen.iter().flat_map(|seen| &seen.holds).map(|holds| format!("`{holds}`")).collect();
        let _ = writeln!(out, "2. Go on only if all of this holds, as it did each time: {}.", holds.join(", "));
        let done: Vec<_> = self.changes.iter().map(|named| format!("`{}`", named.done.tool)).collect();
        let _ = writeln!(out, "3. Then {}, and see that all checks pass.", done.join(", then "));
        out.push_str("\nIn any other state it changes nothing. It repairs, and does not prevent: find out why it happens again.\n");
        let _ = writeln!(
            out,
            "The evidence: {}.",
            self.incidents()
                .iter()
                .map(|id| format!("`devops-agent incidents show {id}`"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        out
    }
}

/// What a step saw, field by field.
fn claim(seen: &Seen) -> Claim {
    let fields: Vec<_> = seen.fields.iter().map(|field| format!("{field} {{{{ {}.{field} }}}}", seen.step)).collect();
    Claim { text: format!("{}: {}.", seen.look.tool, fields.join(", ")), cites: vec![seen.step.clone()] }
}
