use std::time::Duration;

use memory::{
    Ask, Collection, Index, IndexName, Memory, MemoryError, MemoryOptions, Place, Server, ServerOptions, Store, Weights,
};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tonic::{Code, Status, metadata::MetadataMap};

use crate::{
    clean,
    double::{Double, Fault, KEY},
    index, indexed, open, text,
};

fn at(options: ServerOptions) -> Memory {
    open(MemoryOptions::at(Place::Server(options)))
}

async fn search(memory: &Memory) -> Result<usize, MemoryError> {
    let ask = Ask { text: "the disk is full".into(), limit: 5, ..Ask::default() };
    memory.search(Collection::Runbooks, &ask).await.map(|found| found.hits.len())
}

async fn filled(double: &Double) -> Memory {
    let memory = at(double.options());
    index(&memory, Collection::Runbooks, &[text("r.md", "# Disk full\nRotate the logs of the volume.")]).await;
    memory
}

#[tokio::test]
async fn an_index_is_a_collection_behind_an_alias_with_its_fields_indexed() {
    let double = Double::start().await;
    let memory = filled(&double).await;
    let collections = double.collections();
    assert!(collections.len() == 1 && collections[0].starts_with("house-runbooks-v1-"), "{collections:?}");
    assert_eq!(double.indexed_fields(), ["at", "environment", "kind", "service", "source"]);
    assert_eq!(search(&memory).await.unwrap(), 1);
    // Much longer documents: the index is made anew beside, the alias moved, the old one dropped.
    let long = format!("# Disk full\nRotate the logs of the volume. {}", "Many more words follow. ".repeat(100));
    index(&memory, Collection::Runbooks, &[text("r.md", &long)]).await;
    let after = double.collections();
    assert!(after.len() == 1 && after[0].ends_with("-2"), "{after:?}");
    assert_eq!(search(&memory).await.unwrap(), 1);
}

#[tokio::test]
async fn of_two_processes_that_make_an_index_at_once_one_is_whole_and_the_other_fails() {
    let double = Double::start().await;
    let [first, second] = [(); 2].map(|()| Server::new(double.options()).unwrap());
    let named = Index { collection: Collection::Documents, name: IndexName::of(&Weights::default(), None, 1) };
    let of_first = first.create(&named, None).await.unwrap();
    first.write(&of_first, (0..10).map(indexed).collect()).await.unwrap();
    let of_second = second.create(&named, None).await.unwrap();
    second.write(&of_second, (0..5).map(indexed).collect()).await.unwrap();
    first.write(&of_first, (10..20).map(indexed).collect()).await.unwrap();
    first.switch(&of_first).await.unwrap();
    assert!(second.write(&of_second, (5..20).map(indexed).collect()).await.is_err(), "its index is gone");
    assert!(second.switch(&of_second).await.is_err());
    for store in [&first, &second] {
        assert_eq!(store.current(Collection::Documents).await.unwrap().as_ref(), Some(&of_first.name));
        assert_eq!(store.count(&of_first).await.unwrap(), 20);
    }
    // What the same process broke off it makes again.
    let next = first.create(&Index { name: IndexName { generation: 2, ..named.name }, ..named }, None).await.unwrap();
    first.write(&next, (0..3).map(indexed).collect()).await.unwrap();
    assert_eq!(first.create(&next, None).await.unwrap(), next);
    assert_eq!(first.count(&next).await.unwrap(), 0);
}

#[tokio::test]
async fn failures_are_told_as_what_may_pass_or_not_and_never_with_the_key() {
    let double = Double::start().await;
    let memory = filled(&double).await;
    let mut retry = MetadataMap::new();
    retry.insert("retry-after", "7".parse().unwrap());
    let limited = Status::with_metadata(Code::ResourceExhausted, "slow down", retry);
    let faults = [
        ("down", Fault::Status(Status::unavailable("draining \u{1b}[31m"))),
        ("limited", Fault::Status(limited)),
        ("internal", Fault::Status(Status::internal(format!("boom with {KEY}")))),
        ("forbidden", Fault::Status(Status::permission_denied("Global access is required"))),
        ("wrong", Fault::Status(Status::invalid_argument("Wrong input: Not existing vector name error: nope"))),
        ("silence", Fault::Silence),
        ("short", Fault::Short),
    ];
    let mut lines = Vec::new();
    for (name, fault) in faults {
        double.fail(fault);
        let told = search(&memory).await.unwrap_err();
        assert!(!told.to_string().contains(KEY) && !format!("{told:?}").contains(KEY), "{name}: {told:?}");
        let wait = match &told {
            MemoryError::Unreachable { retry_after, .. } => format!("{retry_after:?}"),
            _ => "for good".to_owned(),
        };
        lines.push(format!("{name}: {told} ({wait})"));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    down: Qdrant could not be reached: The service is currently unavailable: draining [31m (None)
    limited: Qdrant could not be reached: Some resource has been exhausted: slow down (Some(7s))
    internal: Qdrant could not be reached: Internal error: boom with [secret] (None)
    forbidden: Qdrant says: The caller does not have permission to execute the specified operation: Global access is required (for good)
    wrong: Qdrant says: Client specified an invalid argument: Wrong input: Not existing vector name error: nope (for good)
    silence: Qdrant could not be reached: The operation was cancelled: Timeout expired: transport error: Timeout expired (None)
    short: Qdrant says: 2 answers to 3 questions (for good)
    ");
    double.fail(Fault::None);
    assert_eq!(search(&memory).await.unwrap(), 1, "and when it is back, so is memory");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_talks_nonsense_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nonsense = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n{\"half\":").await;
        }
    });
    let double = Double::start().await;
    for url in ["http://127.0.0.1:9".to_owned(), nonsense] {
        let memory = at(ServerOptions { url: url.parse().unwrap(), ..double.options() });
        let told = search(&memory).await.unwrap_err();
        assert!(matches!(told, MemoryError::Unreachable { system: "Qdrant", .. }), "{url}: {told:?}");
        let told = memory.index(Collection::Runbooks, &[text("r.md", "# A\nb")], &|_| {}).await.unwrap_err();
        assert!(matches!(told, MemoryError::Unreachable { .. }), "{url}: {told:?}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_as_such() {
    let double = Double::start().await;
    let memory = at(ServerOptions { api_key: "other".into(), ..double.options() });
    let told = search(&memory).await.unwrap_err();
    assert_eq!(
        told.to_string(),
        "Qdrant says: The request does not have valid authentication credentials: Invalid API key or JWT"
    );
}

#[test]
fn an_address_or_a_prefix_that_is_none_is_refused_at_once() {
    let good = ServerOptions {
        url: "http://localhost:6334".parse().unwrap(),
        api_key: "".into(),
        prefix: "devops-agent".into(),
        timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
    };
    for (options, what) in [
        (ServerOptions { url: "ftp://x".parse().unwrap(), ..good.clone() }, "http://host:6334"),
        (ServerOptions { prefix: "a b".into(), ..good.clone() }, "letters, digits"),
        (ServerOptions { prefix: String::new(), ..good.clone() }, "letters, digits"),
    ] {
        let refused = Memory::open(MemoryOptions::at(Place::Server(options)), clean).err().unwrap().to_string();
        assert!(refused.contains(what), "{refused}");
    }
}
