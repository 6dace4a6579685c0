//! Every way in which GitHub can fail, for every kind of call; the world breaks it, and nothing is half said.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use evals::{Case, Fault, Part, World};
use futures::future::BoxFuture;
use tools::{
    Clock, Failure, SharedClock,
    reach::{GitHub, NewFile, NewPullRequest, RepositoryName},
};

use crate::stage::{NAME, usual};

struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_455_500, 0).unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// What every call of the client says to one and the same world.
async fn told(github: &GitHub) -> Vec<(&'static str, Result<(), Failure>)> {
    let name = RepositoryName::parse(NAME).unwrap();
    let (name, since) = (&name, Still.now());
    let new = NewPullRequest { title: "t", body: "b", head: "h", base: "main" };
    let file = [NewFile { path: "a".into(), mode: "100644".into(), content: "a".into() }];
    vec![
        ("check", github.check().await.map(drop)),
        ("repository", github.repository(name).await.map(drop)),
        ("contents", github.contents(name, "README.md", None).await.map(drop)),
        ("search", github.search_code(name, "x", 5).await.map(drop)),
        ("reference", github.reference(name, "heads/main").await.map(drop)),
        ("tree", github.tree(name, "main", true).await.map(drop)),
        ("blob", github.blob(name, "ab").await.map(drop)),
        ("commit", github.commit(name, "ab").await.map(drop)),
        ("compare", github.holds(name, "main", "ab").await.map(drop)),
        ("create branch", github.create_branch(name, "x", "ab").await.map(drop)),
        ("move branch", github.move_branch(name, "x", "ab").await),
        ("delete branch", github.delete_branch(name, "x").await),
        ("create tree", github.create_tree(name, "ab", &file).await.map(drop)),
        ("create commit", github.create_commit(name, "m", "ab", "ab").await.map(drop)),
        ("pull requests", github.pull_requests_from(name, "x").await.map(drop)),
        ("merged", github.merged_since(name, "main", since).await.map(drop)),
        ("open", github.open_pull_request(name, &new).await.map(drop)),
        ("close", github.close_pull_request(name, 1, "b").await),
        ("files", github.pull_request_files(name, 1).await.map(drop)),
        ("labels", github.add_labels(name, 1, &["x"]).await),
        ("commits", github.commits_since(name, "main", since).await.map(drop)),
        ("runs", github.workflow_runs_since(name, "main", since).await.map(drop)),
    ]
}

#[tokio::test]
async fn no_fault_of_github_is_taken_for_an_answer() {
    let world = World::start(Case::from_embedded("container-killed").unwrap()).await.unwrap();
    world.add_repository(usual());
    let clock: SharedClock = Arc::new(Still);
    let token = || Some("s3cret-token".to_owned().into());
    let client =
        |timeout: u64| GitHub::new(&world.github_url(), token(), Duration::from_millis(timeout), clock.clone());
    let (patient, hasty) = (client(5_000).unwrap(), client(100).unwrap());
    for (fault, says, github) in [
        (Fault::Refuse, "GitHub could not be reached", &patient),
        (Fault::Status(500, None), "answers 500 Internal Server Error", &patient),
        (Fault::Status(502, None), "answers 502 Bad Gateway", &patient),
        (Fault::Status(401, None), "the `token` in [github] is wrong or has expired", &patient),
        (Fault::Status(429, Some(7)), "answers 429 Too Many Requests", &patient),
        (Fault::Status(403, Some(9)), "answers 403 Forbidden", &patient),
        (Fault::Status(301, None), "set the repository's present name in the catalogue", &patient),
        (Fault::Hang, "no answer within 100 ms", &hasty),
        (Fault::Slow(Duration::from_secs(30)), "no answer within 100 ms", &hasty),
        (Fault::Half, "GitHub could not be reached", &patient),
        (Fault::Huge(9 << 20), "larger than 8388608 bytes", &patient),
        (Fault::Malformed, "is not the JSON expected", &patient),
    ] {
        world.break_part(Part::GitHub, fault.clone());
        for (call, result) in told(github).await {
            // What only has to be done is done when the status says so, whatever the body is.
            let done = matches!(call, "move branch" | "delete branch" | "close" | "labels" | "create branch");
            if done && matches!(fault, Fault::Malformed) {
                continue;
            }
            let failure = result.expect_err(&format!("{fault:?}: {call}"));
            let text = failure.to_string();
            assert!(text.contains(says), "{fault:?}: {call}: {text}");
            assert!(!text.contains("s3cret"), "{text}");
            if let (Fault::Status(_, Some(seconds)), Failure::Unreachable { retry_after, .. }) = (&fault, &failure) {
                assert_eq!(*retry_after, Some(Duration::from_secs(*seconds)), "{call}");
            }
        }
        world.mend_part(Part::GitHub);
    }
    assert!(patient.check().await.unwrap().ends_with("4999 of 5000 requests left in this hour"));
    let open = GitHub::new(&world.github_url(), None, Duration::from_secs(5), clock).unwrap();
    let text = open.check().await.unwrap_err().to_string();
    assert!(text.contains("Requires authentication"), "{text}");
}
