use super::*;

fn side(events: &[String], seconds: f64) -> Side<'_> {
    Side { events, seconds }
}

fn repeated(counts: &[(usize, &str)]) -> Vec<String> {
    counts.iter().flat_map(|(count, line)| (0..*count).map(move |at| line.replace('#', &at.to_string()))).collect()
}

#[test]
fn a_window_is_compared_with_a_quiet_stretch() {
    let quiet = repeated(&[
        (600, "INFO: GET /predict # ms"),
        (60, "WARN: cache miss #"),
        (120, "INFO: tick #"),
        (3, "INFO: rotate #"),
    ]);
    let now = repeated(&[
        (100, "INFO: GET /predict # ms"),
        (200, "WARN: cache miss #"),
        (7, "ERROR: timeout after # ms"),
        (1, "INFO: rotate #"),
    ]);
    let found = compare(side(&now, 600.0), side(&quiet, 3_600.0), Settings::default());
    let names = |grown: &[Grown]| grown.iter().map(|one| (one.pattern.template.clone(), one.now)).collect::<Vec<_>>();
    assert_eq!(names(&found.new), [("timeout after <*>".to_owned(), 7)]);
    assert_eq!(names(&found.vanished), [("tick <*>".to_owned(), 0)]);
    assert_eq!(names(&found.more), [("cache miss <*>".to_owned(), 200)]);
    assert_eq!(names(&found.less), []);
}

/// As loggers write it that have an event and an error, or a message and an event, and what goes on without being a trace.
#[test]
fn an_error_is_told_by_its_level_and_not_by_its_lines() {
    let quiet = repeated(&[(600, "INFO: GET /predict # ms")]);
    let now = repeated(&[
        (7, r#"{"event": "payment_failed", "level": "error", "error": "card # declined", "exception": "Traceback"}"#),
        (7, r#"{"message": "no route to #", "event": "dial", "severity": "ERROR", "level": "error"}"#),
        (7, "INFO: config loaded from file #:\n    retries: 3\n    pool: 5"),
        (7, "INFO: request # broke\nTraceback (most recent call last)\n  File \"a.py\", line 3\nValueError: no"),
    ]);
    let found = compare(side(&now, 600.0), side(&quiet, 3_600.0), Settings::default());
    let mut told: Vec<_> =
        found.new.iter().map(|one| format!("{:?}: {}", one.pattern.level, one.pattern.template)).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"), @"
    Error: no route to <*>
    Error: payment_failed error: card <*> declined
    Error: request <*> broke ValueError: no
    Info: config loaded from file <*>:
    ");
}

#[test]
fn steady_logs_have_nothing_to_tell() {
    let quiet = repeated(&[(6_000, "INFO: GET /predict # ms"), (60, "WARN: cache miss #"), (12, "INFO: tick #")]);
    let now = repeated(&[(1_040, "INFO: GET /predict # ms"), (14, "WARN: cache miss #"), (1, "INFO: tick #")]);
    let found = compare(side(&now, 600.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!(found, Comparison { patterns: 3, ..Comparison::default() });
}

fn letters(at: usize) -> String {
    (0..6).map(|place| char::from(b'a' + (at / 26_usize.pow(place) % 26) as u8)).collect()
}

/// Lines that are all different, none like another.
fn odd(level: &str, count: usize, seed: usize) -> Vec<String> {
    (0..count)
        .map(|at| format!("{level}: {} {} alone", letters(at * 7_919 + seed), letters(at * 104_729 + seed)))
        .collect()
}

#[test]
fn odd_lines_that_are_as_many_as_ever_are_not_new() {
    let mut quiet = repeated(&[(4_000, "INFO: tick #")]);
    quiet.extend(odd("INFO", 200, 0));
    quiet.extend(odd("ERROR", 40, 77));
    let mut now = repeated(&[(1_000, "INFO: tick #")]);
    now.extend(odd("INFO", 50, 9_001));
    now.extend(odd("ERROR", 10, 5_003));
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!((found.new.len(), found.odd), (0, 60));
    now.extend(odd("ERROR", 30, 3_001));
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!((found.new.len(), found.odd), (40, 50));
    assert!(found.new.iter().all(|grown| grown.pattern.level == Level::Error));
}

#[test]
fn the_first_error_of_its_kind_is_new() {
    let quiet = repeated(&[(1_000, "INFO: tick #")]);
    let mut now = repeated(&[(250, "INFO: tick #")]);
    now.push("ERROR: no route to the database".to_owned());
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!(
        found.new.iter().map(|grown| grown.pattern.template.as_str()).collect::<Vec<_>>(),
        ["no route to the database"]
    );
}

#[test]
fn answers_that_fail_are_another_pattern_than_those_that_succeed() {
    let access = |status: u16, count: usize| {
        let line = move |at| {
            format!(
                "10.0.0.{at} - - [25/Nov/2026:10:00:00 +0000] \"GET /item/{at} HTTP/1.1\" {status} {at} \"-\" \"curl/8\""
            )
        };
        (0..count).map(line).collect::<Vec<_>>()
    };
    let quiet = access(200, 400);
    let now = [access(204, 50), access(503, 50)].concat();
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), Settings::default());
    let new: Vec<_> = found.new.iter().map(|grown| (grown.now, grown.pattern.level)).collect();
    assert_eq!(new, [(50, Level::Error)]);
    assert_eq!((found.patterns, found.more, found.vanished), (2, vec![], vec![]));
}

#[test]
fn odd_lines_do_not_push_out_a_steady_pattern() {
    let settings = Settings { most: 100, ..Settings::default() };
    let mut quiet = repeated(&[(500, "INFO: heart beats")]);
    quiet.extend(odd("INFO", 2_000, 0));
    let now = repeated(&[(125, "INFO: heart beats")]);
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), settings);
    assert_eq!((found.new, found.more), (vec![], vec![]));
    assert!(found.dropped > 1_000);
    // Even a busy one goes when it has not come for long.
    let mut miner = Miner::new(settings);
    let busy = (0..500).map(|_| miner.add("INFO: heart beats")).last().unwrap();
    odd("INFO", 80_000, 0).iter().for_each(|line| {
        miner.add(line);
    });
    assert_eq!(miner.pattern(busy), None);
}

#[test]
fn patterns_that_turn_out_to_be_one_in_the_window_are_compared_as_one() {
    let of = |names: &[&str], count: usize| {
        let lines =
            names.iter().flat_map(|name| (0..count).map(move |_| format!("INFO: session of {name} ended well")));
        lines.collect::<Vec<_>>()
    };
    let quiet = of(&["ann", "bob", "eve"], 200);
    let now = of(&["joe", "kim", "ann", "bob", "eve"], 30);
    let found = compare(side(&now, 900.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!(found, Comparison { patterns: 1, ..Comparison::default() });
}
