use super::*;

fn monthly() -> Objective {
    Objective::new(0.999, TimeDelta::days(30)).unwrap()
}

/// The same share of errors everywhere, but for some windows.
fn read(objective: &Objective, share: f64, but: &[(&str, Reading)]) -> Status {
    let reading = |window: TimeDelta| {
        let other = but.iter().find(|(name, _)| *name == written(window)).map(|(_, reading)| *reading);
        (window, other.unwrap_or(Reading::Events { errors: share * 1e6, total: 1e6 }))
    };
    status(objective, &windows(objective).into_iter().map(reading).collect::<Vec<_>>())
}

fn rules_of(status: &Status) -> Vec<(Urgency, String)> {
    status.holding.iter().map(|rule| (rule.urgency, format!("{:.1} {}", rule.over, written(rule.long)))).collect()
}

#[test]
fn the_workbook_s_rates_follow_from_the_budget_that_burns() {
    let rates: Vec<_> = rules(&monthly()).map(|rule| format!("{:.4}", rule.over)).collect();
    assert_eq!(rates, ["14.4000", "6.0000", "3.0000", "1.0000"]);
    let weekly = Objective::new(0.999, TimeDelta::days(7)).unwrap();
    let rates: Vec<_> = rules(&weekly).map(|rule| format!("{:.2}", rule.over)).collect();
    assert_eq!(rates, ["3.36", "1.40", "1.00", "1.00"], "below 1 the promise is kept");
    let daily = Objective::new(0.99, TimeDelta::days(1)).unwrap();
    assert_eq!(rules(&daily).count(), 3);
    let names: Vec<_> = windows(&monthly()).into_iter().map(written).collect();
    assert_eq!(names, ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]);
    assert_eq!(windows(&weekly).last(), Some(&TimeDelta::days(7)));
}

#[test]
fn a_rule_holds_only_while_its_short_window_burns_as_well() {
    let bad = |share: f64| Reading::Events { errors: share * 1e6, total: 1e6 };
    let burning = read(&monthly(), 0.0, &[("1h", bad(0.02)), ("5m", bad(0.03)), ("30d", bad(0.0005))]);
    assert_eq!(rules_of(&burning), [(Urgency::Page, "14.4 1h".to_owned())]);
    assert!((burning.budget_left.unwrap() - 0.5).abs() < 1e-9);
    let Exhausted::After { hours, by } = burning.exhausted else { unreachable!("{:?}", burning.exhausted) };
    assert!((hours - 0.5 * 720.0 / 20.0).abs() < 1e-6 && by == TimeDelta::hours(1));
    let over = read(&monthly(), 0.0, &[("1h", bad(0.02)), ("5m", bad(0.0))]);
    assert!(over.holding.is_empty() && over.urgency == Urgency::None, "{over:?}");
    let slow = read(&monthly(), 0.0, &[("3d", bad(0.0015)), ("6h", bad(0.0015)), ("1h", bad(0.0015))]);
    assert_eq!(rules_of(&slow), [(Urgency::Ticket, "1.0 3d".to_owned())]);
}

#[test]
fn a_budget_that_is_used_up_or_whole_is_said() {
    let spent = read(&monthly(), 0.002, &[]);
    assert!((spent.budget_left.unwrap() + 1.0).abs() < 1e-9);
    assert_eq!(spent.exhausted, Exhausted::Already);
    let whole = read(&monthly(), 0.0, &[]);
    assert_eq!((whole.budget_left, whole.exhausted), (Some(1.0), Exhausted::Never));
}

#[test]
fn what_was_not_measured_is_neither_well_nor_ill() {
    let rate = |status: &Status, name: &str| {
        status.burns.iter().find(|burn| written(burn.window) == name).map(|burn| burn.rate).unwrap()
    };
    let gone = read(&monthly(), 0.0001, &[("5m", Reading::NoData), ("30m", Reading::NoData)]);
    assert_eq!((rate(&gone, "5m"), rate(&gone, "30m")), (Rate::Vanished, Rate::Vanished));
    let never: Vec<_> = windows(&monthly()).into_iter().map(|window| (window, Reading::NoData)).collect();
    let never = status(&monthly(), &never);
    assert!(never.burns.iter().all(|burn| burn.rate == Rate::NoData));
    assert_eq!((never.budget_left, never.exhausted, never.urgency), (None, Exhausted::Unknown, Urgency::None));
    let quiet =
        read(&monthly(), 0.0001, &[("5m", Reading::NoTraffic), ("1h", Reading::Events { errors: 0.0, total: 0.0 })]);
    assert_eq!((rate(&quiet, "5m"), rate(&quiet, "1h")), (Rate::NoTraffic, Rate::NoTraffic));
    for wrong in [Reading::Share(1.5), Reading::Share(f64::NAN), Reading::Events { errors: 5.0, total: 2.0 }] {
        let told = read(&monthly(), 0.0, &[("30d", wrong)]);
        assert_eq!((rate(&told, "30d"), told.budget_left), (Rate::Contradiction, None), "{wrong:?}");
    }
    let extrapolated = read(&monthly(), 0.0, &[("5m", Reading::Events { errors: 10.1, total: 10.0 })]);
    assert!(matches!(rate(&extrapolated, "5m"), Rate::Burns { share, .. } if share == 1.0));
}

#[test]
fn objectives_are_read_and_wrong_ones_told_with_what_would_be_right() {
    assert_eq!(parse_window("4w"), Ok(TimeDelta::days(28)));
    assert_eq!([written(TimeDelta::days(28)), written(TimeDelta::minutes(90))], ["28d", "90m"]);
    for wrong in ["", "30", "d", "30 days", "-1d", "99999999999999999999d", "9223372036854775807w"] {
        assert!(parse_window(wrong).unwrap_err().to_string().contains("right would be"), "{wrong}");
    }
    for (target, window) in [(1.0, 30), (0.0, 30), (99.9, 30), (f64::NAN, 30), (0.99, 0), (0.99, 400)] {
        let told = Objective::new(target, TimeDelta::days(window)).unwrap_err().to_string();
        assert!(told.contains("right would be"), "{told}");
    }
}
