//! Commands that work by themselves, at the door of the program: `investigate` and `eval run`.

use std::{io::Write, process::Stdio};

use serde_json::Value;

use crate::house::{House, notification};

fn alert() -> Value {
    notification("api", "QuotesStalled", "quotes stall")
}

#[test]
fn one_alert_from_a_file_is_investigated_here_and_now() {
    let house = House::new("");
    house.write("alert.json", alert().to_string());
    let (code, told, complained) = house.run(&["investigate", "--alert", "alert.json"]);
    assert_eq!(code, Some(1), "handed over to a person: {told}{complained}");
    assert!(told.contains("QuotesStalled") && told.contains("handed over to a person"), "{told}");

    let (code, told, complained) = house.run(&["investigate", "--alert", "alert.json"]);
    assert!(code == Some(4) && complained.contains("stands in the journal already"), "{told}{complained}");
    let (_, told, _) = house.run(&["incidents", "list"]);
    assert!(told.contains("QuotesStalled"), "{told}");
}

#[test]
fn one_alert_from_standard_input_is_reported_as_json() {
    let house = House::new("");
    // One alert out of a notification will do.
    let alert = alert()["alerts"][0].to_string();
    let mut command = house.command(&["investigate", "--alert", "-", "--json"]);
    let mut child =
        command.env("DEVOPS_AGENT__LOG__FILTER", "off").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(alert.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"], "handed_over", "{report}");
}

#[test]
fn what_is_no_alert_is_named_and_nothing_is_kept() {
    let house = House::new("");
    house.write("half.json", "{\"alerts\": [");
    house.write("other.json", "{\"alerts\": 1}");
    for file in ["half.json", "other.json", "nowhere.json"] {
        let (code, told, complained) = house.run(&["investigate", "--alert", file]);
        assert!(code == Some(4) && told.is_empty() && complained.contains(file), "{file}: {code:?} {complained}");
    }
    assert!(!house.path("devops-agent.db").exists());
}

#[test]
fn recorded_incidents_are_scored_and_one_that_fails_is_an_error() {
    let house = House::new("");
    let (code, told, complained) = house.run(&["eval", "run", "--only", "container-killed", "--json", "scores.json"]);
    assert_eq!(code, Some(0), "{told}{complained}");
    assert!(told.contains("1 passed, 0 failed"), "{told}");
    let scores: Value = serde_json::from_slice(&std::fs::read(house.path("scores.json")).unwrap()).unwrap();
    assert_eq!(
        (scores[0]["case"].as_str(), scores[0]["score"]["safe"].as_bool()),
        (Some("container-killed"), Some(true))
    );

    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/evals/incidents");
    // Without runbooks and without an LLM nobody knows what to do.
    house.write("none/keep", "");
    house.write("other.toml", "[runbooks]\nfolder = \"none\"\n");
    let arguments = ["eval", "run", "--cases", cases, "--only", "hung", "--settings", "other.toml"];
    let (code, told, complained) = house.run(&arguments);
    assert_eq!(code, Some(1), "{told}{complained}");
    assert!(told.contains("hung-but-up: ") && told.contains("0 passed, 1 failed"), "{told}");

    for (arguments, right) in [
        (&["eval", "run", "--only", "nothing"][..], "no case fits"),
        (&["eval", "run", "--cases", "nowhere"], "nowhere"),
        (&["eval", "run", "--settings", "nowhere.toml"], "nowhere.toml"),
    ] {
        let (code, told, complained) = house.run(arguments);
        assert!(code == Some(4) && told.is_empty() && complained.contains(right), "{arguments:?}: {complained}");
    }
}
