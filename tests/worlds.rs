//! Every case, from the alert to the report, without an LLM.

use devops_agent::{incident::Outcome, report::Report};
use evals::Case;

use crate::stage::{played, program, stage, story};

#[tokio::test]
async fn every_case_passes_its_own_truth() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for case in Case::all_embedded().unwrap() {
        let run = devops_agent::eval::run(case, "").await.unwrap();
        assert!(run.score.passed(), "{}: {:?}\n{}", run.case, run.score.wrong, run.report.markdown());
    }
}

#[tokio::test]
async fn a_case_on_disk_is_the_case_that_is_compiled_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("evals/incidents");
    for compiled in Case::all_embedded().unwrap() {
        let loaded = Case::load(&folder.join(&compiled.name)).unwrap();
        assert_eq!((loaded.alert, loaded.title), (compiled.alert, compiled.title));
    }
}

#[tokio::test]
async fn the_journal_of_a_repair_reads_like_the_story() {
    let (stage, incident, entries) = played("container-killed", "").await;
    // Looks are answered in the order in which they come; told once here.
    let mut told = story(&entries);
    told.dedup();
    insta::assert_snapshot!(told.join(" "), @"opened alert_joined turned judged answered asked turned judged change_begun change_done verified answered asked turned judged answered asked turned concluded closed");
    assert_eq!(incident.outcome, Some(Outcome::Repaired));
    assert!(stage.world.healed());
    assert_eq!(stage.world.changes().len(), 1);
    let (read, broken) = stage.parts.journal.verify(None).await.unwrap();
    assert_eq!((usize::try_from(read).unwrap(), broken.len()), (entries.len(), 0));
    stage.strike().await;
}

#[tokio::test]
async fn no_secret_of_the_world_reaches_journal_or_report() {
    let (stage, incident, entries) = played("container-killed", "").await;
    let written = serde_json::to_string(&entries).unwrap();
    let report = Report::new(&incident, &entries).markdown();
    for text in [&written, &report] {
        assert!(!text.contains("k-51f0aa"), "the container's BROKER_API_KEY was written down");
    }
    assert!(written.contains("BROKER_API_KEY=[masked]"));
    stage.strike().await;
}

#[tokio::test]
async fn an_alert_whose_expression_is_nested_without_end_is_worked_on_to_its_end() {
    let (stage, mut alert) = stage("container-killed", "").await;
    alert["alerts"][0]["generatorURL"] = format!("http://p/graph?g0.expr={}up", "-".repeat(60_000)).into();
    let (incident, entries) = stage.play(&alert).await.unwrap();
    let report = Report::new(&incident, &entries).markdown();
    assert_eq!(incident.outcome, Some(Outcome::Repaired), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn a_service_in_mode_observe_is_left_alone() {
    let (stage, incident, entries) =
        played("container-killed", "[services.market-predictor]\nautonomy = \"observe\"").await;
    assert_eq!(incident.outcome, Some(Outcome::HandedOver));
    assert_eq!(stage.world.changes(), []);
    let report = Report::new(&incident, &entries).markdown();
    assert!(report.contains("market-predictor is in mode observe"), "{report}");
    stage.strike().await;
}

#[tokio::test]
async fn a_service_that_the_agent_sees_with_is_protected() {
    let more = "[services.market-predictor]\nprotected = true";
    let (stage, incident, _) = played("container-killed", more).await;
    assert_eq!((incident.outcome, stage.world.changes().len()), (Some(Outcome::HandedOver), 0));
    stage.strike().await;
}

#[test]
fn the_demonstration_ends_well_and_complains_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (code, told) = program(folder.path(), &["demo", "--once"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("The report that it leaves:") && !told.contains("panicked"), "{told}");
    assert!(!told.contains("ERROR") && !told.contains("WARN"), "{told}");
}
