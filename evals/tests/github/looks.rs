use std::time::Duration;

use serde_json::json;

use crate::stage::{Stage, usual};

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
    insta::assert_snapshot!(lines.join("\n---\n"), @r#"
    market/market-predictor deploy/predictor.env: lines 1 to 3 of 3, 53 bytes
        1 LOG_LEVEL=info
        2 FEATURE_STORE_TIMEOUT_MS=40
        3 WORKERS=4
    ---
    market/market-predictor deploy/db.env at main: lines 1 to 2 of 2, 31 bytes
        1 DB_PASSWORD=[masked]
        2 DB_HOST=db
    ---
    market/market-predictor long.txt: lines 448 to 450 of 450, 3942 bytes
      448 line 448
      449 line 449
      450 line 450
    [447 more are left out]
    ---
    market/market-predictor long.txt: lines 3 to 4 of 450, 3942 bytes
        3 line 3
        4 line 4
    [448 more are left out]
    ---
    market/market-predictor deploy: a folder of 3
    db.env
    predictor.env
    run.sh
    ---
    market/market-predictor .: a folder of 6
    README.md
    current (symlink)
    deploy/
    logo.png
    long.txt
    wide.txt
    ---
    failure: "logo.png" in market/market-predictor is no text (4 bytes)
    ---
    failure: "current" in market/market-predictor is a symlink, which cannot be read
    ---
    failure: there is no "deploy/none.env" in market/market-predictor; read "deploy" to see what there is
    ---
    failure: "long.txt" has 450 lines; line 451 is past its end
    ---
    failure: the path "../x" holds an empty part, `.` or `..`; right would be "deploy/payments.yaml"
    ---
    failure: market/market-predictor has no branch or tag "refs/pull/1/head", and its default branch holds no such commit
    ---
    failure: market/market-predictor has no branch or tag "0123456789abcdef0123456789abcdef01234567", and its default branch holds no such commit
    ---
    failure: the ref "main..x" is none; right would be a branch such as "main", a tag, or a commit
    "#);
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
    insta::assert_snapshot!(lines.join("\n---\n"), @r#"
    1 files of market/market-predictor hold it
    deploy/predictor.env
      | FEATURE_STORE_TIMEOUT_MS=40
    ---
    1 files of market/market-predictor hold it
    deploy/db.env
      | DB_PASSWORD=[masked]
      | DB_HOST=db
    ---
    1 files of market/market-predictor hold it
    deploy/run.sh
      | exec predictor
    ---
    0 files of market/market-predictor hold it
    ---
    failure: `repo:` would lead out of the service's repository, which is searched in any case; right would be "connect_timeout path:deploy"
    ---
    failure: the query has 0 characters; 1 to 150 are taken; right would be "connect_timeout path:deploy"
    ---
    failure: the catalogue names no repository of gateway: set `repository` in [services.gateway]
    "#);
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
    insta::assert_snapshot!(without_names(&told), @"
    10 changes in the last 200 hours, newest first
    11-20 14:06:05 (1 min ago) github: commit SHA on main: Merge pull request #1 from devops-agent/market-predictor-a7d52ccee80a
    11-20 14:06:05 (1 min ago) github: commit SHA on main: Give the feature store 400 ms
    11-20 14:06:05 (1 min ago) github: pull request #1 merged: Give the feature store 400 ms
    11-20 14:04:35 (2 min ago) github: commit SHA on main: Cut the time-out
    11-20 14:04:35 (2 min ago) github: deploy run 1 of SHA by push: success
    11-20 14:03:07 (3 min ago) docker: market-predictor die (exit code 137)
    11-20 14:03:07 (3 min ago) docker: market-predictor kill (signal 9)
    11-19 14:04:05 (1443 min ago) github: commit SHA on main: First commit
    11-14 09:15:07 (8931 min ago) docker: market-predictor was started
    11-14 09:15:06 (8931 min ago) docker: market-predictor was made with image market/market-predictor:3.4.0
    ");
    let answer = stage.registry.run("list_changes", &json!({ "service": "market-predictor" })).await.unwrap();
    assert_eq!(answer.data["newest_minutes_ago"], 1);
    assert_eq!(answer.data["changes"][0]["source"], "github");
}

/// Commits' names depend on nothing but the case, and say nothing to a reader.
fn without_names(told: &str) -> String {
    let hex = |word: &str| word.len() == 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let line =
        |line: &str| line.split(' ').map(|word| if hex(word) { "SHA" } else { word }).collect::<Vec<_>>().join(" ");
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_source_that_is_down_is_said_and_the_others_are_told() {
    let stage = Stage::usual().await;
    let ask = async |service: &str| stage.read("list_changes", json!({ "service": service, "hours_back": 48 })).await;
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
}
