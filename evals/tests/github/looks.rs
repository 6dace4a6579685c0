use std::time::Duration;

use serde_json::json;

use crate::stage::{NAME, Stage, usual};

#[tokio::test]
async fn a_file_is_read_with_its_line_numbers_and_without_secrets() {
    let long: String = (1..=450).map(|line| format!("line {line}\n")).collect();
    let stage = Stage::of(usual().file("long.txt", &long).file("wide.txt", &"x".repeat(1_000))).await;
    let read = async |more: serde_json::Value| {
        let mut args = json!({ "service": "market-predictor" });
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.read("read_file", args).await
    };
    let mut lines = vec![
        read(json!({ "path": "deploy/predictor.env" })).await,
        read(json!({ "path": "deploy/db.env", "ref": "main" })).await,
        read(json!({ "path": "long.txt", "from_line": 448 })).await,
        read(json!({ "path": "long.txt", "from_line": 3, "lines": 2 })).await,
        read(json!({ "path": "deploy" })).await,
        read(json!({ "path": "." })).await,
        read(json!({ "path": "logo.png" })).await,
        read(json!({ "path": "current" })).await,
        read(json!({ "path": "deploy/none.env" })).await,
        read(json!({ "path": "long.txt", "from_line": 451 })).await,
        read(json!({ "path": "../x" })).await,
        read(json!({ "path": "long.txt", "ref": "refs/pull/1/head" })).await,
        read(json!({ "path": "long.txt", "ref": "0123456789abcdef0123456789abcdef01234567" })).await,
        read(json!({ "path": "long.txt", "ref": "main..x" })).await,
    ];
    insta::assert_snapshot!(lines.join("\n---\n"), @"");
    lines = vec![read(json!({ "path": "wide.txt" })).await, read(json!({ "path": "long.txt", "lines": 9_999 })).await];
    assert!(lines[0].len() < 500 && lines[0].ends_with('…'), "{}", lines[0]);
    assert!(lines[1].contains("lines 1 to 400 of 450") && lines[1].ends_with("[50 more are left out]"), "{}", lines[1]);
}

#[tokio::test]
async fn only_commits_that_the_default_branch_holds_are_read() {
    let stage = Stage::usual().await;
    let first = stage.repository.branches()["main"].clone();
    stage.world.advance(Duration::from_secs(60));
    stage.repository.push("main", &[("README.md", "# newer\n")], "Newer").unwrap();
    let at = |sha: &str| json!({ "service": "market-predictor", "path": "README.md", "ref": sha });
    let told = stage.read("read_file", at(&first)).await;
    assert!(told.ends_with("    1 # market-predictor"), "{told}");
    // A commit on another branch can be read by the branch's name, not by its own.
    let args = crate::stage::usual_call();
    let before = stage.before(&args).await.unwrap();
    stage.apply(&args, &before).await.unwrap();
    let branch = stage.own_branches().remove(0);
    let own = stage.repository.branches()[&branch].clone();
    let told = stage.read("read_file", at(&own)).await;
    assert!(told.contains("its default branch holds no such commit"), "{told}");
    let told = stage.read("read_file", at(&branch)).await;
    assert!(told.contains("# newer"), "{told}");
}

#[tokio::test]
async fn code_is_found_in_the_service_s_repository_and_nowhere_else() {
    let stage = Stage::usual().await;
    stage.world.add_repository(evals::NewRepository::new("evil/other").file("x", "FEATURE_STORE_TIMEOUT_MS"));
    let search =
        async |query: &str| stage.read("search_code", json!({ "service": "market-predictor", "query": query })).await;
    let lines = [
        search("FEATURE_STORE_TIMEOUT_MS").await,
        search("db path:deploy").await,
        search("\"exec predictor\"").await,
        search("nowhere_to_be_found").await,
        search("TIMEOUT repo:evil/other").await,
        search("").await,
        stage.read("search_code", json!({ "service": "gateway", "query": "x" })).await,
    ];
    insta::assert_snapshot!(lines.join("\n---\n"), @"");
}

#[tokio::test]
async fn what_changed_stands_on_one_time_line() {
    let stage = Stage::usual().await;
    stage.world.advance(Duration::from_secs(30));
    stage.repository.push("main", &[("deploy/predictor.env", "A=1\n")], "Cut the time-out\n\nto 40 ms").unwrap();
    stage.repository.workflow_ran("deploy", "success");
    stage.world.advance(Duration::from_secs(90));
    let args = crate::stage::usual_call();
    let before = stage.before(&args).await.unwrap();
    stage.apply(&args, &before).await.unwrap();
    assert!(stage.repository.merge(1));
    stage.world.advance(Duration::from_secs(60));
    let told = stage.read("list_changes", json!({ "service": "market-predictor", "hours_back": 200 })).await;
    let short = regex_free(&told);
    insta::assert_snapshot!(short, @"");
    let answer = stage.registry.run("list_changes", &json!({ "service": "market-predictor" })).await.unwrap();
    assert_eq!(answer.data["newest_minutes_ago"], 1);
    assert_eq!(answer.data["changes"][0]["source"], "github");
}

/// Commits' names depend on nothing but the case, and say nothing to a reader.
fn regex_free(told: &str) -> String {
    let hex = |word: &str| word.len() == 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let line =
        |line: &str| line.split(' ').map(|word| if hex(word) { "SHA" } else { word }).collect::<Vec<_>>().join(" ");
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_source_that_is_down_is_said_and_the_others_are_told() {
    let stage = Stage::usual().await;
    let ask = async |service: &str| stage.read("list_changes", json!({ "service": service })).await;
    let without_repository = ask("gateway").await;
    assert!(without_repository.contains("not seen: GitHub: the catalogue names no repository of gateway"));
    stage.world.break_part(evals::Part::Docker, evals::Fault::Status(500, None));
    let told = ask("market-predictor").await;
    assert!(
        told.contains("github: commit ") && told.contains("not seen: Docker: Docker could not be reached"),
        "{told}"
    );
    stage.world.mend_part(evals::Part::Docker);
    stage.world.break_part(evals::Part::GitHub, evals::Fault::Status(500, None));
    let told = ask("market-predictor").await;
    assert!(told.contains("docker: market-predictor die (exit code 137)"), "{told}");
    assert!(told.contains("not seen: GitHub: GitHub could not be reached"), "{told}");
    stage.world.break_part(evals::Part::Docker, evals::Fault::Refuse);
    let told = ask("market-predictor").await;
    assert!(told.starts_with("failure: Docker could not be reached"), "{told}");
    assert!(ask("nothing").await.starts_with("failure: no source of changes can be asked"));
    assert!(ask("nobody").await.contains("is no service of the catalogue"));
    assert_eq!(NAME, "market/market-predictor");
}
