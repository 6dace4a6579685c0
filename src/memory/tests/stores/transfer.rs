use memory::{Collection, Forget, Imported, Memory};

use crate::{
    both, embedded,
    incidents::{hung, lines, recall},
    index, open, text,
};

async fn exported(memory: &Memory) -> Vec<String> {
    let mut out = Vec::new();
    memory.export(&mut out).await.unwrap();
    let mut lines: Vec<_> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn import(memory: &Memory, lines: &str) -> Imported {
    memory.import("far/old.jsonl", &mut lines.as_bytes()).await.unwrap()
}

#[tokio::test]
async fn incidents_of_an_export_are_read_and_bad_lines_are_told() {
    for (_alive, store, memory) in both().await {
        memory.remember(&hung(1, "restart_container", true)).await.unwrap();
        index(&memory, Collection::Runbooks, &[text("r.md", "# Disk\n## A\nfull\n## B\nrotate")]).await;
        let out = exported(&memory).await;
        assert_eq!(out.len(), 3, "{store}");
        let mut given = out.join("\n");
        given.push_str("\nnot json\n{\"collection\":\"nonsense\"}\n");
        given.push_str(&format!("{}\n", "x".repeat(2 << 20)));
        given.push_str(
            "{\"collection\":\"incidents\",\"point\":{\"source\":\"s\",\"title\":\"t\",\"kind\":\"k\",\"text\":\"x\"}}",
        );
        let folder = tempfile::tempdir().unwrap();
        let copy = open(embedded(folder.path()));
        let done = import(&copy, &given).await;
        let told: Vec<_> = done.bad.iter().map(|bad| bad.to_string().chars().take(62).collect::<String>()).collect();
        assert_eq!((done.incidents, done.own, done.of_files), (1, 0, 2), "{told:?}");
        assert_eq!(
            told,
            [
                "far/old.jsonl:4: is no line of an export: expected ident at li",
                "far/old.jsonl:5: is no line of an export: unknown variant `non",
                "far/old.jsonl:6: is longer than 1048576 bytes",
                "far/old.jsonl:7: is an incident without `data`, or with anothe",
            ]
        );
        // Read from an export of the copy, it is still of the first house.
        let again = exported(&copy).await.join("\n");
        assert_eq!(import(&copy, &again).await, Imported { own: 1, ..Imported::default() });
        assert_eq!(copy.stats().await.unwrap().iter().map(|of| of.points).sum::<usize>(), 1);
    }
}

#[tokio::test]
async fn what_was_imported_stands_beside_the_journal_s_own_until_it_is_forgotten() {
    for (_alive, store, memory) in both().await {
        let other = tempfile::tempdir().unwrap();
        let other = open(embedded(other.path()));
        for incident in 1..=3 {
            other.remember(&hung(incident, "scale_service", true)).await.unwrap();
        }
        let own = hung(1, "restart_container", true);
        memory.follow(std::slice::from_ref(&own), &[]).await.unwrap();
        let lines_of_other = exported(&other).await.join("\n");
        for new in [3, 0] {
            let done = import(&memory, &lines_of_other).await;
            assert_eq!((done.incidents, done.own), (new, 3 - new), "{store}");
        }
        // The journal has numbers of its own: 2 is not kept, and there is a 3 now.
        memory.follow(&[own, hung(3, "restart_container", false)], &[2]).await.unwrap();
        assert_eq!(memory.forget(&Forget::Incident(2)).await.unwrap(), 0, "{store}");
        let recalled = recall(&memory).await;
        let mut past: Vec<_> =
            recalled.past.iter().map(|past| (past.remembered.incident, past.remembered.from.as_deref())).collect();
        past.sort_unstable();
        let from = Some("old.jsonl");
        assert_eq!(past, [(1, None), (1, from), (2, from), (3, None), (3, from)], "{store}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines(&recalled).join("\n"), @r#"
            scale_service {"service":"{service}"}: helped 3 of 3 times, last on 2026-11-03 (imported)
            restart_container {"service":"{service}"}: helped 1 of 2 times, last on 2026-11-01 (#3, #1)
            "#);
        }
        let own_lines = exported(&memory).await.into_iter().filter(|line| !line.contains("old.jsonl"));
        let own_lines = own_lines.collect::<Vec<_>>().join("\n");
        assert_eq!(import(&memory, &own_lines).await, Imported { own: 2, ..Imported::default() }, "{store}");
        assert_eq!(memory.forget(&Forget::Imported("old.jsonl".into())).await.unwrap(), 3, "{store}");
        assert_eq!(recall(&memory).await.past.len(), 2, "{store}");
        import(&memory, &lines_of_other).await;
        assert_eq!(memory.forget(&Forget::Service("payments".into())).await.unwrap(), 5, "{store}");
    }
}
