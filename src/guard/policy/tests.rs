//! What a policy file may say, and what is refused whole.

use super::{Policy, Says};

const BASE: &str = "version = 1\nautonomy = \"act\"\n";

fn wrong(more: &str) -> String {
    Policy::parse("policy.toml", &format!("{BASE}{more}")).unwrap_err().to_string()
}

#[test]
fn the_compiled_in_policy_says_what_is_the_default_of_every_key() {
    let (built_in, empty) = (Policy::built_in().unwrap(), Policy::parse("test", BASE).unwrap());
    let mut caps = empty.caps.clone();
    caps.pull_request_never.clone_from(&built_in.caps.pull_request_never);
    assert_eq!(built_in.caps, caps, "the file says other numbers than the code");
    assert_eq!((built_in.breaker, built_in.situations), (empty.breaker, empty.situations));
    assert_eq!(built_in.approval, empty.approval);
    assert_eq!(built_in.situations.victim, Says::Refuse);
    assert!(empty.protected.iter().any(|name| name == "devops-agent"), "always protected");
}

#[test]
fn a_policy_is_refused_whole_if_any_part_is_wrong() {
    let rule = "[[rules]]\nname = \"r\"\nbecause = \"x\"\n";
    for (more, told) in [
        ("colour = \"red\"", "unknown field `colour`"),
        ("[caps]\nchanges_an_hour = 1", "unknown field `changes_an_hour`"),
        ("[caps]\nreplicas_at_once = \"many\"", "is no share"),
        ("[caps]\nscale_least = 5\nscale_most = 2", "is more than the most"),
        ("[caps]\nscale_factor = 0", "scale_factor is at least 1"),
        ("[breaker]\nservice = 0", "the least is 1"),
        ("[approval]\npeople = 0", "people = 0 would be nobody"),
        ("[approval]\nroles = [\"janitor\"]", "is no role that can approve"),
        (rule, "says nothing"),
        (&format!("{rule}verdict = \"ask\""), "brings no examples"),
        (
            &format!(
                "{rule}verdict = \"ask\"\ntool = \"scale_*\"\nexamples = [{{ tool = \"restart\", service = \"a\" }}]"
            ),
            "rule \"r\" does not match its example restart on a",
        ),
        (
            &format!(
                "{rule}verdict = \"ask\"\nexamples = [{{ tool = \"x\", service = \"a\" }}]\n\
                 counter_examples = [{{ tool = \"x\", service = \"b\" }}]"
            ),
            "matches its counter-example x on b",
        ),
        (
            &format!(
                "{rule}verdict = \"ask\"\nenvironment = \"prod\"\nexamples = [{{ tool = \"x\", service = \"a\" }}]"
            ),
            "is about environments, and a has none",
        ),
        (
            &format!(
                "{rule}verdict = \"ask\"\nwhen = {{ cron = \"0 1 * * *\", for = \"1h\" }}\n\
                 examples = [{{ tool = \"x\", service = \"a\" }}]"
            ),
            "has a window, and its example x on a no `at`",
        ),
        (&format!("{rule}remember = false\nexamples = []"), "brings no examples"),
        (&format!("{rule}remember = true\nexamples = [{{ service = \"a\" }}]"), "says nothing"),
        (
            &format!("{rule}remember = false\nverdict = \"ask\"\nexamples = [{{ service = \"a\" }}]"),
            "hangs on services and environments alone",
        ),
        (
            &format!("{rule}remember = false\ntool = \"x\"\nexamples = [{{ service = \"a\" }}]"),
            "a rule with remember = false has no tool",
        ),
        (
            &format!("{rule}remember = false\nservice = \"pay*\"\nexamples = [{{ service = \"orders\" }}]"),
            "rule \"r\" does not match its example orders",
        ),
        (&format!("{rule}verdict = \"ask\"\nexamples = [{{ service = \"a\" }}]"), "its example a has no `tool`"),
        (&format!("{rule}verdict = \"perhaps\"\nexamples = []"), "unknown variant `perhaps`"),
        (
            &format!(
                "{rule}verdict = \"ask\"\nexamples = [{{ tool = \"x\", service = \"a\" }}]\n\
                 {rule}verdict = \"refuse\"\nexamples = [{{ tool = \"x\", service = \"a\" }}]"
            ),
            "two rules are called \"r\"",
        ),
    ] {
        let found = wrong(more);
        assert!(found.starts_with("policy policy.toml: ") && found.contains(told), "{more}\n{found}");
    }
}

#[test]
fn what_is_not_to_be_kept_is_told_by_service_and_environment_and_doubt_is_a_no() {
    let policy = |rules: &str| Policy::parse("test", &format!("{BASE}{rules}")).unwrap();
    let all = policy("");
    assert!(all.remembers("payments", None) && all.remembers_all());
    let by_service = policy(
        "[[rules]]\nname = \"r\"\nbecause = \"x\"\nservice = \"pay*\"\nremember = false\n\
         examples = [{ service = \"payments\" }]\ncounter_examples = [{ service = \"orders\" }]",
    );
    assert!(!by_service.remembers("payments", None) && by_service.remembers("orders", Some("production")));
    assert!(!by_service.remembers_all(), "an incident without a service could be one of them");
    let by_environment = policy(
        "[[rules]]\nname = \"r\"\nbecause = \"x\"\nenvironment = \"production\"\nremember = false\n\
         examples = [{ service = \"payments\", environment = \"production\" }]",
    );
    assert!(!by_environment.remembers("payments", Some("production")));
    assert!(by_environment.remembers("payments", Some("staging")));
    assert!(!by_environment.remembers("payments", None), "it cannot be told where it runs");
    assert_eq!(by_environment.rules_about("restart_container", "payments").count(), 0, "it says nothing about calls");
}
