//! GitHub's client: what is a limit, what is a no, and who can act on it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tools::{
    Catalogue, Failure, Origin, ReadFile, Registry, SearchCode, Service, SharedCatalogue, Walk,
    reach::{Contents, GitHub, NewPullRequest, RepositoryName},
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, method, path, query_param},
};

use crate::clock;

fn github(url: &str) -> GitHub {
    let _ = rustls::crypto::ring::default_provider().install_default();
    GitHub::new(url, Some("t0ken-s3cret".to_owned().into()), Duration::from_millis(400), clock()).unwrap()
}

fn name() -> RepositoryName {
    RepositoryName::parse("team/payments").unwrap()
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// What a look and a change say to one and the same answer.
async fn told(answer: ResponseTemplate) -> Vec<Failure> {
    let server = server(answer).await;
    let (github, name) = (github(&server.uri()), name());
    vec![
        github.contents(&name, "a", None).await.unwrap_err(),
        github.create_commit(&name, "m", "t", "p").await.unwrap_err(),
    ]
}

fn said(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({ "message": message, "documentation_url": "https://docs.github.com/rest" }))
}

#[tokio::test]
async fn a_limit_is_waited_for_and_a_no_is_told() {
    let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let spent = |status: u16| {
        let now = clock().now().timestamp();
        said(status, "API rate limit exceeded")
            .insert_header("x-ratelimit-remaining", "0")
            .insert_header("x-ratelimit-reset", (now + 120).to_string())
    };
    let validation = ResponseTemplate::new(422).set_body_json(json!({
        "message": "Validation Failed",
        "errors": [{ "resource": "PullRequest", "field": "base", "code": "invalid" }, "and this", { "message": "and that" }],
    }));
    let cases = [
        ("secondary limit with Retry-After", said(403, secondary).insert_header("retry-after", "30")),
        ("secondary limit without", said(403, secondary)),
        ("primary limit as 403", spent(403)),
        ("primary limit as 429", spent(429)),
        ("429 until a date", said(429, "slow").insert_header("retry-after", "Tue, 24 Nov 2026 13:38:50 GMT")),
        ("429 without a time", said(429, "slow")),
        ("503 with Retry-After", said(503, "maintenance").insert_header("retry-after", "5")),
        ("403", said(403, "Resource not accessible by personal access token")),
        ("401", said(401, "Bad credentials")),
        ("409", said(409, "Git Repository is empty.")),
        ("422", validation),
        ("410", said(410, "Issues are disabled for this repo")),
        ("301", said(301, "Moved Permanently").insert_header("location", "http://127.0.0.1:9/elsewhere")),
        ("307", ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:9/elsewhere")),
        ("500 in HTML", ResponseTemplate::new(500).set_body_string("<html>\u{1b}[31mUnicorn!")),
        ("200 in HTML", ResponseTemplate::new(200).set_body_string("<html>")),
        ("another form", ResponseTemplate::new(200).set_body_json(json!({ "type": 7 }))),
        (
            "no base64",
            ResponseTemplate::new(200).set_body_json(json!({ "type": "file", "encoding": "base64", "content": "*" })),
        ),
        ("slow", ResponseTemplate::new(200).set_delay(Duration::from_secs(5))),
    ];
    let mut lines = Vec::new();
    for (case, answer) in cases {
        let failures = told(answer).await;
        let line = |failure: &Failure| match failure {
            Failure::Tell(text) => format!("told: {text}"),
            Failure::Unreachable { why, retry_after, .. } => format!("unreachable: {why} {retry_after:?}"),
        };
        assert!(failures.iter().all(|failure| !line(failure).contains("s3cret")));
        let same = line(&failures[0]) == line(&failures[1]);
        let shown: Vec<_> = failures.iter().take(if same { 1 } else { 2 }).map(line).collect();
        lines.push(format!("{case}: {}", shown.join(" | ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    secondary limit with Retry-After: unreachable: answers 403 Forbidden: You have exceeded a secondary rate limit. Please wait a few minutes before you try again. Some(30s)
    secondary limit without: unreachable: answers 403 Forbidden: You have exceeded a secondary rate limit. Please wait a few minutes before you try again. Some(60s)
    primary limit as 403: unreachable: answers 403 Forbidden: API rate limit exceeded Some(120s)
    primary limit as 429: unreachable: answers 429 Too Many Requests: API rate limit exceeded Some(120s)
    429 until a date: unreachable: answers 429 Too Many Requests: slow Some(72030s)
    429 without a time: unreachable: answers 429 Too Many Requests: slow Some(60s)
    503 with Retry-After: unreachable: answers 503 Service Unavailable: maintenance Some(5s)
    403: told: GitHub says (403): Resource not accessible by personal access token; the `token` in [github] lacks the permission, or a rule of the repository forbids it
    401: unreachable: answers 401 Unauthorized: Bad credentials; the `token` in [github] is wrong or has expired None
    409: told: GitHub says (409): Git Repository is empty.
    422: told: GitHub says (422): Validation Failed; base invalid; and this; and that
    410: told: GitHub says (410): Issues are disabled for this repo
    301: told: GitHub says (301 Moved Permanently) that this has moved; set the repository's present name in the catalogue
    307: told: GitHub says (307 Temporary Redirect) that this has moved; set the repository's present name in the catalogue
    500 in HTML: unreachable: answers 500 Internal Server Error: <html>Unicorn! None
    200 in HTML: unreachable: answers what is not the JSON expected: expected value at line 1 column 1 None
    another form: unreachable: answers what is not the JSON expected: data did not match any variant of untagged enum OneOrMore None | unreachable: answers what is not the JSON expected: missing field `sha` at line 1 column 10 None
    no base64: unreachable: sends content that is no base64: Invalid symbol 42, offset 0. None | unreachable: answers what is not the JSON expected: missing field `sha` at line 1 column 49 None
    slow: unreachable: no answer within 400 ms None
    ");
}

#[tokio::test]
async fn a_no_that_is_understood_is_no_failure() {
    let name = name();
    let missing = server(said(404, "Not Found")).await;
    let github_of = |server: &MockServer| github(&server.uri());
    assert_eq!(github_of(&missing).contents(&name, "a", None).await, Ok(None));
    assert_eq!(github_of(&missing).reference(&name, "heads/x").await, Ok(None));
    assert_eq!(github_of(&missing).holds(&name, "main", "ab").await, Ok(false));
    let told = github_of(&missing).repository(&name).await.unwrap_err().to_string();
    assert_eq!(told, "GitHub knows no repository team/payments, or the `token` in [github] may not see it");
    let there = server(said(422, "Reference already exists")).await;
    assert_eq!(github_of(&there).create_branch(&name, "x", "ab").await, Ok(false));
    let gone = server(said(422, "Reference does not exist")).await;
    assert_eq!(github_of(&gone).delete_branch(&name, "x").await, Ok(()));
    let twice = ResponseTemplate::new(422).set_body_json(json!({
        "message": "Validation Failed",
        "errors": [{ "resource": "PullRequest", "code": "custom", "message": "A pull request already exists for team:x." }],
    }));
    let twice = server(twice).await;
    let new = NewPullRequest { title: "t", body: "b", head: "x", base: "main" };
    assert_eq!(github_of(&twice).open_pull_request(&name, &new).await, Ok(None));
}

#[tokio::test]
async fn requests_are_what_github_expects() {
    let server = MockServer::start().await;
    let file =
        json!({ "type": "file", "name": "a b.txt", "size": 3, "sha": "ab", "encoding": "base64", "content": "YWJj\n" });
    Mock::given(method("GET"))
        .and(path("/api/v3/repos/team/payments/contents/d/a%20b%23.txt"))
        .and(query_param("ref", "feature/x"))
        .and(header("authorization", "Bearer t0ken-s3cret"))
        .and(header("accept", "application/vnd.github+json"))
        .and(header("x-github-api-version", "2022-11-28"))
        .respond_with(ResponseTemplate::new(200).set_body_json(file))
        .expect(1)
        .mount(&server)
        .await;
    // GitHub Enterprise Server has its API below a path.
    let github = github(&format!("{}/api/v3/", server.uri()));
    let read = github.contents(&name(), "d/a b#.txt", Some("feature/x")).await.unwrap();
    assert_eq!(read, Some(Contents::File { bytes: Some(b"abc".to_vec()), size: 3, sha: "ab".into() }));
}

#[tokio::test]
async fn what_cannot_be_a_client_is_refused_at_once() {
    let refused = |base: &str, token: &str| {
        GitHub::new(base, Some(token.to_owned().into()), Duration::from_secs(1), clock()).err().unwrap().to_string()
    };
    for base in ["api.github.com", "ftp://x", "", "https://user:s3cret@api.github.com"] {
        let told = refused(base, "t");
        assert!(
            told.contains("right would be \"https://api.github.com\"") && !told.contains("s3cret"),
            "{base}: {told}"
        );
    }
    for token in ["s3cret\n", "s3 cret", "s3crét"] {
        let told = refused("https://api.github.com", token);
        assert_eq!(told, "GitHub: the token holds blanks or other characters that no token has");
    }
}

/// The looking tools over one server, for a service with a repository.
fn registry(url: &str) -> Registry {
    let github = Some(Arc::new(github(url)));
    let payments = Service { repository: Some("team/payments".into()), ..Service::named("payments", Origin::Settings) };
    let catalogue = SharedCatalogue::new(Catalogue::new([payments]));
    Registry::new().0.look(SearchCode::new(github.clone(), catalogue.clone())).look(ReadFile::new(github, catalogue))
}

#[tokio::test]
async fn nothing_of_another_repository_is_told_whatever_github_finds() {
    let item = |repository: &str, path: &str| {
        json!({
            "path": path,
            "repository": { "full_name": repository },
            "text_matches": [{ "fragment": "a\u{202e}b\npassword=abc123\n\n" }],
        })
    };
    let found = json!({ "total_count": 40, "items": [item("evil/x", "theirs"), item("Team/Payments", "ours")] });
    let server = server(ResponseTemplate::new(200).set_body_json(found)).await;
    let answer =
        registry(&server.uri()).run("search_code", &json!({ "service": "payments", "query": "x" })).await.unwrap();
    insta::assert_snapshot!(answer.text, @"
    39 files of team/payments hold it
    ours
      | ab
      | password=[masked]
    [38 more files are left out; narrow the query down]
    ");
    assert!(!answer.raw.to_string().contains("theirs"));
}

#[tokio::test]
async fn a_file_too_large_to_be_sent_is_told() {
    let large =
        json!({ "type": "file", "name": "a", "size": 2_000_000, "sha": "ab", "encoding": "none", "content": "" });
    let server = server(ResponseTemplate::new(200).set_body_json(large)).await;
    let told =
        registry(&server.uri()).run("read_file", &json!({ "service": "payments", "path": "a" })).await.unwrap_err();
    assert_eq!(told.to_string(), "\"a\" in team/payments has 2000000 bytes, which GitHub does not send");
}

#[tokio::test]
async fn a_folder_that_github_does_not_list_whole_is_not_taken_for_one_without_what_is_sought() {
    let listed = |truncated: bool| {
        let entries =
            json!([{ "path": "docs", "mode": "040000", "sha": "cd" }, { "path": "a", "mode": "100644", "sha": "ef" }]);
        ResponseTemplate::new(200).set_body_json(json!({ "sha": "ab", "tree": entries, "truncated": truncated }))
    };
    let found = async |truncated: bool, path: &str| {
        let server = server(listed(truncated)).await;
        let (github, name) = (github(&server.uri()), name());
        Walk::new(&github, &name).folder("ab", path).await
    };
    assert_eq!(found(false, "docs").await, Ok(Some("cd".to_owned())));
    assert_eq!(found(false, "").await, Ok(Some("ab".to_owned())));
    assert_eq!((found(false, "a").await, found(false, "gone").await), (Ok(None), Ok(None)), "a file is no folder");
    assert!(
        matches!(found(true, "gone").await, Err(Failure::Tell(why)) if why.contains("too large for GitHub to list"))
    );
}

#[tokio::test]
async fn what_a_model_is_told_of_the_tools() {
    let registry = registry("http://127.0.0.1:9");
    let told: Vec<_> = registry.specs().map(|spec| format!("{} {}", spec.name, spec.description)).collect();
    insta::assert_snapshot!(told.join("\n\n"), @"
    read_file Reads a file of the service's repository, with line numbers; of a folder, what it holds. Secrets are masked.

    search_code Searches the default branch of the service's repository. Words are joined by AND; `path:`, `filename:`, `extension:` and
    `language:` narrow it down; a phrase stands in quotes.
    ");
    for spec in registry.specs() {
        assert!(registry.check(&spec.name, &spec.example).is_ok(), "{}", spec.name);
        assert!(spec.schema["properties"].get("repository").is_none(), "a model names no repository");
    }
}
