//! The prompts: Markdown, compiled in; the hash of the stable part is written to the journal with every turn.

use minijinja::{Environment, UndefinedBehavior, Value};
use sha2::{Digest, Sha256};

/// Who the agent is and how it works: the stable part, the same for every turn.
pub const SYSTEM: &str = include_str!("../prompts/system.md");
/// Said to a model that called no tool.
pub const GO_ON: &str = include_str!("../prompts/go_on.md");

const ALERT: &str = include_str!("../prompts/alert.md");
const QUESTION: &str = include_str!("../prompts/question.md");
const SENT_BACK: &str = include_str!("../prompts/sent_back.md");
const LAST_TURN: &str = include_str!("../prompts/last_turn.md");

/// SHA-256 of the stable part, as hexadecimal digits.
pub fn system_hash() -> String {
    hex::encode(Sha256::digest(SYSTEM))
}

/// What a model is told of an alert.
pub fn alert(values: Value) -> String {
    render(ALERT, values)
}

/// What a model is told of a question.
pub fn question(values: Value) -> String {
    render(QUESTION, values)
}

/// Said on the turn without tools.
pub fn last_turn(values: Value) -> String {
    render(LAST_TURN, values)
}

/// Said to a model whose conclusion does not stand in what it cites.
pub fn sent_back(values: Value) -> String {
    render(SENT_BACK, values)
}

/// A compiled-in template cannot fail but by a mistake of ours; a test renders each. Should it, the raw text is still sense.
fn render(template: &str, values: Value) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.render_str(template, values).unwrap_or_else(|error| {
        tracing::error!(%error, "a prompt could not be rendered");
        template.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn every_prompt_renders() {
        let text = alert(context! { alerts => "A", service => "s", how => "label", past => "p", runbook => "r" });
        assert!(text.contains("Service: s (label)") && text.contains("The runbook for this alert"));
        assert!(alert(context! { alerts => "A", how => "nothing" }).contains("hand over"));
        assert!(question(context! { question => "why?" }).contains("<question>\nwhy?\n</question>"));
        assert!(last_turn(context! { budget => "24 of 24 turns" }).contains("(24 of 24 turns)"));
        assert!(sent_back(context! { wrong => ["claim 1", "claim 2"] }).contains("\n- claim 1\n- claim 2\nCorrect"));
        assert_eq!(system_hash().len(), 64);
    }
}
