use proptest::prelude::*;

use super::*;

fn message(line: &str) -> String {
    let Line { message, level } = read(line);
    format!("{level:?}: {message}")
}

#[test]
fn headers_of_the_usual_loggers_are_taken_off() {
    for (line, wanted) in [
        ("2026-11-25T10:00:00.123Z  INFO app::server: listening on 8080", "Info: listening on 8080"),
        ("2026-11-25 10:00:00,123 - app.db - ERROR - connection lost", "Error: connection lost"),
        ("10:00:00.123 [main] WARN  com.acme.Pool - no connection left", "Warning: no connection left"),
        ("2026-11-25 10:00:00,978 INFO [main] org.acme.App: Created 5 workers", "Info: Created 5 workers"),
        ("Nov 25 10:00:00 web-1 sshd[24200]: Failed password for root", "Unknown: Failed password for root"),
        ("<34>1 2026-11-25T10:00:00Z web-1 su 123 ID47 - 'su root' failed", "Fatal: 'su root' failed"),
        ("<165>1 2026-11-25T10:00:00Z web-1 app - - [a@1 k=\"x\\]y\"][b@1] [main] ready", "Info: [main] ready"),
        ("<11>Nov 25 10:00:00 web-1 app[7]: no route", "Error: no route"),
        ("<999>1 2026-11-25T10:00:00Z web-1 app", "Unknown: <999>1 2026-11-25T10:00:00Z web-1 app"),
        ("<34>1 - - - - - [open", "Fatal: [open"),
        ("10.0.0.7 - - [25/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 503 12", "Error: \"GET /a HTTP/1.1\" 503 12"),
        ("I1125 10:00:00.000000 1234 server.go:12] started", "Info: started"),
        ("2026/11/25 10:00:00 http: TLS handshake error", "Unknown: TLS handshake error"),
        ("2026/11/25 10:00:00 [error] 123#123: *5 connect() failed", "Error: *5 connect() failed"),
        ("10.0.0.7 - - [25/Nov/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 200 12", "Unknown: \"GET /a HTTP/1.1\" 200 12"),
        ("[Wed Nov 25 10:00:00 2026] [notice] caught SIGTERM", "Info: caught SIGTERM"),
        ("11-25 10:00:00.811  1702  2395 D WindowManager: focus changed", "Debug: focus changed"),
        ("20261125-10:00:00:606|Step_LSC|30002312|step changed 3579", "Unknown: step changed 3579"),
        (
            "{\"ts\":1.5,\"level\":\"error\",\"msg\":\"no route\",\"error\":\"timeout\"}",
            "Error: no route error: timeout",
        ),
        ("{\"log\":\"2026-11-25 10:00:00 WARN pool: empty\\n\",\"stream\":\"stderr\"}", "Warning: empty"),
        ("ts=2026-11-25T10:00:00Z level=warn msg=\"disk is filling\" used=91", "Warning: disk is filling"),
        ("ERROR: relation \"a\" does not exist", "Error: relation \"a\" does not exist"),
        ("Connection to host: refused", "Unknown: Connection to host: refused"),
        ("nothing at all", "Unknown: nothing at all"),
        ("2026-11-25 10:00:00", "Unknown: 2026-11-25 10:00:00"),
        ("", "Unknown: "),
    ] {
        assert_eq!(message(line), wanted, "{line}");
    }
}

fn templates(lines: &[&str]) -> Vec<String> {
    let mut miner = Miner::new(Settings::default());
    for line in lines {
        miner.add(line);
    }
    miner.patterns().into_iter().map(|pattern| format!("{} {}", pattern.count, pattern.template)).collect()
}

#[test]
fn values_make_no_pattern_and_words_do() {
    assert_eq!(
        templates(&[
            "INFO: user 17 from 10.0.0.1:80 logged in after 3 ms",
            "INFO: user 4 from 10.0.0.9:81 logged in after 12 ms",
            "INFO: user 4 from 10.0.0.9:81 was refused: wrong password",
            "WARN: order id=17 state=open",
            "WARN: order id=18 state=closed",
            "INFO: read blocks 1 2 3",
            "INFO: read blocks 4 5 6 7",
        ]),
        [
            "2 user <*> from <*> logged in after <*>",
            "2 order id=<*> state=<*>",
            "2 read blocks <*>",
            "1 user <*> from <*> was refused: wrong password",
        ]
    );
}

#[test]
fn a_stack_trace_is_one_event() {
    let lines = [
        "10:00:00 ERROR pool: cannot connect",
        "java.sql.SQLException: timeout",
        "\tat com.acme.Pool.get(Pool.java:17)",
        "Caused by: java.net.SocketTimeoutException",
        "\t... 3 more",
        "10:00:01 ERROR app: handler failed",
        "Traceback (most recent call last):",
        "  File \"a.py\", line 3, in run",
        "    get()",
        "ValueError: no features",
        "10:00:02 INFO app: on",
    ];
    let events: Vec<_> = joined(lines).into_iter().map(|(at, text)| (at, text.lines().count())).collect();
    assert_eq!(events, [(0, 1), (1, 4), (5, 5), (10, 1)]);
}

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

#[test]
fn steady_logs_have_nothing_to_tell() {
    let quiet = repeated(&[(6_000, "INFO: GET /predict # ms"), (60, "WARN: cache miss #"), (12, "INFO: tick #")]);
    let now = repeated(&[(1_040, "INFO: GET /predict # ms"), (14, "WARN: cache miss #"), (1, "INFO: tick #")]);
    let found = compare(side(&now, 600.0), side(&quiet, 3_600.0), Settings::default());
    assert_eq!(found, Comparison { patterns: 3, ..Comparison::default() });
}

#[test]
fn endless_new_patterns_keep_memory_bounded_and_a_busy_one_stays() {
    let settings = Settings { most: 100, ..Settings::default() };
    let mut miner = Miner::new(settings);
    let busy = miner.add("INFO: the one that comes again and again");
    let letters = |at: usize| {
        [at / 676 % 26, at / 26 % 26, at % 26].map(|one| char::from(b'a' + one as u8)).iter().collect::<String>()
    };
    for at in 0..20_000 {
        let word = letters(at);
        miner.add(&format!("INFO: {word} said {word} to {word}{word}"));
        assert_eq!(miner.add("INFO: the one that comes again and again"), busy);
        assert!(miner.len() <= 100 && miner.known.len() <= 100 * WAYS && miner.roots.len() <= 100, "at {at}");
    }
    assert_eq!(miner.pattern(busy).map(|pattern| pattern.count), Some(20_001));
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

proptest! {
    #[test]
    fn no_line_breaks_it_and_the_same_line_has_the_same_pattern(lines in prop::collection::vec(any::<Vec<u8>>(), 0..40)) {
        let mut miner = Miner::new(Settings { most: 8, ..Settings::default() });
        for line in &lines {
            let line = String::from_utf8_lossy(line);
            let id = miner.add(&line);
            prop_assert_eq!(miner.add(&line), id);
            prop_assert!(miner.len() <= 8);
        }
    }

    #[test]
    fn structured_lookalikes_break_nothing(line in "[{\\[<]?[a-z=\" :.\\\\|\\]\\}0-9-]{0,80}") {
        let _ = joined([line.as_str()]);
        let mut miner = Miner::new(Settings::default());
        miner.add(&line);
    }
}
