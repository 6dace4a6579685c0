use chrono::{DateTime, TimeDelta, Utc};
use memory::{Ask, Collection, Filter, Memory, Origin};

use crate::{both, both_at, index, text};

fn runbooks() -> Vec<Origin> {
    vec![
        text(
            "r/disk.md",
            "---\ntitle: Disk is filling\n---\n# X\n## Diagnosis\nSee which files grow on the volume with du.\n\n## Remedy\nRotate the logs.",
        ),
        text(
            "r/memory.md",
            "---\ntitle: Out of memory\nservice: payments\n---\nThe kernel kills the container: OOMKilled.\n",
        ),
        text(
            "r/latency.md",
            "---\ntitle: High latency\nservice: search\nenvironment: production\nkind: note\ndate: 2026-11-02\n---\nRequests are slow; look at the queue of the volume.\n",
        ),
        text("r/certificate.md", "# CertificateExpiry\nA TLS certificate expires soon; renew it with cert-manager.\n"),
    ]
}

async fn sources(memory: &Memory, text: &str, filter: Filter) -> Vec<String> {
    let ask = Ask { text: text.to_owned(), filter, limit: 5 };
    let found = memory.search(Collection::Runbooks, &ask).await.unwrap();
    assert_eq!(found.notes, Vec::<String>::new());
    found.hits.into_iter().map(|hit| hit.source).collect()
}

#[tokio::test]
async fn what_is_like_the_question_is_found_and_nothing_is_said_of_what_is_unknown() {
    for (_alive, store, memory) in both().await {
        index(&memory, Collection::Runbooks, &runbooks()).await;
        let any = Filter::default;
        assert_eq!(sources(&memory, "the disk of the volume is filling", any()).await, ["r/disk.md"], "{store}");
        assert_eq!(sources(&memory, "container OOMKilled", any()).await, ["r/memory.md"], "{store}");
        assert_eq!(sources(&memory, "certificate expiry", any()).await, ["r/certificate.md"], "{store}");
        for unknown in ["replication of the database lags behind its leader", "", "the of and"] {
            assert_eq!(sources(&memory, unknown, any()).await, Vec::<String>::new(), "{store}: {unknown}");
        }
        let ask = Ask { text: "the volume of replication lags behind its leader".into(), limit: 3, ..Ask::default() };
        let found = memory.search(Collection::Runbooks, &ask).await.unwrap();
        assert!(
            found.hits.is_empty() && found.closest.is_some_and(|closest| closest > 0.0 && closest < 0.33),
            "{found:?}"
        );
        assert!(memory.search(Collection::Documents, &ask).await.unwrap().hits.is_empty());
    }
}

#[tokio::test]
async fn both_stores_give_the_same_hits_with_the_same_figures() {
    let mut all = Vec::new();
    for (_alive, _, memory) in both().await {
        index(&memory, Collection::Runbooks, &runbooks()).await;
        let ask = Ask { text: "slow requests, volume queue latency".into(), limit: 5, ..Ask::default() };
        let hits = memory.search(Collection::Runbooks, &ask).await.unwrap().hits;
        all.push(
            hits.into_iter().map(|hit| (hit.source, hit.section, (hit.likeness * 1e4).round())).collect::<Vec<_>>(),
        );
    }
    assert_eq!(all[0], all[1]);
    assert!(!all[0].is_empty());
}

#[tokio::test]
async fn a_filter_leaves_what_it_names_and_what_is_about_anything_only_if_wanted() {
    let day: DateTime<Utc> = "2026-11-02T00:00:00Z".parse().unwrap();
    let service = |name: &str| Filter { service: Some(name.into()), ..Filter::default() };
    let cases = [
        (service("payments"), vec!["r/memory.md"]),
        (service("nobody"), vec![]),
        (Filter { general: true, ..service("search") }, vec!["r/certificate.md", "r/disk.md", "r/latency.md"]),
        (Filter { environment: Some("production".into()), ..Filter::default() }, vec!["r/latency.md"]),
        (Filter { kind: Some("note".into()), ..Filter::default() }, vec!["r/latency.md"]),
        (Filter { source: Some("r/disk.md".into()), ..Filter::default() }, vec!["r/disk.md"]),
        (Filter { since: Some(day), until: Some(day), ..Filter::default() }, vec!["r/latency.md"]),
        (Filter { since: Some(day + TimeDelta::days(1)), ..Filter::default() }, vec![]),
    ];
    // So many words of each that each is alike.
    let question =
        "disk filling memory latency certificate expiry container OOMKilled slow volume requests renew kernel files";
    for (_alive, store, memory) in both_at(0.0).await {
        index(&memory, Collection::Runbooks, &runbooks()).await;
        for (filter, expected) in &cases {
            let mut found = sources(&memory, question, filter.clone()).await;
            found.sort();
            assert_eq!(&found, expected, "{store}: {filter:?}");
        }
    }
}

#[tokio::test]
async fn many_points_are_paged_without_loss() {
    let many: Vec<_> = (0..600)
        .map(|number| text(&format!("r/{number:03}.md"), &format!("# Runbook {number}\nabout thing{number}")))
        .collect();
    for (_alive, store, memory) in both().await {
        let first = index(&memory, Collection::Documents, &many).await;
        assert_eq!((first.documents, first.written, first.removed), (600, 600, 0), "{store}");
        let again = index(&memory, Collection::Documents, &many[..590]).await;
        assert_eq!((again.documents, again.written, again.removed), (590, 0, 10), "{store}");
        let stats = memory.stats().await.unwrap();
        assert_eq!(stats.iter().map(|stats| stats.points).collect::<Vec<_>>(), [0, 0, 590], "{store}");
        let mut out = Vec::new();
        assert_eq!(memory.export(&mut out).await.unwrap(), 590);
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 590);
    }
}
