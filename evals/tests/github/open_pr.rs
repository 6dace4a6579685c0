use evals::NewRepository;
use serde_json::{Value, json};
use tools::{Failure, Undo};

use crate::stage::{NAME, Stage, call, passed, shown, usual, usual_call};

fn told(result: Result<Value, Failure>) -> String {
    match result {
        Err(Failure::Tell(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_change_is_proposed_whole_and_taken_back_whole() {
    let stage = Stage::usual().await;
    let args = json!({
        "service": "market-predictor",
        "title": "Give the feature store 400 ms",
        "body": "40 ms cuts off a third. @everyone\u{202e}",
        "files": [
            { "path": "deploy/predictor.env", "content": "LOG_LEVEL=info\nFEATURE_STORE_TIMEOUT_MS=400\nWORKERS=4" },
            { "path": "deploy/run.sh", "content": "#!/bin/sh\nset -e\nexec predictor\n" },
            { "path": "docs/why.md", "content": "one\ntwo\n" },
            { "path": "README.md", "content": "# market-predictor\n" },
        ],
        "reason": "reads take 120 ms at the 95th percentile",
    });
    let before = stage.before(&args).await.unwrap();
    assert!(!before.to_string().contains("LOG_LEVEL"), "no contents: {before}");
    let effect = stage.effect(&args, &before);
    let base = stage.repository.branches()["main"].clone();
    assert_eq!(
        effect.files,
        Some((vec!["deploy/predictor.env".into(), "deploy/run.sh".into(), "docs/why.md".into()], 5))
    );
    assert_eq!(
        effect.says,
        "proposes 3 changed files to market/market-predictor (main), +4 -1 lines: deploy/predictor.env, deploy/run.sh, \
         docs/why.md"
    );
    assert!(effect.state.contains(&base) && effect.state.contains("docs/why.md (not there)"), "{}", effect.state);
    assert_eq!(stage.happened(&args, &before).await, None);
    assert!(!passed(&stage.verify(&args, &before).await));

    stage.proxy.take();
    let done = stage.apply(&args, &before).await.unwrap();
    assert_eq!(done, format!("opened pull request #1 (https://github.com/{NAME}/pull/1)"));
    insta::assert_snapshot!(stage.proxy.take().join("\n").replace(NAME, "N"), @"
    GET /repos/N/pulls 200
    POST /repos/N/git/trees 201
    POST /repos/N/git/commits 201
    POST /repos/N/git/refs 201
    POST /repos/N/pulls 201
    POST /repos/N/issues/1/labels 200
    ");
    let pull = stage.repository.pull_requests().remove(0);
    assert_eq!((pull.base.as_str(), pull.labels.as_slice()), ("main", &["devops-agent".to_owned()][..]));
    insta::assert_snapshot!(format!("{}\n\n{}", pull.title, pull.body), @"
    Give the feature store 400 ms

    40 ms cuts off a third. &#64;everyone

    ## Why

    reads take 120 ms at the 95th percentile

    ---

    devops-agent proposes this for the service `market-predictor`. It does not merge: people review it and decide.
    ");
    let file = |path: &str| stage.repository.file(&pull.head, path).unwrap();
    assert_eq!(file("deploy/predictor.env").1, "LOG_LEVEL=info\nFEATURE_STORE_TIMEOUT_MS=400\nWORKERS=4\n");
    assert_eq!(file("deploy/run.sh"), ("100755".into(), "#!/bin/sh\nset -e\nexec predictor\n".into()));
    assert_eq!(file("docs/why.md").0, "100644");
    assert_eq!(stage.repository.messages(&pull.head).len(), 2, "one commit");
    assert_eq!(stage.repository.branches()["main"], base, "main is as it was");
    let checks = stage.verify(&args, &before).await;
    assert!(passed(&checks), "{}", shown(&checks));
    assert!(stage.happened(&args, &before).await.unwrap().ends_with("is open"));
    assert!(!stage.restored(&args, &before).await);

    assert!(matches!(stage.undo(&args, &before).await, Ok(Undo::Done(_))));
    assert!(stage.restored(&args, &before).await);
    assert_eq!((stage.open_pull_requests(), stage.own_branches()), (0, Vec::new()));
    assert!(matches!(stage.undo(&args, &before).await, Ok(Undo::Nothing(_))), "a second undo finds nothing to do");
    let again = stage.before(&args).await.unwrap();
    stage.apply(&args, &again).await.unwrap();
    assert!(passed(&stage.verify(&args, &again).await), "what was taken back may be proposed again");
}

#[tokio::test]
async fn just_the_same_is_never_proposed_twice() {
    let stage = Stage::usual().await;
    let args = usual_call();
    let before = stage.before(&args).await.unwrap();
    stage.apply(&args, &before).await.unwrap();
    // The same call once more, as after a crash; and another call with other words.
    let done = stage.apply(&args, &before).await.unwrap();
    assert!(done.ends_with("is open already; no second one was opened"), "{done}");
    let mut other = args.clone();
    other["title"] = json!("Other words");
    let later = stage.before(&other).await.unwrap();
    assert!(stage.effect(&other, &later).says.starts_with("changes nothing: pull request #1"));
    stage.apply(&other, &later).await.unwrap();
    assert_eq!(stage.repository.pull_requests().len(), 1);
    // A later call does not take back what an earlier one opened.
    assert!(matches!(stage.undo(&other, &later).await, Ok(Undo::Nothing(_))));
    assert!(stage.restored(&other, &later).await);
    assert_eq!(stage.open_pull_requests(), 1);
    // Other contents are another proposal.
    let another = call("LOG_LEVEL=debug\n");
    let before = stage.before(&another).await.unwrap();
    stage.apply(&another, &before).await.unwrap();
    assert_eq!(stage.open_pull_requests(), 2);
}

#[tokio::test]
async fn people_s_answer_stands() {
    let stage = Stage::usual().await;
    let args = usual_call();
    let before = stage.before(&args).await.unwrap();
    stage.apply(&args, &before).await.unwrap();
    assert!(stage.repository.close(1));
    assert!(!passed(&stage.verify(&args, &before).await), "a closed one proves nothing");
    let no = told(stage.before(&args).await);
    assert_eq!(no, "just this was proposed as pull request #1, which people have closed; propose something else");

    let merged = call("LOG_LEVEL=warn\n");
    let before = stage.before(&merged).await.unwrap();
    stage.apply(&merged, &before).await.unwrap();
    assert!(stage.repository.merge(2));
    let checks = stage.verify(&merged, &before).await;
    assert!(passed(&checks), "{}", shown(&checks));
    assert!(matches!(stage.undo(&merged, &before).await, Ok(Undo::Nothing(what)) if what.contains("merged")));
    assert!(told(stage.before(&merged).await).starts_with("nothing would change"));
}

#[tokio::test]
async fn what_others_pushed_is_left_to_them() {
    let stage = Stage::usual().await;
    let args = usual_call();
    let before = stage.before(&args).await.unwrap();
    stage.apply(&args, &before).await.unwrap();
    let branch = stage.own_branches().remove(0);
    stage.repository.push(&branch, &[("README.md", "# better\n")], "Say it better").unwrap();
    let checks = stage.verify(&args, &before).await;
    insta::assert_snapshot!(shown(&checks).replace(&stage.repository.branches()[&branch], "SHA"), @"
    + the pull request is open: pull request #1 (https://github.com/market/market-predictor/pull/1) is open
    - its newest commit is ours: SHA Say it better
    - it changes exactly the proposed files: modified README.md, modified deploy/predictor.env
    ");
    let failure = stage.undo(&args, &before).await.unwrap_err().to_string();
    assert_eq!(failure, format!("others have pushed to {branch}; branch and pull request are left to them"));
    assert_eq!((stage.open_pull_requests(), stage.own_branches().len()), (1, 1));
}

#[tokio::test]
async fn a_branch_of_the_same_name_that_others_wrote_is_left_as_it_is() {
    let stage = Stage::usual().await;
    let args = usual_call();
    let branch = stage.before(&args).await.unwrap()["branch"].as_str().unwrap().to_owned();
    stage.repository.create_branch(&branch);
    let theirs = stage.repository.push(&branch, &[("README.md", "# ours\n")], "Ours").unwrap();
    let before = stage.before(&args).await.unwrap();
    let failure = stage.apply(&args, &before).await.unwrap_err().to_string();
    let told = format!("the branch {branch} is there already and holds what others wrote; it is left as it is");
    assert_eq!(failure, told);
    assert_eq!(stage.happened(&args, &before).await, None);
    assert!(matches!(stage.undo(&args, &before).await, Ok(Undo::Nothing(_))));
    assert!(stage.restored(&args, &before).await);
    assert_eq!((stage.repository.branches()[&branch].clone(), stage.open_pull_requests()), (theirs, 0));
}

#[tokio::test]
async fn the_state_for_a_person_s_leave_changes_with_the_repository() {
    let stage = Stage::usual().await;
    let args = usual_call();
    let state = async || {
        let before = stage.before(&args).await.unwrap();
        stage.effect(&args, &before).state
    };
    let first = state().await;
    assert_eq!(first, state().await);
    stage.repository.push("main", &[("README.md", "# other\n")], "Another").unwrap();
    assert_ne!(first, state().await);
}

#[tokio::test]
async fn what_cannot_be_proposed_is_refused_before_anything_is_written() {
    let stage = Stage::usual().await;
    let with = |path: &str, content: &str| {
        let mut args = usual_call();
        args["files"] = json!([{ "path": path, "content": content }]);
        args
    };
    let mut untitled = usual_call();
    untitled["title"] = json!("\u{200b} \n");
    let mut of = usual_call();
    of["service"] = json!("gateway");
    let mut lost = usual_call();
    lost["service"] = json!("lost");
    let mut lines = Vec::new();
    for args in [
        with("deploy/predictor.env", "LOG_LEVEL=info\nFEATURE_STORE_TIMEOUT_MS=40\nWORKERS=4\n"),
        with("/etc/passwd", "x"),
        with("deploy/../../x", "x"),
        with(".git/config", "x"),
        with("dep\u{43b}oy/x", "x"),
        with("deploy", "x"),
        with("README.md/x", "x"),
        with("current", "x"),
        with("logo.png", "x"),
        with("deploy/db.env", "DB_PASSWORD=[masked]\nDB_HOST=db2\n"),
        with("x", "a\u{2066}b"),
        untitled,
        of,
        lost,
    ] {
        lines.push(told(stage.before(&args).await));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    nothing would change: every proposed file stands in market/market-predictor exactly like this already
    the path "/etc/passwd" is absolute; it has to begin at the repository's root; right would be "deploy/payments.yaml"
    the path "deploy/../../x" holds an empty part, `.` or `..`; right would be "deploy/payments.yaml"
    the path ".git/config" reaches into git's own folder; right would be "deploy/payments.yaml"
    the path "dep\u{43b}oy/x" holds control, invisible or look-alike characters; right would be "deploy/payments.yaml"
    deploy cannot be changed: deploy is a folder
    README.md/x cannot be changed: README.md is a file, so nothing can stand below it
    current cannot be changed: current is a link; name the file that it leads to
    logo.png is no text; only text can be changed
    deploy/db.env would hold "[masked]" where a secret stands, which was only hidden from you; propose a file without secrets
    x, line 1: holds U+2066, which people would not see; leave it out
    title and reason have to say something: people decide by them
    the catalogue names no repository of gateway: set `repository` in [services.gateway]
    GitHub knows no repository market/lost, or the `token` in [github] may not see it
    "#);
    assert_eq!((stage.repository.pull_requests().len(), stage.own_branches().len()), (0, 0));
}

#[tokio::test]
async fn a_repository_that_cannot_be_written_is_told() {
    let mut lines = Vec::new();
    for new in [usual().archived(), usual().fork(), usual().read_only()] {
        let stage = Stage::of(new).await;
        lines.push(told(stage.before(&usual_call()).await));
    }
    let stage = Stage::of(usual().guarded()).await;
    let before = stage.before(&usual_call()).await.unwrap();
    lines.push(stage.apply(&usual_call(), &before).await.unwrap_err().to_string());
    assert_eq!(stage.happened(&usual_call(), &before).await, None);
    assert!(matches!(stage.undo(&usual_call(), &before).await, Ok(Undo::Nothing(_))));
    insta::assert_snapshot!(lines.join("\n"), @"
    no pull request can be opened in market/market-predictor: it is archived or switched off, and nothing in it can be changed
    no pull request can be opened in market/market-predictor: it is a fork; set the repository that it was made from in the catalogue
    no pull request can be opened in market/market-predictor: the `token` in [github] may not push there; it needs contents and pull requests to be writable
    the branch devops-agent/market-predictor-a7d52ccee80a cannot be made: GitHub says (422): Repository rule violations found Cannot create ref due to creations being restricted.
    ");
}

#[tokio::test]
async fn a_label_that_cannot_be_set_is_no_failure() {
    let stage = Stage::of(NewRepository::without_labels(usual())).await;
    let before = stage.before(&usual_call()).await.unwrap();
    let done = stage.apply(&usual_call(), &before).await.unwrap();
    assert!(done.contains("(without the label devops-agent: GitHub says (422)"), "{done}");
    assert!(passed(&stage.verify(&usual_call(), &before).await));
}
