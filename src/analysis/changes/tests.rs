use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn onset() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn change(minutes_before: i64, place: Place, kind: Kind, touches: &[&str]) -> Change {
    Change {
        at: onset() - TimeDelta::minutes(minutes_before),
        service: if place == Place::Own { "api".to_owned() } else { "feature-store".to_owned() },
        place,
        kind,
        touches: touches.iter().map(|text| (*text).to_owned()).collect(),
        surely: true,
    }
}

fn ranked(changes: &[Change], symptoms: &[&str]) -> Vec<Ranked> {
    rank(changes, onset(), &symptoms.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

#[test]
fn the_change_shortly_before_comes_first_with_its_reasons() {
    let changes = [
        change(600, Place::Own, Kind::Image, &[]),
        change(4, Place::Own, Kind::Configuration, &[]),
        change(3, Place::Own, Kind::Restart, &[]),
        change(2, Place::Elsewhere, Kind::Image, &[]),
        change(1, Place::Own, Kind::Symptom, &[]),
        change(-1, Place::Own, Kind::Image, &[]),
    ];
    let ranked = ranked(&changes, &[]);
    assert_eq!(ranked[0].change, 1);
    assert_eq!(ranked.iter().filter(|one| one.explains()).count(), 1, "{ranked:?}");
    assert!(matches!(ranked[0].reasons[0], Reason::BeforeOnset { minutes: 4, factor } if factor > 0.95));
    let after = ranked.iter().find(|one| one.change == 5).unwrap();
    assert_eq!((after.score, after.reasons.as_slice()), (0.0, [Reason::AfterOnset { minutes: 1 }].as_slice()));
}

#[test]
fn what_the_diff_touches_tells_one_commit_from_another() {
    let changes = [
        change(200, Place::Own, Kind::Commit, &["README.md", "Describe the set-up"]),
        change(
            400,
            Place::Own,
            Kind::Commit,
            &["deploy/api.env", "+FEATURE_STORE_TIMEOUT_MS=40", "-FEATURE_STORE_TIMEOUT_MS=400"],
        ),
        change(300, Place::Own, Kind::Commit, &["src/colour.rs", "Colours of the page"]),
    ];
    let ranked = ranked(&changes, &["FeatureStoreTimeout: read timed out after 40 ms", "feature store timeout"]);
    assert_eq!(ranked[0].change, 1, "{ranked:?}");
    assert!(ranked[0].explains() && !ranked[1].explains(), "{ranked:?}");
    let Some(Reason::SharedWords { words, .. }) = ranked[0].reasons.last() else { unreachable!("{ranked:?}") };
    assert_eq!(words[0], "feature_store_timeout");
}

#[test]
fn a_neighbour_that_the_errors_name_counts_more() {
    let changes = [change(40, Place::Dependency, Kind::Image, &[])];
    let silent = ranked(&changes, &["connection refused"])[0].score;
    let named = ranked(&changes, &["feature-store: connection refused"])[0].score;
    assert!(named > silent + 0.1, "{named} {silent}");
    // A service's own name stands in all of its errors.
    let own = [change(250, Place::Own, Kind::Commit, &["src/api/routes.rs"])];
    assert!(!ranked(&own, &["api answers with errors"])[0].explains());
}

#[test]
fn nothing_explains_where_nothing_changed() {
    assert!(ranked(&[], &["x"]).is_empty());
    let long_ago =
        [change(9_000, Place::Own, Kind::Deployment, &["TIMEOUT"]), change(0, Place::Own, Kind::Symptom, &["timeout"])];
    assert!(ranked(&long_ago, &["timeout"]).iter().all(|one| !one.explains()));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_nearer_of_two_equal_changes_is_never_worse(near in 0..2_000_i64, farther in 0..2_000_i64, words in "[a-z ]{0,40}") {
        let pair = [
            change(near, Place::Own, Kind::Image, &[&words]),
            change(near + farther, Place::Own, Kind::Image, &[&words]),
        ];
        let ranked = ranked(&pair, &[&words]);
        prop_assert!(ranked.iter().all(|one| (0.0..=1.0).contains(&one.score)));
        prop_assert_eq!(ranked[0].change, 0);
    }

    #[test]
    fn any_text_is_split_into_words(text in ".{0,200}") {
        prop_assert!(words::of(&text).iter().all(|word| !word.is_empty()));
    }
}
