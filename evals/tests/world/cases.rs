//! Reading cases, and what is said of broken ones.

use std::{fs, path::Path};

use evals::Case;

use crate::support::{restart, seconds, values};

/// Its service is alive until it is restarted.
const ALIVE: &str = "hung-but-up";
const CASE: &str = "container-killed";

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("incidents")
}

#[test]
fn the_cases_that_are_compiled_in_are_those_in_the_folder() {
    let mut folders: Vec<_> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let embedded = Case::all_embedded().unwrap();
    assert_eq!(folders.len(), embedded.len());
    for (folder, embedded) in folders.iter().zip(embedded) {
        let loaded = Case::load(folder).unwrap();
        assert_eq!(folder.file_name().unwrap().to_str(), Some(loaded.name.as_str()));
        assert_eq!((&loaded.title, &loaded.alert, &loaded.truth), (&embedded.title, &embedded.alert, &embedded.truth));
        assert!(loaded.services.contains_key("market-predictor"));
        let size: u64 = walk(folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        assert!(size < 640_000, "{}: {size} bytes", loaded.name);
    }
    assert_eq!(Case::embedded().unwrap().len(), folders.len());
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A copy of a case with one of its files changed.
fn changed(case: &str, file: &str, change: impl Fn(String) -> String) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for path in walk(&folder().join(case)) {
        let below = path.strip_prefix(folder().join(case)).unwrap().to_owned();
        fs::create_dir_all(copy.path().join(&below).parent().unwrap()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let text = if below == Path::new(file) { change(text) } else { text };
        fs::write(copy.path().join(below), text).unwrap();
    }
    copy
}

/// What is said of a case in which one text was replaced in one file.
fn broken(file: &str, from: &str, to: &str) -> String {
    let copy = changed(CASE, file, |text| {
        assert!(text.contains(from), "{file} holds no {from}");
        text.replacen(from, to, 1)
    });
    let error = Case::load(copy.path()).unwrap_err().to_string();
    error.replace(&copy.path().display().to_string(), "CASE")
}

#[tokio::test]
async fn a_series_that_a_segment_no_longer_has_has_ended() {
    let gone = "feature_fetch_errors_total{";
    let without = |text: String| text.lines().filter(|line| !line.starts_with(gone)).collect::<Vec<_>>().join("\n");
    let copy = changed(ALIVE, "metrics/restarted.om", without);
    let world = evals::World::start(Case::load(copy.path()).unwrap()).await.unwrap();
    assert_eq!(values(&world, "feature_fetch_errors_total", "job").await.len(), 1);
    restart(&world, "market-predictor").await;
    world.advance(seconds(60));
    assert_eq!(values(&world, "feature_fetch_errors_total", "job").await, []);
    assert_eq!(values(&world, "http_requests_in_flight", "job").await.len(), 1);
    world.shutdown().await;
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let said = [
        broken("case.toml", "helped", "helpful"),
        broken("case.toml", "to = \"restarted\"", "to = \"healed\""),
        broken("case.toml", "ends = \"repaired\"", "ends = \"well\""),
        broken("case.toml", "up{job=\"market-predictor\"} == 0", "up{job="),
        broken("case.toml", "{{ $labels.job }}", "{{ query }}"),
        broken("case.toml", "records = [\"market-predictor\", \"gateway\"]", "records = [\"gateway\"]"),
        broken("metrics/fault.om", "1795", "x795"),
        broken("metrics/fault.om", ",job=\"market-predictor\"", ""),
        broken("logs/restarted.jsonl", "\"ts\"", "\"t\""),
        broken("containers.json", "\"StartedAt\"", "\"Started\""),
        broken("alert.json", "{", "["),
    ];
    insta::assert_snapshot!(said.join("\n----\n"), @r###"
    CASE/case.toml: TOML parse error at line 63, column 10
       |
    63 | effect = "helpful"
       |          ^^^^^^^^^
    unknown variant `helpful`, expected one of `helped`, `nothing`, `harmed`
    ----
    CASE/case.toml, key `segments.fault.on.to`: `healed` is no segment; there are fault, restarted
    ----
    CASE/case.toml, key `truth.ends`: is `repaired` or `handed_over`
    ----
    CASE/case.toml, key `rules[0].expr`: unexpected end of input inside braces
    ----
    CASE/case.toml, key `rules[0].annotations.summary`: `{{ query }}` is not understood; there are $labels.NAME, $value, $value | humanizePercentage and printf "%.2f" $value
    ----
    CASE/metrics/restarted.om: records `market-predictor`, which is not among the segment's `records` in case.toml (gateway)
    ----
    CASE/metrics/fault.om, line 3: `x795181538.218` is no timestamp; it is seconds since 1970
    ----
    CASE/metrics/fault.om, line 3: there is no label `job`; each sample has at least `job` and `instance`
    ----
    CASE/logs/restarted.jsonl, line 1: unknown field `t`, expected one of `ts`, `labels`, `line`, `stream` at line 1 column 4; a line is {"ts":RFC 3339,"labels":{…},"line":…,"stream":"stdout|stderr"}
    ----
    CASE/containers.json, key `containers[0].State.StartedAt`: is missing; it is the text that `docker inspect` shows there
    ----
    CASE/alert.json, line 2: expected `,` or `]` at line 2 column 12
    "###);
    let missing = Case::from_embedded("nothing").unwrap_err().to_string();
    assert_eq!(
        missing,
        "nothing: there is no such case; there are container-killed, error-rate-after-config-change, hung-but-up"
    );
}
