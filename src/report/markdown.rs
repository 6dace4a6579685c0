//! The report as Markdown.

use std::fmt::Write as _;

use super::{Done, Report, line};
use crate::incident::{Claim, Confidence, Hypothesis, Level, Seq};

pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let ended = report.outcome.map_or("under way", line::ended);
    push(&mut out, &format!("# {}: {ended}\n", escaped(&report.title)));
    head(&mut out, report);
    cause(&mut out, report);
    done(&mut out, report);
    list(&mut out, "What was refused", &report.refused);
    let not_checked = if report.not_checked.is_empty() {
        vec!["Every source that was asked answered.".to_owned()]
    } else {
        report.not_checked.clone()
    };
    list(&mut out, "What was not checked", &not_checked);
    if let Some(conclusion) = &report.conclusion {
        list(&mut out, "Next steps", &conclusion.next_steps);
    }
    list(&mut out, "What people said of it", &report.feedback);
    push(&mut out, "\n## Time line\n");
    for line in &report.timeline {
        push(&mut out, &format!("- {} [{}] {}", line.at.format("%H:%M:%S%.3f"), line.seq, escaped(&line.text)));
    }
    cost(&mut out, report);
    out
}

fn head(out: &mut String, report: &Report) {
    if let Some(conclusion) = &report.conclusion {
        push(out, &format!("{}\n", escaped(&conclusion.summary)));
    }
    push(out, "| | |\n|---|---|");
    push(out, &format!("| Incident | {} |", report.id));
    push(
        out,
        &format!(
            "| Service | {} |",
            report.service.as_deref().map_or_else(|| "none of the catalogue".to_owned(), escaped)
        ),
    );
    if !report.alerts.is_empty() {
        push(out, &format!("| Alerts | {} |", escaped(&report.alerts.join(", "))));
    }
    if report.truncated > 0 {
        push(out, &format!("| Left out by Alertmanager | {} alerts |", report.truncated));
    }
    push(out, &format!("| Opened | {} |", report.opened_at.format("%Y-%m-%d %H:%M:%S UTC")));
    push(out, &format!("| Took | {:.1} s |", report.cost.seconds));
    if let Some(why) = &report.ended_because {
        push(out, &format!("| Ended | {} |", escaped(why)));
    }
}

fn cause(out: &mut String, report: &Report) {
    push(out, "\n## Cause\n");
    let Some(conclusion) = &report.conclusion else {
        return push(out, "Not known: the investigation has not concluded.");
    };
    push(out, &escaped(&conclusion.cause));
    if let Some(why) = &conclusion.unproven {
        push(out, &format!("\n**Unproven: {}.**", escaped(why)));
    }
    if let Some(Confidence { level, because }) = &conclusion.confidence {
        let level = match level {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        };
        push(out, &format!("\nConfidence: {level} ({}).", escaped(because)));
    }
    if !conclusion.claims.is_empty() {
        push(out, "\nEvidence (numbers in brackets are entries of the journal):\n");
    }
    for Claim { text, evidence, unproven } in &conclusion.claims {
        push(out, &format!("- {} {}{}", escaped(text), cited(evidence), mark(unproven.as_ref())));
    }
    if !conclusion.hypotheses.is_empty() {
        push(out, "\nWhat it could have been, the most likely first:\n");
    }
    for Hypothesis { text, supporting, opposing, unproven } in &conclusion.hypotheses {
        let sides = [("for it", supporting), ("against it", opposing)];
        let told = sides.into_iter().filter(|(_, seqs)| !seqs.is_empty());
        let told: Vec<_> = told.map(|(side, seqs)| format!("{side} {}", cited(seqs))).collect();
        push(out, &format!("- {}: {}{}", escaped(text), told.join(", "), mark(unproven.as_ref())));
    }
}

fn cited(seqs: &[Seq]) -> String {
    seqs.iter().map(|seq| format!("[{seq}]")).collect::<Vec<_>>().join(" ")
}

fn mark(unproven: Option<&String>) -> String {
    unproven.map_or_else(String::new, |why| format!(" **Unproven: {}.**", escaped(why)))
}

fn done(out: &mut String, report: &Report) {
    push(out, "\n## What was done\n");
    if report.changes.is_empty() {
        push(out, "Nothing was changed.");
    }
    for Done { call, tool, service, what, proven, checks, proof, seconds, undone, approved_by } in &report.changes {
        let by = approved_by.as_ref().map_or_else(String::new, |by| format!(", approved by {}", escaped(by)));
        push(out, &format!("- **{tool}** on {} ({call}{by}): {}", escaped(service), escaped(what)));
        let at = proof.map_or_else(String::new, |seq| format!(" [{seq}]"));
        push(
            out,
            &match proven {
                Some(true) => format!("  - Proven to have helped after {seconds:.1} s{at}:"),
                Some(false) => format!("  - **Not proven to have helped** after {seconds:.1} s{at}:"),
                None => "  - Not proven: the proof is still under way, or the change did not run.".to_owned(),
            },
        );
        for check in checks {
            let mark = if check.passed { "passed" } else { "**failed**" };
            push(out, &format!("    - {mark}: {} ({})", escaped(&check.name), escaped(&check.found)));
        }
        if let Some(undone) = undone {
            push(out, &format!("  - Undo: {}", escaped(undone)));
        }
    }
}

fn list(out: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    push(out, &format!("\n## {title}\n"));
    for item in items {
        push(out, &format!("- {}", escaped(item)));
    }
}

fn cost(out: &mut String, report: &Report) {
    let cost = &report.cost;
    let models = if cost.models.is_empty() { "none".to_owned() } else { cost.models.join(", ") };
    push(out, "\n## Cost\n");
    push(
        out,
        &format!(
            "{} turns of {models}, {} calls, {} tokens read ({} from cache), {} written, {:.4} US dollars; {:.1} s, {} s of them waiting for people.",
            cost.turns,
            cost.calls,
            cost.usage.input_tokens,
            cost.usage.cached_tokens,
            cost.usage.output_tokens,
            cost.usage.cost,
            cost.seconds,
            cost.waited_seconds
        ),
    );
}

fn push(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// Untrusted text on one line that cannot become markup: no HTML, no table cell, no link, no image.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '|' | '*' | '\\' => out.extend(['\\', letter]),
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out.replace("](", "]\\(")
}
