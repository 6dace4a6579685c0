//! Memory at the door of the running program: what it keeps of incidents, documents and runbooks, and what it lets go of.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Json, Router, http::StatusCode, routing::post};
use devops_agent::{
    guard::Policy,
    incident::{Event, Outcome, ServiceMatch, Source},
};
use evals::{Case, Fault, Part, World};
use serde_json::{Value, json};

use crate::{
    house::{House, PATIENCE, done},
    stage::{Server, serve},
};

const SECRET: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";

fn incidents_like(text: &str) -> String {
    format!("/memory/search?collection=incidents&text={}", text.replace(' ', "%20"))
}

fn has(told: &Value, source: &str) -> bool {
    told["hits"].as_array().is_some_and(|hits| hits.iter().any(|hit| hit["source"] == source))
}

fn points(told: &Value, collection: &str) -> u64 {
    let mut of_it = told["collections"].as_array().unwrap().iter().filter(|of| of["collection"] == collection);
    of_it.next().unwrap()["points"].as_u64().unwrap()
}

/// A policy that keeps nothing of a service.
fn forgetting(service: &str) -> String {
    format!(
        "version = 1\nautonomy = \"act\"\n[[rules]]\nname = \"quiet\"\nbecause = \"x\"\nservice = \"{service}\"\n\
         remember = false\nexamples = [{{ service = \"{service}\" }}]\n"
    )
}

const STALLED: &str = "quotes stall in the matching engine";

#[tokio::test]
async fn a_closed_incident_is_found_at_both_doors_and_neither_secrets_nor_what_the_policy_hides_are_kept() {
    let house = House::new("[guard]\npolicy = \"policy.toml\"\n");
    house.write("policy.toml", forgetting("vault"));
    let agent = house.serve();
    agent.over("vault", "SealBroken", "the seal of zanzibar is broken").await;
    agent.over("api", "QuotesStalled", &format!("{STALLED}, token {SECRET}")).await;
    let told = agent.until(&incidents_like(STALLED), |told| has(told, "incident 2")).await;
    let text = told["hits"][0]["text"].as_str().unwrap();
    assert!(text.contains("[masked]") && !text.contains(SECRET), "{told}");
    let (_, told) = agent.get(&incidents_like("the seal of zanzibar is broken")).await;
    assert!(!has(&told, "incident 1"), "{told}");
    let figures = agent.until("/memory", |told| points(told, "runbooks") > 0).await;
    assert_eq!((points(&figures, "incidents"), points(&figures, "documents")), (1, 0), "{figures}");
    assert!(figures["place"].as_str().unwrap().contains("kept"), "{figures}");

    // The store is the server's alone; what needs none goes on beside it.
    for arguments in [&["memory", "index"][..], &["memory", "search", "incidents", "quotes"], &["memory", "stats"]] {
        let (code, told, complained) = house.run(arguments);
        assert!(code == Some(4) && told.is_empty(), "{arguments:?}: {code:?} {told}");
        for part in ["kept is open in another process", "stop that one, ask it over HTTP", "[memory] url"] {
            assert!(complained.contains(part), "{arguments:?}: {complained}");
        }
    }
    let (code, told, complained) = house.run(&["runbooks", "lint"]);
    assert!(code == Some(0) && told.contains("0 findings"), "{told}{complained}");
    let (_, told, complained) = house.run(&["doctor"]);
    assert!(told.contains("the journal is in use by a running devops-agent"), "{told}{complained}");
    agent.stop();

    let (code, told, _) = house.run(&["memory", "search", "incidents", STALLED]);
    assert!(code == Some(0) && told.contains("incident 2  QuotesStalled"), "{told}");
    let (_, told, _) = house.run(&["memory", "stats", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), figures, "both doors say the same");
    let (_, told, _) = house.run(&["memory", "stats"]);
    assert!(told.lines().any(|line| line.starts_with("incidents") && line.contains(" 1 ")), "{told}");
    let (_, told, _) = house.run(&["memory", "index"]);
    assert!(told.contains("incidents: 0 written, 0 removed"), "{told}");
    assert!(house.keeps(STALLED), "the files can be looked through");
    for gone in [SECRET, "zanzibar", "SealBroken"] {
        assert!(!house.keeps(gone), "{gone} is on the disk");
    }
}

#[tokio::test]
async fn what_people_say_is_found_and_what_they_want_forgotten_is_gone_for_good() {
    let house = House::new("");
    let agent = house.serve();
    agent.over("api", "QuotesStalled", STALLED).await;
    agent.over("broker", "BrokerLate", "messages wait in the queue for minutes").await;
    agent.until("/memory", |told| points(told, "incidents") == 2).await;
    let cause = "the certificate of the upstream exchange had expired";
    agent.post("/incidents/1/feedback", &json!({ "word": "wrong", "cause": cause })).await;
    let corrected = |told: &Value| told["hits"][0]["text"].as_str().is_some_and(|text| text.ends_with(cause));
    let told = agent.until(&incidents_like(cause), corrected).await;
    assert!(has(&told, "incident 1"), "{told}");

    agent.post("/incidents/1/forget", &json!({ "because": "a drill" })).await;
    let mut forget = house.command(&["incidents", "forget", "2"]);
    let (code, told, complained) = done(forget.env("DEVOPS_AGENT__HTTP__LISTEN", &agent.address));
    assert!(code == Some(0) && told.contains("incident 2 is forgotten"), "{told}{complained}");
    agent.until("/memory", |told| points(told, "incidents") == 0).await;
    for text in [cause, STALLED, "messages wait in the queue for minutes"] {
        let (_, told) = agent.get(&incidents_like(text)).await;
        assert_eq!(told["hits"], json!([]), "{text}");
    }
    agent.stop();
    for gone in [cause, STALLED, "messages wait in the queue"] {
        assert!(!house.keeps(gone), "{gone} is on the disk");
    }

    // The journal keeps them; memory is brought in step with it again, and does not take them up.
    let agent = house.serve();
    agent.over("vault", "SealWeak", "the seal is weak").await;
    agent.until(&incidents_like("the seal is weak"), |told| has(told, "incident 3")).await;
    assert_eq!(points(&agent.get("/memory").await.1, "incidents"), 1);
    let (_, told) = agent.get(&incidents_like(cause)).await;
    assert_eq!(told["hits"], json!([]), "{told}");
    agent.stop();
    let (_, told, _) = house.run(&["memory", "index"]);
    assert!(told.contains("incidents: 0 written, 0 removed"), "{told}");
}

#[tokio::test]
async fn an_incident_that_the_policy_hides_from_now_on_goes_at_once() {
    let house = House::new("every = \"1h\"\n[guard]\npolicy = \"policy.toml\"\n");
    house.write("policy.toml", "version = 1\nautonomy = \"act\"\n");
    let agent = house.serve();
    agent.over("api", "QuotesStalled", STALLED).await;
    agent.over("broker", "BrokerLate", "messages wait in the queue before the zanzibar vault").await;
    agent.until("/memory", |told| points(told, "incidents") == 2).await;
    house.write("policy.toml", forgetting("api"));
    agent.post("/policy/reload", &json!({})).await;
    agent.until("/memory", |told| points(told, "incidents") == 1).await;
    let (_, told) = agent.get(&incidents_like(STALLED)).await;
    assert_eq!(told["hits"], json!([]), "{told}");
    // And back: memory is an index of the journal, which has it.
    house.write("policy.toml", "version = 1\nautonomy = \"act\"\n");
    agent.signal("HUP");
    agent.until(&incidents_like(STALLED), |told| has(told, "incident 1")).await;
    house.write("policy.toml", forgetting("api"));
    agent.signal("HUP");
    agent.until("/memory", |told| points(told, "incidents") == 1).await;
    agent.stop();
    assert!(!house.keeps(STALLED) && house.keeps("messages wait in the queue"));

    // What another service's incident says of it goes as well.
    assert!(house.keeps("before the zanzibar vault"));
    house.write("policy.toml", forgetting("vault"));
    let (code, told, _) = house.run(&["memory", "index"]);
    assert!(code == Some(0) && told.contains("incidents: 2 written, 0 removed"), "{told}");
    assert!(!house.keeps("zanzibar"));
}

fn runbook(title: &str, prose: &str) -> String {
    format!(
        "---\ntitle: {title}\nmatch: [{{ alertname: A }}]\nconclude: [{{ summary: a, cause: b }}]\n---\n\n{prose}\n"
    )
}

#[tokio::test]
async fn runbooks_that_are_read_again_are_found_at_once() {
    let house = House::new("every = \"1h\"\n[runbooks]\nfolder = \"runbooks\"\n");
    house.write("runbooks/first.md", runbook("Drain the broker", "Drain the broker before it is stopped."));
    let agent = house.serve();
    let like = |text: &str| format!("/memory/search?collection=runbooks&text={}", text.replace(' ', "%20"));
    let (drain, turn) = (like("drain the broker"), like("turn the turbine"));
    agent.until(&drain, |told| has(told, "runbooks/first.md")).await;
    house.write("runbooks/second.md", runbook("Turn the turbine", "Turn the turbine by hand."));
    let mut reload = house.command(&["runbooks", "reload"]);
    let (code, told, _) = done(reload.env("DEVOPS_AGENT__HTTP__LISTEN", &agent.address));
    assert!(code == Some(0) && told.contains("2 runbooks hold"), "{told}");
    agent.until(&turn, |told| has(told, "runbooks/second.md")).await;
    std::fs::remove_file(house.path("runbooks/first.md")).unwrap();
    agent.signal("HUP");
    agent.until(&drain, |told| told["hits"] == json!([])).await;
    agent.stop();
}

/// The same where nobody watches the folder: the answer to the request is what sets it off.
#[tokio::test]
async fn a_reload_over_http_has_the_runbooks_indexed_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("first.md"), runbook("Drain the broker", "Drain it.")).unwrap();
    let path = folder.path().display().to_string();
    let server = Server::start(&format!("[memory]\nevery = \"1h\"\n[runbooks]\nfolder = {path:?}\n")).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let keeper = server.parts.keeper().unwrap();
    let keeping = tokio::spawn(async move { keeper.run(stopped).await });
    let runbooks = async |wanted: u64| {
        let counting = async { while points(&server.get("/memory").await.1, "runbooks") != wanted {} };
        tokio::time::timeout(PATIENCE, counting).await.unwrap();
    };
    runbooks(1).await;
    std::fs::write(folder.path().join("second.md"), runbook("Turn the turbine", "Turn it.")).unwrap();
    assert_eq!(server.post("/runbooks/reload", "{}").await.0, 200);
    runbooks(2).await;
    stop.send_replace(true);
    tokio::time::timeout(PATIENCE, keeping).await.unwrap().unwrap();
}

/// An incident of `api` as its first events and its last.
fn closed() -> Vec<Event> {
    let service = ServiceMatch::Named { service: "api".into() };
    vec![
        Event::Opened { source: Source::Alert, title: "A".into(), service },
        Event::Closed { outcome: Outcome::HandedOver, why: String::new() },
    ]
}

#[tokio::test]
async fn what_is_to_go_goes_while_the_embeddings_endpoint_is_down() {
    let down = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&down);
    let embed = move |Json(body): Json<Value>| async move {
        if asked.load(Ordering::SeqCst) {
            return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({})));
        }
        let texts = 0..body["input"].as_array().unwrap().len();
        let data: Vec<_> = texts.map(|index| json!({ "index": index, "embedding": [1.0, 0.5, 0.25] })).collect();
        (StatusCode::OK, Json(json!({ "data": data })))
    };
    let url = serve(Router::new().route("/embeddings", post(embed))).await;
    let server =
        Server::start(&format!("[memory.embeddings]\nbase_url = \"{url}\"\nmodel = \"m\"\nretries = 0\n")).await;
    let (journal, keeper) = (&server.parts.journal, server.parts.keeper().unwrap());
    for _ in 0..2 {
        journal.begin(closed(), 10).await.unwrap();
    }
    assert_eq!(keeper.all_incidents().await.unwrap(), (2, 0));
    down.store(true, Ordering::SeqCst);
    assert_eq!(server.post("/incidents/1/forget", "{}").await.0, 200);
    journal.begin(closed(), 10).await.unwrap();
    let told = keeper.all_incidents().await.unwrap_err().to_string();
    assert!(told.contains("embeddings"), "{told}");
    assert_eq!(points(&server.get("/memory").await.1, "incidents"), 1, "one went, and the new one waits");
    down.store(false, Ordering::SeqCst);
    assert_eq!(keeper.all_incidents().await.unwrap(), (1, 0));
}

/// Labels may tell of a service of which nothing is to be kept.
#[tokio::test]
async fn where_the_policy_hides_something_nothing_is_remembered_before_docker_told_of_its_services() {
    let world = World::start(Case::from_embedded("container-killed").unwrap()).await.unwrap();
    let server = Server::beside(&world.docker_url(), "").await;
    let (parts, keeper) = (&server.parts, server.parts.keeper().unwrap());
    parts.journal.begin(closed(), 10).await.unwrap();
    parts.policy.store(Policy::parse("test", &forgetting("vault")).unwrap());
    world.break_part(Part::Docker, Fault::Refuse);
    parts.discover().await;
    let told = keeper.all_incidents().await.unwrap_err().to_string();
    assert!(told.contains("Docker has not told yet which services there are"), "{told}");
    assert_eq!(points(&server.get("/memory").await.1, "incidents"), 0);
    world.mend_part(Part::Docker);
    parts.discover().await;
    assert_eq!(keeper.all_incidents().await.unwrap(), (1, 0));
}

/// However many there are, none that is not to be kept is left.
#[tokio::test]
async fn a_policy_is_followed_back_to_the_first_incident() {
    let server = Server::start("").await;
    let begun = (0..1_001).map(|_| server.parts.journal.begin(closed(), 2_000));
    assert!(futures::future::join_all(begun).await.iter().all(Result::is_ok));
    let keeper = server.parts.keeper().unwrap();
    assert_eq!(keeper.all_incidents().await.unwrap(), (1_001, 0));
    server.parts.policy.store(Policy::parse("test", &forgetting("api")).unwrap());
    assert_eq!(keeper.all_incidents().await.unwrap(), (0, 1_001));
    assert_eq!(points(&server.get("/memory").await.1, "incidents"), 0);
}

#[test]
fn a_folder_of_markdown_is_followed_and_what_cannot_be_read_is_named() {
    let house = House::new("documents = [\"documents\"]\n");
    house.write("documents/pumps.md", "# Pumps\n\nThe coolant pumps run in pairs.\n");
    house.write("documents/deep/valves.md", "# Valves\n\nValves are opened by hand, never by a script.\n");
    let index = || {
        let (code, told, complained) = house.run(&["memory", "index"]);
        let line = told.lines().find(|line| line.starts_with("documents: ")).unwrap_or_default().to_owned();
        assert!(!line.is_empty(), "{told}{complained}");
        (code, line, told)
    };
    let search = |words: &str| house.run(&["memory", "search", "documents", words]).1;
    assert_eq!(index().1, "documents: 2 documents, 2 written, 0 removed");
    let (code, line, _) = index();
    assert_eq!((code, line.as_str()), (Some(0), "documents: 2 documents, 0 written, 0 removed"));
    assert!(search("coolant pumps run in pairs").contains("documents/pumps.md"));

    house.write("documents/pumps.md", "# Pumps\n\nEvery turbine has a spare impeller.\n");
    std::fs::remove_file(house.path("documents/deep/valves.md")).unwrap();
    assert_eq!(index().1, "documents: 1 documents, 1 written, 1 removed");
    assert!(search("turbine has a spare impeller").contains("documents/pumps.md"));
    for gone in ["coolant pumps run in pairs", "valves are opened by hand"] {
        let told = search(gone);
        assert!(told.contains("Nothing in memory is like this"), "{told}");
    }

    house.write("documents/torn.md", b"# Torn\n\nhalf a \xff letter\n");
    house.write("documents/front.md", "---\nservice: [\n---\n# Front\n");
    let (code, line, told) = index();
    assert_eq!((code, line.as_str()), (Some(1), "documents: 1 documents, 0 written, 0 removed"), "{told}");
    assert!(told.contains("documents/torn.md:3: is no UTF-8; save it as UTF-8"), "{told}");
    assert!(told.lines().any(|line| line.starts_with("documents/front.md:")), "{told}");
    assert!(search("turbine has a spare impeller").contains("documents/pumps.md"));

    std::fs::remove_dir_all(house.path("documents")).unwrap();
    let (code, _, complained) = house.run(&["memory", "index"]);
    assert!(code == Some(4) && complained.contains("documents: No such file"), "{code:?} {complained}");
    assert!(search("turbine has a spare impeller").contains("documents/pumps.md"), "what it has it keeps");
}

#[test]
fn a_damaged_index_is_mended_by_what_the_doctor_says() {
    let house = House::new("documents = [\"documents\"]\n");
    house.write("documents/pumps.md", "# Pumps\n\nThe coolant pumps run in pairs.\n");
    assert_eq!(house.run(&["memory", "index"]).0, Some(0));
    let name = std::fs::read_to_string(house.path("kept/documents/current")).unwrap();
    let index = format!("kept/documents/{name}");
    house.write(&format!("{index}/edge_config.json"), "{");
    house.serve().stop();
    let (_, told, complained) = house.run(&["doctor"]);
    assert!(told.contains("cannot be read as an index") && told.contains(&index), "{told}{complained}");
    assert!(told.contains("delete what is named here, and run `devops-agent memory index`"), "{told}");
    std::fs::remove_dir_all(house.path(&index)).unwrap();
    let (code, told, complained) = house.run(&["memory", "index"]);
    assert!(code == Some(0) && told.contains("documents: 1 documents, 1 written, 0 removed"), "{told}{complained}");
    assert!(house.run(&["memory", "search", "documents", "coolant pumps run in pairs"]).1.contains("pumps.md"));
}

#[tokio::test]
async fn what_is_imported_stands_beside_the_journals_own_and_rubbish_is_told_by_its_line() {
    let (house, other) = (House::new(""), House::new(""));
    for (house, text) in [(&house, STALLED), (&other, "messages wait in the queue for minutes")] {
        let agent = house.serve();
        agent.over("api", "QuotesStalled", text).await;
        agent.until("/memory", |told| points(told, "incidents") == 1).await;
        agent.stop();
    }
    let (code, told, _) = house.run(&["memory", "export", "all.jsonl"]);
    assert!(code == Some(0) && told.contains("lines in all.jsonl"), "{told}");
    let exported = std::fs::read_to_string(house.path("all.jsonl")).unwrap();
    assert_eq!(house.run(&["memory", "export"]).1, exported, "to standard output the same");

    other.write("all.jsonl", &exported);
    let (code, told, _) = other.run(&["memory", "import", "all.jsonl"]);
    let left = format!("{} sections of runbooks and documents are left out", exported.lines().count() - 1);
    assert!(code == Some(0) && told.starts_with("1 incidents of all.jsonl\n") && told.contains(&left), "{told}");
    let (_, told, _) = house.run(&["memory", "import", "all.jsonl"]);
    assert!(told.starts_with("0 incidents of all.jsonl\n1 incidents are in memory already\n"), "{told}");
    let found = |text: &str| other.run(&["memory", "search", "incidents", text]).1;
    for _ in 0..2 {
        assert!(found(STALLED).contains("incident 1 of all.jsonl  QuotesStalled"), "{}", found(STALLED));
        assert!(found("messages wait in the queue for minutes").contains("incident 1  QuotesStalled"));
        assert_eq!(other.run(&["memory", "index"]).0, Some(0));
    }
    assert_eq!(other.run(&["memory", "forget", "all.jsonl"]).1, "1 incidents of all.jsonl are forgotten\n");
    assert!(!found(STALLED).contains("all.jsonl") && !other.keeps(STALLED));

    let rubbish = "no line\n{\"collection\": \"recipes\"}\n\n{\"collection\": \"documents\"}\n";
    other.write("rubbish.jsonl", rubbish);
    let (code, told, complained) = other.run(&["memory", "import", "rubbish.jsonl"]);
    assert!(code == Some(1) && told.starts_with("0 incidents of rubbish.jsonl\n"), "{code:?} {told}{complained}");
    for (line, part) in [(1, "expected"), (2, "unknown variant `recipes`"), (4, "missing field `point`")] {
        let begins = format!("rubbish.jsonl:{line}: is no line of an export: ");
        assert!(told.lines().any(|told| told.starts_with(&begins) && told.contains(part)), "{line}: {told}");
    }
    let (code, _, complained) = other.run(&["memory", "import", "nowhere.jsonl"]);
    assert!(code == Some(4) && complained.contains("nowhere.jsonl: No such file"), "{complained}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_without_memory_it_is_said() {
    let server = Server::start("").await;
    let (status, told) = server.get("/memory").await;
    assert!(status == 200 && points(&told, "incidents") == 0, "empty, and said so: {told}");
    assert_eq!(server.get("/memory/search?collection=runbooks&text=").await.1["hits"], json!([]));
    for path in
        ["/memory/search", "/memory/search?collection=recipes&text=x", "/memory/search?collection=runbooks&text=x&x=y"]
    {
        let (status, told) = server.get(path).await;
        assert_eq!(status, 400, "{path}: {told}");
        assert!(told["detail"].as_str().unwrap().contains("right would be /memory/search?"), "{told}");
    }
    let without = Server::start("[memory]\nenabled = false\n").await;
    for path in ["/memory", "/memory/search?collection=runbooks&text=x"] {
        let (status, told) = without.get(path).await;
        assert!(status == 404 && told["detail"].as_str().unwrap().contains("enabled is false"), "{told}");
    }
}
