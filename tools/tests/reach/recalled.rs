use std::sync::Arc;

use memory::{Collection, Ended, Memory, MemoryOptions, Origin, Place, Remedy, Remembered, ServerOptions};
use serde_json::{Value, json};
use tools::{Failure, SearchDocuments, SearchIncidents, SearchRunbooks, System, Tool};

use crate::clock;

fn args<T: Tool>(args: Value) -> T::Args {
    serde_json::from_value(args).unwrap()
}

async fn seen<T: Tool>(tool: &T, given: Value) -> (String, Value) {
    let seen = tool.run(&args::<T>(given)).await.unwrap();
    (seen.output.to_string(), serde_json::to_value(&seen.output).unwrap())
}

fn hung(incident: u64, helped: bool) -> Remembered {
    Remembered {
        incident,
        from: None,
        alert: "PaymentsDown".into(),
        service: Some("payments".into()),
        environment: None,
        at: format!("2026-11-{incident:02}T10:00:00Z").parse().unwrap(),
        symptoms: vec!["payments does not answer its health check; deadlock in pool".into()],
        cause: "a deadlock in the connection pool".into(),
        remedies: vec![Remedy {
            tool: "restart_container".into(),
            args: json!({"service": "payments", "reason": "it hangs"}),
            service: "payments".into(),
            helped: Some(helped),
        }],
        ended: if helped { Ended::Repaired } else { Ended::HandedOver },
        said: Vec::new(),
    }
}

async fn memory(folder: &std::path::Path) -> Arc<Memory> {
    let place = Place::Embedded { folder: folder.to_owned(), reserve: 0 };
    let memory = Memory::open(MemoryOptions::at(place), tools::clean).unwrap();
    for (incident, helped) in [(1, true), (2, true), (3, false), (4, true)] {
        memory.remember(&hung(incident, helped)).await.unwrap();
    }
    let text = |source: &str, text: &str| Origin::Text { source: source.into(), text: text.into() };
    let runbooks = [
        text(
            "runbooks/pool.md",
            "# Connection pool exhausted\n## Diagnosis\nCount the connections in use; password=hunter2hunter2.\n",
        ),
        text("runbooks/search.md", "---\ntitle: Connection pool of search\nservice: search\n---\nOnly for search.\n"),
    ];
    memory.index(Collection::Runbooks, &runbooks, &|_| {}).await.unwrap();
    Arc::new(memory)
}

#[tokio::test]
async fn past_incidents_tell_what_helped_and_runbooks_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let memory = memory(folder.path()).await;
    let incidents = SearchIncidents::new(Some(Arc::clone(&memory)), clock());
    let (text, data) =
        seen(&incidents, json!({"query": "PaymentsDown: payments does not answer, deadlock in pool"})).await;
    insta::assert_snapshot!(text, @r#"
    4 past incidents are like this; what was done then:
    - restart_container {"service":"{service}"}: helped 3 of 4 times, last on 2026-11-04 (#4, #3, #2, #1)
    #4 PaymentsDown of payments on 2026-11-04 (0.69 alike), repaired: a deadlock in the connection pool
    #3 PaymentsDown of payments on 2026-11-03 (0.69 alike), handed over: a deadlock in the connection pool
    #2 PaymentsDown of payments on 2026-11-02 (0.69 alike), repaired: a deadlock in the connection pool
    "#);
    assert_eq!(data["found"], 4);
    assert_eq!(
        (&data["top"]["tool"], &data["top"]["helped"], &data["top"]["tried"]),
        (&json!("restart_container"), &json!(3), &json!(4))
    );
    let runbooks = SearchRunbooks::new(Some(Arc::clone(&memory)));
    let (text, data) =
        seen(&runbooks, json!({"query": "the connection pool is exhausted", "service": "payments"})).await;
    insta::assert_snapshot!(text, @"
    1 of the runbooks are like this, most alike first:
    Connection pool exhausted (runbooks/pool.md, Diagnosis; 0.72 alike)
    Count the connections in use; password=[masked]
    ");
    assert_eq!((&data["found"], &data["top"]["source"]), (&json!(1), &json!("runbooks/pool.md")));
}

#[tokio::test]
async fn memory_says_that_it_knows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Some(memory(folder.path()).await);
    let unknown = json!({"query": "TLS certificate of the gateway expires in two days"});
    let (text, data) = seen(&SearchIncidents::new(memory.clone(), clock()), unknown.clone()).await;
    assert!(text.starts_with("Nothing in memory is like this"), "{text}");
    assert_eq!(data["found"], 0);
    assert!(
        seen(&SearchRunbooks::new(memory.clone()), unknown.clone())
            .await
            .0
            .starts_with("Nothing in memory is like this")
    );
    assert_eq!(seen(&SearchDocuments::new(memory.clone()), unknown).await.0, "Nothing in memory is like this.");
    let other = json!({"query": "PaymentsDown: payments does not answer, deadlock in pool", "service": "search"});
    assert_eq!(seen(&SearchIncidents::new(memory.clone(), clock()), other).await.1["found"], 0);
    let recent = json!({"query": "PaymentsDown: payments does not answer, deadlock in pool", "days_back": 21});
    assert_eq!(seen(&SearchIncidents::new(memory, clock()), recent).await.1["incidents"][0]["incident"], 4);
}

#[tokio::test]
async fn without_memory_with_no_words_or_with_a_server_that_is_down_a_call_says_so() {
    let query = || args::<SearchRunbooks>(json!({"query": "disk"}));
    let told = SearchRunbooks::new(None).run(&query()).await.unwrap_err();
    assert_eq!(told, Failure::Tell("memory is not configured ([memory] enabled)".into()));
    let folder = tempfile::tempdir().unwrap();
    let empty = SearchDocuments::new(Some(memory(folder.path()).await))
        .run(&args::<SearchDocuments>(json!({"query": " "})))
        .await;
    assert!(empty.unwrap_err().to_string().starts_with("`query` is empty"));
    let down = ServerOptions {
        url: "http://127.0.0.1:9".parse().unwrap(),
        api_key: "s3cret-key".to_owned().into(),
        prefix: "x".into(),
        timeout: std::time::Duration::from_secs(1),
        connect_timeout: std::time::Duration::from_secs(1),
    };
    let down = Memory::open(MemoryOptions::at(Place::Server(down)), tools::clean).unwrap();
    let told = SearchRunbooks::new(Some(Arc::new(down))).run(&query()).await.unwrap_err();
    let Failure::Unreachable { system: System::Memory, why, .. } = told else { panic!("{told:?}") };
    assert!(why.starts_with("Qdrant: ") && !why.contains("s3cret"), "{why}");
}
