//! What becomes of memory when the embeddings endpoint fails.

use std::{sync::Arc, time::Duration};

use memory::{Ask, Collection, EmbeddingOptions, Forget, MemoryOptions, Origin};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

use crate::{
    embedded,
    embeddings::{Model, both_places, documents, incident, model, options, sources},
    incidents::holds,
    index, open, text,
};

/// What takes longer waits for the endpoint to the end.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_endpoint_that_fails_is_asked_again_or_told_and_words_still_work() {
    let limited =
        |value: &str| ResponseTemplate::new(429).insert_header("retry-after", value).set_body_string("slow down");
    let good = json!({"data": [{"index": 0, "embedding": [1.0, 0.0]}]});
    let answer = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    let cases = [
        ("500", ResponseTemplate::new(500).set_body_string("boom s3cret-key \u{1b}[31m")),
        ("401", ResponseTemplate::new(401).set_body_string("no")),
        ("429 in seconds", limited("7")),
        ("429 until a date", limited("Tue, 24 Nov 2026 13:38:50 GMT")),
        ("429 too long", limited("3600")),
        ("redirect", ResponseTemplate::new(302).insert_header("location", "http://elsewhere/")),
        ("malformed", ResponseTemplate::new(200).set_body_string("<html>")),
        ("another form", answer(json!({"data": "x"}))),
        ("too few", answer(json!({"data": []}))),
        ("wrong index", answer(json!({"data": [{"index": 5, "embedding": [1.0]}]}))),
        ("empty vector", answer(json!({"data": [{"index": 0, "embedding": []}]}))),
        ("slow", answer(good.clone()).set_delay(Duration::from_secs(5))),
        ("huge", ResponseTemplate::new(200).set_body_bytes(vec![b' '; 1 << 20])),
    ];
    let mut lines = Vec::new();
    for (name, template) in cases {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(template).mount(&server).await;
        let pauses = Arc::default();
        let folder = tempfile::tempdir().unwrap();
        let memory =
            open(MemoryOptions { embeddings: Some(options(&server.uri(), &pauses)), ..embedded(folder.path()) });
        let told = memory.index(Collection::Documents, &documents(), &|_| {}).await.unwrap_err().to_string();
        assert!(!told.contains("s3cret"), "{told}");
        lines.push(format!("{name}: {told} after {:?}", pauses.lock().unwrap()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    500: the embeddings endpoint could not be reached: 500 Internal Server Error: boom [secret] [31m after [500ms, 1s]
    401: the embeddings endpoint says: 401 Unauthorized: no after []
    429 in seconds: the embeddings endpoint could not be reached: 429 Too Many Requests: slow down after [7s, 7s]
    429 until a date: the embeddings endpoint could not be reached: 429 Too Many Requests: slow down after [30s, 30s]
    429 too long: the embeddings endpoint could not be reached: 429 Too Many Requests: slow down after []
    redirect: the embeddings endpoint says: 302 Found:  after []
    malformed: the embeddings endpoint could not be reached: answers what is not the JSON expected: expected value at line 1 column 1 after [500ms, 1s]
    another form: the embeddings endpoint could not be reached: answers what is not the JSON expected: invalid type: string "x", expected a sequence at line 1 column 11 after [500ms, 1s]
    too few: the embeddings endpoint says: 0 vectors came for 1 texts after []
    wrong index: the embeddings endpoint says: 1 vectors came for 1 texts after []
    empty vector: the embeddings endpoint says: the vectors have no common length, or one out of bounds after []
    slow: the embeddings endpoint could not be reached: no answer within 400 ms after [500ms, 1s]
    huge: the embeddings endpoint says: the answer is larger than 65536 bytes after []
    "#);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_leaves_the_words_and_a_search_asks_it_once() {
    let server = model(4).await;
    let (folder, pauses) = (tempfile::tempdir().unwrap(), Arc::default());
    let options = options(&server.uri(), &pauses);
    let memory = open(MemoryOptions { embeddings: Some(options), ..embedded(folder.path()) });
    index(&memory, Collection::Documents, &documents()).await;
    server.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let (found, notes) = sources(&memory, "postgres replica").await;
    assert_eq!(found, ["a.md"]);
    assert!(
        notes[0].starts_with("only words were compared: the embeddings endpoint could not be reached"),
        "{notes:?}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(*pauses.lock().unwrap(), []);
}

#[tokio::test]
async fn a_search_does_not_wait_for_an_endpoint_as_long_as_indexing_does() {
    let server = model(4).await;
    let folder = tempfile::tempdir().unwrap();
    let hour = Duration::from_secs(3_600);
    let options = EmbeddingOptions { timeout: hour, ..options(&server.uri(), &Arc::default()) };
    let memory = open(MemoryOptions { embeddings: Some(options), ..embedded(folder.path()) });
    index(&memory, Collection::Documents, &documents()).await;
    server.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200).set_delay(hour)).mount(&server).await;
    let (found, notes) = tokio::time::timeout(PATIENCE, sources(&memory, "postgres replica")).await.unwrap();
    assert!(found == ["a.md"] && notes[0].contains("no answer within 500 ms"), "{found:?} {notes:?}");
}

/// Turns down every request with the word `unspeakable` in it.
struct Choosy;

impl Respond for Choosy {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if String::from_utf8_lossy(&request.body).contains("unspeakable") {
            return ResponseTemplate::new(400).set_body_string("no");
        }
        Model { dimensions: 4 }.respond(request)
    }
}

/// A document of so many sections, the last of which says this.
fn versioned(source: &str, sections: usize, last: &str) -> Origin {
    let headings: String = (1..sections).map(|number| format!("## Part {number}\nwords\n")).collect();
    let text = Some(format!("# Long\n{headings}## End\n{last}\n"));
    Origin::Versioned { source: source.to_owned(), version: format!("version of {source}"), text }
}

#[tokio::test]
async fn a_document_is_written_as_a_whole_or_not_at_all() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(Choosy).mount(&server).await;
    let cases = [
        (vec![versioned("a.md", 250, "words"), versioned("b.md", 12, "unspeakable")], vec!["a.md"]),
        (vec![versioned("c.md", 300, "unspeakable")], vec![]),
    ];
    for (documents, whole) in cases {
        for place in both_places().await {
            let memory = open(MemoryOptions { embeddings: Some(options(&server.uri(), &Arc::default())), ..place.0 });
            memory.index(Collection::Documents, &documents, &|_| {}).await.unwrap_err();
            let versions = memory.versions(Collection::Documents).await.unwrap();
            assert_eq!(versions.keys().collect::<Vec<_>>(), whole);
        }
    }
}

#[tokio::test]
async fn what_is_to_go_goes_though_the_index_is_out_of_date_and_the_key_is_wrong() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    for place in both_places().await {
        let without = open(place.0.clone());
        let past = [incident(1, "the zanzibar split"), incident(2, "the okapi fell"), incident(3, "the zebra ran")];
        without.follow(&past, &[]).await.unwrap();
        let texts = [text("d.md", "---\nservice: payments\n---\n# Payments\nThe flamingo pool.")];
        index(&without, Collection::Documents, &texts).await;
        drop(without);
        let with = open(MemoryOptions { embeddings: Some(options(&server.uri(), &Arc::default())), ..place.0 });
        let told = with.follow(&[], &[1]).await.unwrap_err().to_string();
        assert!(told.contains("401"), "what is to come waits: {told}");
        assert_eq!(with.forget(&Forget::Incident(2)).await.unwrap(), 1);
        let ask =
            Ask { text: "late: the zanzibar split, the okapi fell, the zebra ran".into(), limit: 3, ..Ask::default() };
        let left: Vec<_> = with.recall(&ask).await.unwrap().past.iter().map(|past| past.remembered.incident).collect();
        assert_eq!(left, [3]);
        assert_eq!(with.forget(&Forget::Service("payments".into())).await.unwrap(), 2);
        if let Some(folder) = place.1.downcast_ref::<TempDir>() {
            for text in ["zanzibar", "okapi", "zebra", "flamingo"] {
                assert!(!holds(folder.path(), text), "{text}");
            }
        }
    }
}
