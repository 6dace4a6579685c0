use std::{fs, path::Path, sync::Mutex};

use memory::{Ask, Collection, Edge, Filter, Index, Memory, MemoryError, Origin, Place, Progress, Server, Store};

use crate::{both, embeddings::both_places, index, open};

fn write(folder: &Path, name: &str, text: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

async fn found(memory: &Memory, text: &str) -> Vec<String> {
    let hits = memory
        .search(Collection::Documents, &Ask { text: text.into(), limit: 5, ..Ask::default() })
        .await
        .unwrap()
        .hits;
    hits.into_iter().map(|hit| hit.source.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_folder_is_followed_and_what_did_not_change_is_left() {
    for (_alive, store, memory) in both().await {
        let folder = tempfile::tempdir().unwrap();
        let origins = [Origin::Folder(folder.path().to_owned())];
        write(folder.path(), "a.md", b"# Kafka lag\nConsumers fall behind.");
        write(folder.path(), "deep/er/b.markdown", b"# Redis eviction\nKeys are evicted.\n## More\nmaxmemory policy");
        write(folder.path(), "c.txt", b"# Kafka lag");
        write(folder.path(), ".git/d.md", b"# Kafka lag");
        let first = index(&memory, Collection::Documents, &origins).await;
        assert_eq!((first.documents, first.written, first.removed), (2, 2, 0), "{store}");
        assert_eq!(found(&memory, "kafka lag, consumers behind").await, ["a.md"], "{store}");
        let again = index(&memory, Collection::Documents, &origins).await;
        assert_eq!((again.documents, again.written, again.removed), (2, 0, 0), "{store}");
        write(folder.path(), "deep/er/b.markdown", b"# Redis failover\nThe replica is promoted.");
        fs::remove_file(folder.path().join("a.md")).unwrap();
        let changed = index(&memory, Collection::Documents, &origins).await;
        assert_eq!((changed.documents, changed.written, changed.removed), (1, 1, 1), "{store}");
        assert_eq!(found(&memory, "kafka lag, consumers behind").await, Vec::<String>::new(), "{store}");
        assert_eq!(found(&memory, "redis failover replica promoted").await, ["b.markdown"], "{store}");
        assert_eq!(found(&memory, "maxmemory policy").await, Vec::<String>::new(), "{store}: the section that is gone");
        assert_eq!(memory.stats().await.unwrap()[2].points, 1, "{store}");
    }
}

#[tokio::test]
async fn folders_that_overlap_hold_each_document_once() {
    for (_alive, store, memory) in both().await {
        let folder = tempfile::tempdir().unwrap();
        let origins = [folder.path().to_owned(), folder.path().join("post-mortems")].map(Origin::Folder);
        write(folder.path(), "a.md", b"# Kafka lag\nConsumers fall behind.");
        write(folder.path(), "post-mortems/b.md", b"# Redis eviction\nKeys are evicted.");
        for written in [2, 0] {
            let done = index(&memory, Collection::Documents, &origins).await;
            assert_eq!((done.documents, done.written, done.removed), (2, written, 0), "{store}");
        }
        let same = [crate::text("t.md", "# T\none"), crate::text("t.md", "# T\none")];
        for written in [1, 0] {
            assert_eq!(index(&memory, Collection::Runbooks, &same).await.written, written, "{store}");
        }
    }
}

#[tokio::test]
async fn bad_files_are_told_with_their_line_and_the_others_still_load() {
    for (_alive, store, memory) in both().await {
        let folder = tempfile::tempdir().unwrap();
        let origins = [Origin::Folder(folder.path().to_owned())];
        write(folder.path(), "good.md", b"# Good\nwords");
        write(folder.path(), "bad.md", b"# Was good\nformer words");
        index(&memory, Collection::Documents, &origins).await;
        write(folder.path(), "bad.md", b"---\ntitle: x\ndate: soon\n---\n");
        write(folder.path(), "latin.md", b"line\nline\nf\xfcnf");
        write(folder.path(), "huge.md", &vec![b'x'; (4 << 20) + 1]);
        let ingested = index(&memory, Collection::Documents, &origins).await;
        let told: Vec<_> =
            ingested.bad.iter().map(|bad| bad.to_string().rsplit('/').next().unwrap().to_owned()).collect();
        let expected = [
            "bad.md:3: `date` is \"soon\"; right would be 2026-11-02 or 2026-11-02T10:00:00Z",
            "huge.md:1: is larger than 4 MiB; cut it into several",
            "latin.md:3: is no UTF-8; save it as UTF-8",
        ];
        assert_eq!(told, expected, "{store}");
        assert_eq!((ingested.documents, ingested.removed), (1, 0), "{store}: what was read of a bad file before stays");
        assert_eq!(found(&memory, "former words").await, ["bad.md"], "{store}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_takes_nothing_away() {
    for (_alive, store, memory) in both().await {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.md", b"# Kafka lag\nConsumers fall behind.");
        index(&memory, Collection::Documents, &[Origin::Folder(folder.path().to_owned())]).await;
        let gone = Origin::Folder(folder.path().join("gone"));
        let failed = memory.index(Collection::Documents, &[gone], &|_| {}).await.unwrap_err();
        assert!(matches!(&failed, MemoryError::Disk { path, .. } if path.ends_with("gone")), "{store}: {failed}");
        assert_eq!(found(&memory, "kafka lag, consumers behind").await, ["a.md"], "{store}");
    }
}

#[tokio::test]
async fn progress_is_told_and_secrets_are_masked_before_they_are_kept() {
    for (_alive, store, memory) in both().await {
        let told = Mutex::new(Vec::new());
        let many: Vec<_> = (0..130)
            .map(|number| crate::text(&format!("d{number}.md"), "# Access\nThe password is hunter2."))
            .collect();
        memory.index(Collection::Documents, &many, &|progress| told.lock().unwrap().push(progress)).await.unwrap();
        let done: Vec<_> = told.into_inner().unwrap();
        assert_eq!(done.last(), Some(&Progress { done: 130, all: 130 }), "{store}");
        assert!(done.len() == 3 && done.windows(2).all(|pair| pair[0].done < pair[1].done), "{store}: {done:?}");
        let mut out = Vec::new();
        memory.export(&mut out).await.unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains("[secret]") && !out.contains("hunter2"), "{store}");
    }
}

#[tokio::test]
async fn a_document_that_was_half_written_is_written_again() {
    for (options, _alive) in both_places().await {
        let document = [crate::text("d.md", "# Kafka\n## Lag\nConsumers fall behind.\n## Brokers\nA broker is gone.")];
        let memory = open(options.clone());
        index(&memory, Collection::Documents, &document).await;
        drop(memory);
        // Its first section as it is, its second one as an older version had it.
        let store: Box<dyn Store> = match options.place.clone() {
            Place::Embedded { folder, reserve } => Box::new(Edge::open(&folder, reserve).unwrap()),
            Place::Server(options) => Box::new(Server::new(options).unwrap()),
        };
        let name = store.current(Collection::Documents).await.unwrap().unwrap();
        let current = Index { collection: Collection::Documents, name };
        let (points, _) = store.page(&current, Filter::default(), None, 10, true).await.unwrap();
        let mut second = points.into_iter().find(|indexed| indexed.point.text.contains("broker is gone")).unwrap();
        second.point.hash = "older".to_owned();
        second.point.text = "The leader is gone.".to_owned();
        store.write(&current, vec![second]).await.unwrap();
        drop(store);
        let memory = open(options);
        for written in [1, 0] {
            assert_eq!(index(&memory, Collection::Documents, &document).await.written, written);
        }
        assert_eq!(found(&memory, "kafka broker is gone").await, ["d.md"]);
    }
}

#[tokio::test]
async fn one_short_page_that_changed_does_not_weigh_all_others_anew() {
    let version = |number: usize, version: &str, text: Option<String>| Origin::Versioned {
        source: format!("acme/handbook/{number}.md"),
        version: format!("{version} of {number}"),
        text,
    };
    let long = |number: usize| format!("# Turbine {number}\n{}", "The rotor of the turbine turns slowly. ".repeat(12));
    for (_alive, store, memory) in both().await {
        let all: Vec<_> = (0..40).map(|number| version(number, "first", Some(long(number)))).collect();
        index(&memory, Collection::Documents, &all).await;
        let before = memory.stats().await.unwrap()[2].index.clone();
        // As after a small commit: the texts of the others are not fetched.
        let mut next: Vec<_> = (0..40).map(|number| version(number, "first", None)).collect();
        next[7] = version(7, "second", Some("# Kafka lag\nConsumers fall behind.".to_owned()));
        let done = index(&memory, Collection::Documents, &next).await;
        assert_eq!((done.documents, done.written, done.removed), (40, 1, 0), "{store}");
        assert_eq!(memory.stats().await.unwrap()[2].index, before, "{store}");
        assert_eq!(found(&memory, "kafka lag, consumers behind").await, ["7.md"], "{store}");
        assert_eq!(found(&memory, "turbine rotor turns slowly").await.len(), 5, "{store}");
        // When most of them are short, it is time.
        let short = |number| Some(format!("# Kafka {number}\nConsumers fall behind."));
        next = (0..40).map(|number| version(number, "third", if number < 38 { short(number) } else { None })).collect();
        index(&memory, Collection::Documents, &next).await;
        let next: Vec<_> = (0..40).map(|number| version(number, "third", None)).collect();
        index(&memory, Collection::Documents, &next).await;
        assert_ne!(memory.stats().await.unwrap()[2].index, before, "{store}");
    }
}
