use chrono::{DateTime, Utc};
use memory::{
    Ask, Collection, Ended, Forget, Memory, MemoryError, MemoryOptions, Place, Recalled, Remedy, Remembered, Said, Word,
};
use serde_json::json;

use crate::{both, embedded, index, open, text};

fn at(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T10:00:00Z").parse().unwrap()
}

/// A service that hung: `tool` was tried and did or did not help.
pub(crate) fn hung(incident: u64, tool: &str, helped: bool) -> Remembered {
    Remembered {
        incident,
        from: None,
        alert: "PaymentsDown".into(),
        service: Some("payments".into()),
        environment: Some("production".into()),
        at: at(incident as u32),
        symptoms: vec![
            "payments does not answer its health check".into(),
            "new pattern: deadlock in pool, password hunter2".into(),
        ],
        cause: "a deadlock in the connection pool".into(),
        remedies: vec![Remedy {
            tool: tool.into(),
            args: json!({"service": "payments", "reason": "it hangs"}),
            service: "payments".into(),
            helped: Some(helped),
        }],
        ended: if helped { Ended::Repaired } else { Ended::HandedOver },
        said: Vec::new(),
    }
}

pub(crate) async fn recall(memory: &Memory) -> Recalled {
    let text = "PaymentsDown\npayments does not answer its health check, deadlock in pool".to_owned();
    memory.recall(&Ask { text, limit: 5, ..Ask::default() }).await.unwrap()
}

pub(crate) fn lines(recalled: &Recalled) -> Vec<String> {
    recalled.advice.iter().map(ToString::to_string).collect()
}

fn said(word: Word, cause: Option<&str>) -> Said {
    Said { word, cause: cause.map(str::to_owned), by: "anna".into(), at: at(28) }
}

#[tokio::test]
async fn what_helped_before_is_advised_with_its_figures_and_a_person_s_word_changes_it() {
    for (_alive, store, memory) in both().await {
        assert_eq!(recall(&memory).await, Recalled::default(), "{store}: an empty memory knows nothing");
        for (incident, tool, helped) in [
            (1, "restart_container", true),
            (2, "scale_service", false),
            (3, "restart_container", true),
            (4, "restart_container", false),
        ] {
            memory.remember(&hung(incident, tool, helped)).await.unwrap();
        }
        let first = recall(&memory).await;
        assert_eq!(first.past.len(), 4, "{store}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines(&first).join("\n"), @r#"
            restart_container {"service":"{service}"}: helped 2 of 3 times, last on 2026-11-03 (#4, #3, #1)
            scale_service {"service":"{service}"}: did not help, 1 of 1 times (#2)
            "#);
        }
        memory.feedback(1, said(Word::Wrong, None)).await.unwrap();
        memory.feedback(3, said(Word::Wrong, Some("the disk of the database was full"))).await.unwrap();
        let after = recall(&memory).await;
        assert!(lines(&after)[0].contains("did not help"), "{store}: {:?}", lines(&after));
        let ask =
            Ask { text: "the disk of the database was full, deadlock in pool".into(), limit: 1, ..Ask::default() };
        let corrected = &memory.recall(&ask).await.unwrap().past[0].remembered;
        assert_eq!(
            (corrected.incident, corrected.true_cause()),
            (3, Some("the disk of the database was full")),
            "{store}"
        );
        let unknown = memory.feedback(99, said(Word::Right, None)).await.unwrap_err();
        assert_eq!(unknown.to_string(), "memory has no incident 99");
    }
}

#[tokio::test]
async fn an_incident_is_kept_once_and_another_field_is_not_recalled() {
    for (_alive, store, memory) in both().await {
        memory.remember(&hung(1, "restart_container", true)).await.unwrap();
        memory.remember(&hung(1, "restart_container", true)).await.unwrap();
        assert_eq!(memory.stats().await.unwrap()[1].points, 1, "{store}");
        let ask = Ask { text: "TLS certificate of the gateway expires in two days".into(), limit: 5, ..Ask::default() };
        let nothing = memory.recall(&ask).await.unwrap();
        assert!(nothing.past.is_empty() && nothing.advice.is_empty(), "{store}: {nothing:?}");
    }
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_so_is_what_was_masked() {
    for (_alive, store, memory) in both().await {
        for incident in 1..=3 {
            memory.remember(&hung(incident, "restart_container", true)).await.unwrap();
        }
        let other = Remembered { service: Some("search".into()), ..hung(4, "restart_container", true) };
        memory.remember(&other).await.unwrap();
        index(
            &memory,
            Collection::Documents,
            &[text("d.md", "---\nservice: payments\n---\n# Payments\nPool settings.")],
        )
        .await;
        assert_eq!(memory.forget(&Forget::Incident(2)).await.unwrap(), 1, "{store}");
        assert_eq!(memory.forget(&Forget::Incident(2)).await.unwrap(), 0, "{store}");
        let left: Vec<_> = recall(&memory).await.past.iter().map(|past| past.remembered.incident).collect();
        assert!(left.len() == 3 && !left.contains(&2), "{store}: {left:?}");
        assert_eq!(memory.forget(&Forget::Service("payments".into())).await.unwrap(), 3, "{store}");
        let left: Vec<_> = recall(&memory).await.past.iter().map(|past| past.remembered.incident).collect();
        assert_eq!(left, [4], "{store}");
    }
}

#[tokio::test]
async fn what_the_journal_tells_takes_the_place_of_what_is_kept() {
    for (_alive, store, memory) in both().await {
        assert_eq!(memory.follow(&[], &[]).await.unwrap(), (0, 0), "{store}");
        for incident in 1..=3 {
            memory.remember(&hung(incident, "restart_container", true)).await.unwrap();
        }
        let told =
            [hung(2, "restart_container", true), hung(3, "scale_service", true), hung(4, "restart_container", true)];
        let changed = memory.follow(&told, &[1]).await.unwrap();
        assert_eq!(changed, (2, 1), "{store}: one changed, one is new, one is gone");
        assert_eq!(memory.follow(&told, &[1]).await.unwrap(), (0, 0), "{store}");
        let kept: Vec<_> = recall(&memory).await.past.iter().map(|past| past.remembered.incident).collect();
        assert_eq!(kept, [4, 3, 2], "{store}");
        let refused = memory.index(Collection::Incidents, &[], &|_| {}).await.unwrap_err().to_string();
        assert!(refused.starts_with("incidents are not indexed from files"), "{refused}");
    }
}

pub(crate) fn holds(folder: &std::path::Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text)
    })
}

#[tokio::test]
async fn forgotten_text_lies_nowhere_on_the_disk_and_secrets_never_do() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(embedded(folder.path()));
    let mut remembered = hung(1, "restart_container", true);
    remembered.cause = "the zanzibar cluster was split".into();
    memory.remember(&remembered).await.unwrap();
    memory.remember(&hung(2, "restart_container", true)).await.unwrap();
    assert!(holds(folder.path(), "zanzibar"));
    assert!(!holds(folder.path(), "hunter2"));
    memory.forget(&Forget::Incident(1)).await.unwrap();
    assert!(!holds(folder.path(), "zanzibar"));
    assert_eq!(recall(&memory).await.past.len(), 1);
}

#[tokio::test]
async fn what_could_not_be_forgotten_to_the_end_is_found_no_more_and_its_text_goes_with_the_next_change() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(embedded(folder.path()));
    let mut remembered = hung(1, "restart_container", true);
    remembered.cause = "the zanzibar cluster was split".into();
    memory.remember(&remembered).await.unwrap();
    // A file is in the way of the index that is to take the place of this one.
    let name = std::fs::read_to_string(folder.path().join("incidents/current")).unwrap();
    let next = folder.path().join("incidents").join(format!("{}2", name.strip_suffix('1').unwrap()));
    std::fs::write(&next, "").unwrap();
    assert!(memory.forget(&Forget::Incident(1)).await.is_err());
    assert!(memory.follow(&[], &[1]).await.is_err(), "its text is still there");
    assert_eq!(recall(&memory).await.past.len(), 0);
    drop(memory);
    std::fs::remove_file(&next).unwrap();
    let memory = open(embedded(folder.path()));
    assert!(holds(folder.path(), "zanzibar"));
    assert_eq!(memory.follow(&[], &[]).await.unwrap(), (0, 0));
    assert!(!holds(folder.path(), "zanzibar"));
}

#[tokio::test]
async fn what_is_forgotten_is_found_no_more_though_the_disk_is_nearly_full() {
    let folder = tempfile::tempdir().unwrap();
    let memory = open(embedded(folder.path()));
    let told: Vec<_> = (1..=3).map(|incident| hung(incident, "restart_container", true)).collect();
    memory.follow(&told, &[]).await.unwrap();
    drop(memory);
    let reserve = fs4::available_space(folder.path()).unwrap() / 2 * 3;
    let memory = open(MemoryOptions::at(Place::Embedded { folder: folder.path().to_owned(), reserve }));
    let full = memory.forget(&Forget::Incident(1)).await.unwrap_err();
    assert!(matches!(full, MemoryError::DiskFull { .. }), "{full}");
    let full = memory.follow(&[], &[2]).await.unwrap_err();
    assert!(matches!(full, MemoryError::DiskFull { .. }), "{full}");
    let left: Vec<_> = recall(&memory).await.past.iter().map(|past| past.remembered.incident).collect();
    assert_eq!(left, [3]);
}

#[tokio::test]
async fn a_reader_or_writer_that_fails_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space left"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let memory = open(embedded(folder.path()));
    memory.remember(&hung(1, "restart_container", true)).await.unwrap();
    let failed = memory.export(&mut Full).await.unwrap_err();
    assert!(matches!(failed, MemoryError::Disk { .. }) && failed.to_string().contains("no space left"), "{failed}");
}
