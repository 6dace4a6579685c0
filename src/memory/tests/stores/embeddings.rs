use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt;
use memory::{Ask, Collection, EmbeddingOptions, Ended, MemoryError, MemoryOptions, Origin, Remembered};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::method};

use crate::{both, double::Double, embedded, index, open, text};

/// A model that knows two things: databases and networks.
struct Model {
    dimensions: usize,
}

impl Respond for Model {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        let inputs = body["input"].as_array().unwrap();
        let data: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| {
                let text = input.as_str().unwrap().to_lowercase();
                let about = |words: &[&str]| f32::from(words.iter().any(|word| text.contains(word)));
                let known = [about(&["database", "postgres", "replica"]), about(&["network", "dns", "resolve"])];
                let mut vector = vec![known[0], known[1], if known == [0.0, 0.0] { 1.0 } else { 0.0 }];
                vector.resize(self.dimensions, 0.0);
                json!({"index": index, "embedding": vector})
            })
            .rev()
            .collect();
        ResponseTemplate::new(200).set_body_json(json!({"data": data, "model": "m"}))
    }
}

/// Endpoint options whose pauses take no time and are written down.
fn options(url: &str, pauses: &Arc<Mutex<Vec<Duration>>>) -> EmbeddingOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pauses = Arc::clone(pauses);
    EmbeddingOptions {
        client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        base_url: format!("{url}/v1").parse().unwrap(),
        api_key: "s3cret-key".into(),
        model: "m".into(),
        timeout: Duration::from_millis(400),
        retries: 2,
        longest_wait: Duration::from_secs(30),
        answer_max: 64 * 1024,
        pause: Arc::new(move |pause| {
            pauses.lock().unwrap().push(pause);
            async {}.boxed()
        }),
        now: Arc::new(|| "2026-11-24T13:38:20Z".parse().unwrap()),
    }
}

async fn model(dimensions: usize) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(Model { dimensions }).mount(&server).await;
    server
}

fn documents() -> Vec<Origin> {
    vec![
        text("a.md", "# Postgres replica\nThe replica lags; password hunter2."),
        text("b.md", "# DNS\nNames do not resolve."),
        text("c.md", "# Coffee\nThe machine is empty."),
    ]
}

fn incident(number: u64, cause: &str) -> Remembered {
    Remembered {
        incident: number,
        alert: "Late".into(),
        service: Some("payments".into()),
        environment: None,
        at: "2026-11-24T13:38:20Z".parse().unwrap(),
        symptoms: Vec::new(),
        cause: cause.into(),
        remedies: Vec::new(),
        ended: Ended::HandedOver,
        said: Vec::new(),
    }
}

async fn sources(memory: &memory::Memory, text: &str) -> (Vec<String>, Vec<String>) {
    let found =
        memory.search(Collection::Documents, &Ask { text: text.into(), limit: 3, ..Ask::default() }).await.unwrap();
    (found.hits.into_iter().map(|hit| hit.source).collect(), found.notes)
}

#[tokio::test]
async fn meaning_finds_what_shares_no_word_in_both_stores_and_no_secret_leaves() {
    let server = model(8).await;
    for place in both_places().await {
        let memory = open(MemoryOptions { embeddings: Some(options(&server.uri(), &Arc::default())), ..place.0 });
        index(&memory, Collection::Documents, &documents()).await;
        assert_eq!(sources(&memory, "the database is behind hunter2").await, (vec!["a.md".to_owned()], vec![]));
        assert_eq!(sources(&memory, "network trouble").await.0, ["b.md"]);
        assert_eq!(sources(&memory, "quarterly budget").await.0, ["c.md"], "the one that is about neither");
    }
    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.url.path(), "/v1/embeddings");
        assert_eq!(request.headers["authorization"], "Bearer s3cret-key");
        assert!(!String::from_utf8_lossy(&request.body).contains("hunter2"));
    }
}

async fn both_places() -> Vec<(MemoryOptions, Box<dyn std::any::Any>)> {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::start().await;
    let server = MemoryOptions::at(memory::Place::Server(double.options()));
    vec![(embedded(folder.path()), Box::new(folder) as Box<dyn std::any::Any>), (server, Box::new(double))]
}

#[tokio::test]
async fn another_model_makes_the_index_anew_and_until_then_words_are_compared() {
    let (small, large) = (model(4).await, model(16).await);
    let folder = tempfile::tempdir().unwrap();
    let without = open(embedded(folder.path()));
    index(&without, Collection::Documents, &documents()).await;
    drop(without);
    let with = |url: &str, name: &str| {
        let embeddings = EmbeddingOptions { model: name.into(), ..options(url, &Arc::default()) };
        open(MemoryOptions { embeddings: Some(embeddings), ..embedded(folder.path()) })
    };
    let first = with(&small.uri(), "small");
    let (found, notes) = sources(&first, "postgres replica").await;
    assert!(found == ["a.md"] && notes[0].contains("made with other settings"), "{notes:?}");
    assert_eq!(index(&first, Collection::Documents, &documents()).await.written, 0);
    assert_eq!(sources(&first, "the database is behind").await, (vec!["a.md".to_owned()], vec![]));
    drop(first);
    let second = with(&large.uri(), "large");
    index(&second, Collection::Documents, &documents()).await;
    assert_eq!(sources(&second, "the database is behind").await, (vec!["a.md".to_owned()], vec![]));
    drop(second);
    // The model behind the same name has changed.
    let changed = with(&small.uri(), "large");
    let refused = changed.index(Collection::Documents, &[text("n.md", "# New\nwords")], &|_| {}).await.unwrap_err();
    assert!(matches!(refused, MemoryError::Dimensions { found: 4, expected: 16 }), "{refused}");
}

#[tokio::test]
async fn another_model_makes_the_index_of_incidents_anew_though_none_has_changed() {
    let server = model(4).await;
    let past = [incident(1, "the postgres replica lags")];
    for place in both_places().await {
        let without = open(place.0.clone());
        assert_eq!(without.follow(&past, &[]).await.unwrap(), (1, 0));
        drop(without);
        let with = open(MemoryOptions { embeddings: Some(options(&server.uri(), &Arc::default())), ..place.0 });
        let ask = Ask { text: "the database is behind".into(), limit: 3, ..Ask::default() };
        assert!(with.recall(&ask).await.unwrap().notes[0].contains("`devops-agent memory index` makes it anew"));
        assert_eq!(with.follow(&past, &[]).await.unwrap(), (0, 0), "no text is read again");
        let recalled = with.recall(&ask).await.unwrap();
        assert_eq!((recalled.past.len(), recalled.notes), (1, vec![]), "found by its meaning");
    }
}

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
async fn an_endpoint_that_is_gone_leaves_the_words() {
    let server = model(4).await;
    let folder = tempfile::tempdir().unwrap();
    let options = options(&server.uri(), &Arc::default());
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
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_asked() {
    for (_alive, _, memory) in both().await {
        index(&memory, Collection::Documents, &documents()).await;
        assert_eq!(sources(&memory, "the database is behind").await.0, Vec::<String>::new());
    }
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
