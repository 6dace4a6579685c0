use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use memory::{Ask, Collection, Edge, Index, IndexName, Memory, MemoryError, MemoryOptions, Place, Store, Weights};

use crate::{clean, embedded, index, indexed, open, text};

async fn filled(folder: &Path) -> Memory {
    let memory = open(embedded(folder));
    index(&memory, Collection::Runbooks, &[text("r.md", "# Disk full\nRotate the logs of the volume.")]).await;
    memory
}

async fn hits(memory: &Memory) -> Result<usize, MemoryError> {
    let ask = Ask { text: "the disk is full".into(), limit: 5, ..Ask::default() };
    memory.search(Collection::Runbooks, &ask).await.map(|found| found.hits.len())
}

/// The folder of the one index.
fn index_folder(folder: &Path) -> std::path::PathBuf {
    let name = fs::read_to_string(folder.join("runbooks/current")).unwrap();
    folder.join("runbooks").join(name)
}

#[tokio::test]
async fn what_was_written_is_there_after_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    assert_eq!(hits(&open(embedded(folder.path()))).await.unwrap(), 1);
}

#[tokio::test]
async fn a_copy_made_at_any_moment_after_a_write_holds_it() {
    // As after a kill: nothing was closed.
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _memory = filled(folder.path()).await;
    copy_all(folder.path(), copy.path());
    assert_eq!(hits(&open(embedded(copy.path()))).await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_process_that_died_left_of_other_indexes_goes_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let left = folder.path().join("runbooks/v1-8-0-7/segments");
    fs::create_dir_all(&left).unwrap();
    assert_eq!(hits(&open(embedded(folder.path()))).await.unwrap(), 1);
    assert!(!left.exists());
    // Where it cannot be told which of them is the current one, nothing is touched.
    fs::create_dir_all(&left).unwrap();
    fs::write(folder.path().join("runbooks/current"), "rubbish").unwrap();
    assert!(hits(&open(embedded(folder.path()))).await.is_err());
    assert!(left.exists());
}

#[tokio::test]
async fn one_whose_folder_was_removed_is_closed_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let memory = filled(folder.path()).await;
    // A panic says which folder it is about: other tests panic as they like.
    let (panics, gone) = (Arc::new(AtomicUsize::new(0)), folder.path().display().to_string());
    let (counted, before) = (Arc::clone(&panics), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        counted.fetch_add(usize::from(panic.to_string().contains(&gone)), Ordering::SeqCst);
        before(panic);
    }));
    drop(folder);
    drop(memory);
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_second_one_is_refused_and_told_what_to_do_and_opening_reads_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let first = filled(folder.path()).await;
    let refused = Memory::open(embedded(folder.path()), clean).err().unwrap();
    assert!(matches!(refused, MemoryError::InUse(_)), "{refused}");
    assert!(refused.to_string().contains("open in another process; stop that one"), "{refused}");
    drop(first);
    fs::write(index_folder(folder.path()).join("edge_config.json"), "{").unwrap();
    let memory = open(embedded(folder.path()));
    let damaged = hits(&memory).await.unwrap_err().to_string();
    assert!(damaged.contains("make it again with `devops-agent memory index`"), "{damaged}");
}

#[tokio::test]
async fn a_nearly_full_disk_is_told_before_anything_is_written_and_searching_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let place = Place::Embedded { folder: folder.path().to_owned(), reserve: u64::MAX / 2 };
    let memory = open(MemoryOptions::at(place));
    let new = [text("n.md", "# New\nwords")];
    let full = memory.index(Collection::Runbooks, &new, &|_| {}).await.unwrap_err();
    assert!(matches!(full, MemoryError::DiskFull { .. }) && full.to_string().contains("make room"), "{full}");
    assert_eq!(hits(&memory).await.unwrap(), 1);
    let full = memory.index(Collection::Documents, &new, &|_| {}).await.unwrap_err();
    assert!(matches!(full, MemoryError::DiskFull { .. }), "{full}");
    assert!(!folder.path().join("documents").exists());
}

#[tokio::test]
async fn an_index_of_another_version_is_told_and_one_made_with_other_settings_is_made_anew_beside() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let pointer = folder.path().join("runbooks/current");
    let name = fs::read_to_string(&pointer).unwrap();
    let of_another_version = name.replacen("v1-", "v9-", 1);
    let folder_of = |name: &str| folder.path().join("runbooks").join(name);
    fs::write(&pointer, &of_another_version).unwrap();
    fs::rename(folder_of(&name), folder_of(&of_another_version)).unwrap();
    let memory = open(embedded(folder.path()));
    let told = hits(&memory).await.unwrap_err().to_string();
    assert!(told.contains("format 9, this one reads 1") && told.contains("use that version"), "{told}");
    let told = memory.index(Collection::Runbooks, &[], &|_| {}).await.unwrap_err();
    assert!(matches!(told, MemoryError::Version { found: 9, .. }), "{told}");
    drop(memory);
    // The same index as if other weights had made it.
    let parts: Vec<_> = name.split('-').collect();
    let other = format!("{}-{}-0123456789-{}", parts[0], parts[1], parts[3]);
    fs::rename(folder_of(&of_another_version), folder_of(&other)).unwrap();
    fs::write(&pointer, &other).unwrap();
    let memory = open(embedded(folder.path()));
    let found = memory
        .search(Collection::Runbooks, &Ask { text: "the disk is full".into(), limit: 5, ..Ask::default() })
        .await
        .unwrap();
    assert!(found.hits.len() == 1 && found.notes[0].contains("made with other settings"), "{found:?}");
    let ingested =
        index(&memory, Collection::Runbooks, &[text("r.md", "# Disk full\nRotate the logs of the volume.")]).await;
    assert_eq!((ingested.written, ingested.documents), (0, 1), "texts are not read again");
    let next = fs::read_to_string(&pointer).unwrap();
    assert!(next.ends_with("-2") && next.contains(parts[2]), "{next}");
    assert!(!folder_of(&other).exists());
    assert_eq!(hits(&memory).await.unwrap(), 1);
}

#[tokio::test]
async fn damage_is_an_error_that_says_what_mends_it() {
    type Damage = fn(&Path);
    let cases: [(&str, Damage); 3] = [
        ("no pointer", |folder| fs::write(folder.join("runbooks/current"), "rubbish").unwrap()),
        ("no configuration", |folder| fs::write(index_folder(folder).join("edge_config.json"), "{").unwrap()),
        ("no segment", |folder| {
            for entry in fs::read_dir(index_folder(folder).join("segments")).unwrap() {
                fs::write(entry.unwrap().path().join("segment.json"), "rubbish").unwrap();
            }
        }),
    ];
    for (name, damage) in cases {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()).await);
        damage(folder.path());
        let memory = open(embedded(folder.path()));
        let told = hits(&memory).await.unwrap_err();
        assert!(told.to_string().contains("delete it and make it again with `devops-agent memory index`"), "{told}");
        let MemoryError::Damaged { path, .. } = told else { panic!("{name}: {told}") };
        drop(memory);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        let memory = filled(folder.path()).await;
        assert_eq!(hits(&memory).await.unwrap(), 1, "{name}");
        drop(memory);
        assert_eq!(hits(&open(embedded(folder.path()))).await.unwrap(), 1, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()).await);
    let (index, other) = (index_folder(folder.path()), folder.path().join("runbooks/v9-8-0-1"));
    fs::rename(index, &other).unwrap();
    fs::write(folder.path().join("runbooks/current"), "v9-8-0-1").unwrap();
    let told = hits(&open(embedded(folder.path()))).await.unwrap_err().to_string();
    assert!(told.contains("the index v9-8-0-1 of runbooks") && told.contains("or delete the index"), "{told}");
    fs::remove_dir_all(other).unwrap();
    assert_eq!(hits(&filled(folder.path()).await).await.unwrap(), 1);
}

#[tokio::test]
async fn searches_and_writes_go_on_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let memory = std::sync::Arc::new(filled(folder.path()).await);
    let searching = {
        let memory = std::sync::Arc::clone(&memory);
        tokio::spawn(async move {
            for _ in 0..40 {
                assert_eq!(hits(&memory).await.unwrap(), 1);
            }
        })
    };
    for round in 0..8 {
        let new = [
            text("r.md", "# Disk full\nRotate the logs of the volume."),
            text("x.md", &format!("# Kafka\nround {round}")),
        ];
        index(&memory, Collection::Runbooks, &new).await;
    }
    searching.await.unwrap();
}

#[tokio::test]
async fn closing_waits_for_what_nobody_waits_for_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index { collection: Collection::Documents, name: IndexName::of(&Weights::default(), None, 1) };
    let edge = Edge::open(folder.path(), 0).unwrap();
    edge.create(&index, None).await.unwrap();
    let mut write = edge.write(&index, (0..2_000).map(indexed).collect());
    assert!(futures::poll!(&mut write).is_pending(), "it has begun");
    drop(write);
    edge.close().await.unwrap();
    drop(edge);
    let again = Edge::open(folder.path(), 0).unwrap();
    assert_eq!(again.count(&index).await.unwrap(), 2_000);
}
