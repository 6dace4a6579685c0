use serde_json::json;

use super::*;

fn day(day: u32) -> DateTime<Utc> {
    format!("2026-11-{day:02}T10:00:00Z").parse().unwrap()
}

fn remedy(tool: &str, helped: Option<bool>) -> Remedy {
    let args = json!({"service": "payments", "reason": format!("words for {tool} {helped:?}")});
    Remedy { tool: tool.into(), args, service: "payments".into(), helped }
}

fn past(incident: u64, remedies: Vec<Remedy>) -> Past {
    let remembered = Remembered {
        incident,
        from: None,
        alert: "ServiceDown".into(),
        service: Some("payments".into()),
        environment: None,
        at: day(incident as u32),
        symptoms: vec!["does not answer".into()],
        cause: "it hung".into(),
        remedies,
        ended: Ended::Repaired,
        said: Vec::new(),
    };
    Past { remembered, likeness: 0.8 }
}

fn said(word: Word, cause: Option<&str>) -> Said {
    Said { word, cause: cause.map(str::to_owned), by: "anna".into(), at: day(20) }
}

fn lines(past: &[Past]) -> String {
    advise(past).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_helped_most_often_comes_first_with_its_figures() {
    let all = [
        past(1, vec![remedy("scale_service", Some(true))]),
        past(2, vec![remedy("restart_container", Some(true))]),
        past(3, vec![remedy("rollback_service", Some(false)), remedy("restart_container", Some(true))]),
        past(4, vec![remedy("restart_container", Some(false))]),
        past(5, vec![remedy("restart_container", Some(true)), remedy("notify", None)]),
    ];
    insta::assert_snapshot!(lines(&all), @r#"
    restart_container {"service":"{service}"}: helped 3 of 4 times, last on 2026-11-05 (#5, #4, #3, #2)
    scale_service {"service":"{service}"}: helped 1 of 1 times, last on 2026-11-01 (#1)
    notify {"service":"{service}"}: done, not known whether it helped (#5)
    rollback_service {"service":"{service}"}: did not help, 1 of 1 times (#3)
    "#);
}

#[test]
fn what_was_taken_back_counts_against_itself() {
    let all = [
        past(1, vec![remedy("restart_container", Some(true))]),
        past(2, vec![remedy("restart_container", Some(false))]),
        past(3, vec![remedy("restart_container", Some(false))]),
        past(4, vec![remedy("scale_service", Some(true))]),
    ];
    assert_eq!(advise(&all)[0].tool, "scale_service");
}

#[test]
fn a_person_s_word_changes_what_is_advised() {
    let both =
        || [past(1, vec![remedy("restart_container", Some(true))]), past(2, vec![remedy("scale_service", Some(true))])];
    let mut wrong = both();
    wrong[0].remembered.said.push(said(Word::Wrong, None));
    assert_eq!(wrong[0].remembered.true_cause(), None);
    let advice = advise(&wrong);
    assert_eq!((advice[0].tool.as_str(), advice[1].helped, advice[1].tried), ("scale_service", 0, 1));
    let mut right = both();
    right[0].remembered.said.push(said(Word::Right, None));
    assert_eq!(advise(&right)[0].tool, "restart_container");
    let mut corrected = both();
    corrected[0].remembered.said.extend([said(Word::Wrong, Some("the disk was full")), said(Word::Right, None)]);
    assert_eq!(corrected[0].remembered.true_cause(), Some("the disk was full"));
}

#[test]
fn an_incident_that_is_more_alike_counts_more_and_what_could_not_be_taken_back_never_helped() {
    let mut all =
        [past(1, vec![remedy("restart_container", Some(true))]), past(2, vec![remedy("scale_service", Some(true))])];
    all[0].likeness = 0.3;
    assert_eq!(advise(&all)[0].tool, "scale_service");
    all[1].remembered.ended = Ended::UndoFailed;
    assert_eq!(advise(&all)[0].tool, "restart_container");
    assert_eq!(advise(&[]), []);
}

proptest::proptest! {
    #[test]
    fn worth_is_a_share_and_more_help_is_worth_more(good in 0.0..50.0_f64, bad in 0.0..50.0_f64) {
        let worth = at_least(good, good + bad);
        assert!((0.0..=1.0).contains(&worth));
        assert!(at_least(good + 1.0, good + 1.0 + bad) > worth);
        assert!(at_least(good, good + bad + 1.0) <= worth);
    }
}
