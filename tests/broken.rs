//! Parts that fail, in every way, while an incident is investigated: said in the report, never a panic, never a false proof.

use devops_agent::{incident::Outcome, report::Report};
use evals::{Fault, Part};

use crate::stage::stage;

fn faults() -> Vec<Fault> {
    vec![
        Fault::Refuse,
        Fault::Status(500, None),
        Fault::Status(429, Some(7)),
        Fault::Malformed,
        Fault::Half,
        Fault::Huge(9 << 20),
        Fault::Hang,
    ]
}

/// Patience is short: a part that hangs does so in real time.
const SHORT: &str = "[prometheus]\ntimeout = \"200ms\"\n[loki]\ntimeout = \"200ms\"\n[alertmanager]\ntimeout = \"200ms\"\n\
                     [docker]\ntimeout = \"1s\"\n[verify]\nwithin = \"3s\"\nevery = \"1s\"\nhold = \"1s\"\n";

#[tokio::test]
async fn without_prometheus_nothing_counts_as_proven() {
    for fault in faults() {
        let (stage, alert) = stage("container-killed", SHORT).await;
        stage.world.break_part(Part::Prometheus, fault.clone());
        let (incident, entries) = stage.play(&alert).await.unwrap();
        let report = Report::new(&incident, &entries).markdown();
        assert_eq!(incident.outcome, Some(Outcome::HandedOver), "{fault:?}\n{report}");
        assert!(report.contains("Not proven to have helped"), "{fault:?}\n{report}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn without_docker_nothing_is_changed_and_the_report_says_why() {
    for fault in faults().into_iter().filter(|fault| !matches!(fault, Fault::Huge(_))) {
        let (stage, alert) = stage("container-killed", SHORT).await;
        stage.world.break_part(Part::Docker, fault.clone());
        let (incident, entries) = stage.play(&alert).await.unwrap();
        let report = Report::new(&incident, &entries).markdown();
        assert_eq!(incident.outcome, Some(Outcome::HandedOver), "{fault:?}\n{report}");
        assert!(report.contains("Nothing was changed"), "{fault:?}\n{report}");
        assert!(report.contains("Docker could not be reached"), "{fault:?}\n{report}");
        stage.strike().await;
    }
}

#[tokio::test]
async fn without_loki_or_alertmanager_the_repair_goes_on_and_the_report_says_what_was_not_checked() {
    for (part, name) in [(Part::Loki, "Loki"), (Part::Alertmanager, "Alertmanager")] {
        for fault in [Fault::Refuse, Fault::Status(503, None), Fault::Malformed, Fault::Half] {
            let (stage, alert) = stage("container-killed", &SHORT.replace("within = \"3s\"", "within = \"30s\"")).await;
            stage.world.break_part(part, fault.clone());
            let (incident, entries) = stage.play(&alert).await.unwrap();
            let report = Report::new(&incident, &entries).markdown();
            assert_eq!(incident.outcome, Some(Outcome::Repaired), "{part:?} {fault:?}\n{report}");
            assert!(report.contains(&format!("{name} could not be reached")), "{part:?} {fault:?}\n{report}");
            stage.strike().await;
        }
    }
}

#[tokio::test]
async fn a_restart_that_does_not_help_is_said_and_handed_over() {
    // On this case a restart changes nothing; the alert is named so that the runbook restarts all the same.
    let (stage, mut alert) = stage("error-rate-after-config-change", SHORT).await;
    alert["alerts"][0]["labels"]["alertname"] = "ServiceDown".into();
    let mut policy_free = alert.clone();
    policy_free["alerts"][0]["fingerprint"] = "another".into();
    let (incident, entries) = stage.play(&policy_free).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert_eq!(incident.outcome, Some(Outcome::HandedOver), "{report}");
    stage.strike().await;
}
