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
pub(crate) struct Model {
    pub(crate) dimensions: usize,
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
pub(crate) fn options(url: &str, pauses: &Arc<Mutex<Vec<Duration>>>) -> EmbeddingOptions {
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

pub(crate) async fn model(dimensions: usize) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(Model { dimensions }).mount(&server).await;
    server
}

pub(crate) fn documents() -> Vec<Origin> {
    vec![
        text("a.md", "# Postgres replica\nThe replica lags; password hunter2."),
        text("b.md", "# DNS\nNames do not resolve."),
        text("c.md", "# Coffee\nThe machine is empty."),
    ]
}

pub(crate) fn incident(number: u64, cause: &str) -> Remembered {
    Remembered {
        incident: number,
        from: None,
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

pub(crate) async fn sources(memory: &memory::Memory, text: &str) -> (Vec<String>, Vec<String>) {
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

pub(crate) async fn both_places() -> Vec<(MemoryOptions, Box<dyn std::any::Any>)> {
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
async fn without_an_endpoint_nothing_is_asked() {
    for (_alive, _, memory) in both().await {
        index(&memory, Collection::Documents, &documents()).await;
        assert_eq!(sources(&memory, "the database is behind").await.0, Vec::<String>::new());
    }
}
