//! The process ends after any request of `apply`: what happened is found, taken back, and never done twice.

use serde_json::Value;

use crate::stage::{Stage, passed, shown, usual_call};

/// Applies until the answer to request `requests` would come; whether it came to that.
async fn killed(stage: &Stage, args: &Value, before: &Value, requests: usize) -> bool {
    stage.proxy.cut_after(Some(requests));
    let killed = tokio::select! {
        done = stage.apply(args, before) => { done.unwrap(); false }
        () = stage.proxy.was_cut() => true,
    };
    stage.proxy.cut_after(None);
    killed
}

#[tokio::test]
async fn after_a_crash_anywhere_it_is_found_and_taken_back() {
    let args = usual_call();
    let mut stories = Vec::new();
    for requests in 1.. {
        let stage = Stage::usual().await;
        let before = stage.before(&args).await.unwrap();
        stage.proxy.take();
        let cut = killed(&stage, &args, &before, requests).await;
        let last = stage.proxy.take().pop().unwrap_or_default();
        let found = stage.happened(&args, &before).await;
        let untouched = stage.own_branches().is_empty() && stage.repository.pull_requests().is_empty();
        assert_eq!(found.is_none(), untouched, "after {requests}: {found:?}");
        stories.push(format!("{last}: {}", found.as_deref().unwrap_or("nothing happened")));
        stage.undo(&args, &before).await.unwrap();
        assert!(stage.restored(&args, &before).await, "after {requests}");
        assert_eq!((stage.open_pull_requests(), stage.own_branches()), (0, Vec::new()), "after {requests}");
        if !cut {
            break;
        }
    }
    insta::assert_snapshot!(stories.join("\n"), @"
    GET /repos/market/market-predictor/pulls 200: nothing happened
    POST /repos/market/market-predictor/git/trees 201: nothing happened
    POST /repos/market/market-predictor/git/commits 201: nothing happened
    POST /repos/market/market-predictor/git/refs 201: the branch devops-agent/market-predictor-a7d52ccee80a was made, but no pull request opened
    POST /repos/market/market-predictor/pulls 201: pull request #1 (https://github.com/market/market-predictor/pull/1) is open
    POST /repos/market/market-predictor/issues/1/labels 200: pull request #1 (https://github.com/market/market-predictor/pull/1) is open
    POST /repos/market/market-predictor/issues/1/labels 200: pull request #1 (https://github.com/market/market-predictor/pull/1) is open
    ");
}

#[tokio::test]
async fn a_second_try_after_a_crash_anywhere_opens_one_pull_request_in_all() {
    let args = usual_call();
    for requests in 1.. {
        let stage = Stage::usual().await;
        let before = stage.before(&args).await.unwrap();
        let cut = killed(&stage, &args, &before, requests).await;
        // Meanwhile `main` may have gone on.
        if requests % 2 == 0 {
            stage.world.advance(std::time::Duration::from_secs(60));
            stage.repository.push("main", &[("README.md", "# other\n")], "Another").unwrap();
        }
        let again = stage.before(&args).await.unwrap();
        stage.apply(&args, &again).await.unwrap();
        let checks = stage.verify(&args, &again).await;
        assert!(passed(&checks), "after {requests}: {}", shown(&checks));
        assert_eq!(stage.repository.pull_requests().len(), 1, "after {requests}");
        assert_eq!(stage.own_branches().len(), 1, "after {requests}");
        if !cut {
            break;
        }
    }
}

#[tokio::test]
async fn an_undo_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let args = usual_call();
    for requests in 1.. {
        let stage = Stage::usual().await;
        let before = stage.before(&args).await.unwrap();
        stage.apply(&args, &before).await.unwrap();
        stage.proxy.cut_after(Some(requests));
        let cut = tokio::select! {
            undone = stage.undo(&args, &before) => { undone.unwrap(); false }
            () = stage.proxy.was_cut() => true,
        };
        stage.proxy.cut_after(None);
        stage.undo(&args, &before).await.unwrap();
        assert!(stage.restored(&args, &before).await, "after {requests}");
        if !cut {
            break;
        }
    }
}
