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
fn values_are_left_out_and_what_stands_around_them_stays() {
    for (line, template) in [
        ("read blocks 4, 5, 6, 7", "read blocks <*>"),
        ("rebalanced, partitions=[0, 1, 2]", "rebalanced, partitions=<*>"),
        ("list [1, 2, 3], done", "list [<*>], done"),
        ("sent 18846 bytes (18.4 KB), lifetime <1 sec", "sent <*>, lifetime <*>"),
        ("took 12 ms: slow (attempt 1 of 3)", "took <*>: slow (attempt <*> of <*>)"),
        ("no route to http://10.0.0.1:80/a?b=c, giving up", "no route to <*>, giving up"),
        ("dial tcp db.internal:5432: refused", "dial tcp <*>: refused"),
        ("open /etc/shop/shop.toml: denied", "open <*>: denied"),
        ("user=ann, ids={1, 2}", "user=<*>, ids=<*>"),
        ("expires on Mon Jan 2 15:04:05 2026", "expires on <*>"),
        ("[<0212ebf3>] ext3_get_inode+0x274/0x281", "[<<*>>] ext3_get_inode<*>"),
        ("nil pointer dereference, and/or worse", "nil pointer dereference, and/or worse"),
    ] {
        assert_eq!(templates(&[line]), [format!("1 {template}")], "{line}");
    }
}

#[test]
fn lines_that_say_something_else_stay_apart_however_alike_they_are() {
    for lines in [
        &["INFO: session of root was opened again", "INFO: session of root was closed again"][..],
        &["INFO: link eth0 is up", "INFO: link eth0 is down"],
        &["INFO: leader election won, term=5", "INFO: leader election lost, term=6"],
        &["ERROR: failed to connect to redis", "ERROR: failed to connect to postgres"],
        &["ERROR: no features: java.net.ConnectException", "ERROR: no features: java.lang.OutOfMemoryError"],
        &["ERROR: setting pool.most=5 is too much", "ERROR: setting pool.least=5 is too much"],
        // Verbs are never a value, however many there are.
        &[
            "the web was created",
            "the web was started",
            "the web was paused",
            "the web was killed",
            "the web was resumed",
        ],
    ] {
        let found = templates(lines);
        assert_eq!(found.len(), lines.len(), "{found:?}");
    }
}

#[test]
fn a_word_with_many_others_in_its_place_is_a_value_and_old_answers_lead_to_it() {
    let mut miner = Miner::new(Settings::default());
    let line = |name: &str| format!("INFO: session of \"{name}\" ended well");
    let ids = ["ann", "bob", "eve", "joe"].map(|name| miner.add(&line(name)));
    assert_eq!(miner.len(), 4);
    // At another level it is another statement.
    miner.add("ERROR: session of \"kim\" ended well");
    assert_eq!(miner.len(), 5);
    let all: Vec<_> = ids.into_iter().chain(["lee", "max"].map(|name| miner.add(&line(name)))).collect();
    let pattern = miner.pattern(all[0]).unwrap();
    assert_eq!((pattern.template.as_str(), pattern.count), ("session of \"<*>\" ended well", 6));
    assert!(all.iter().all(|id| miner.pattern(*id).as_ref() == Some(&pattern) && miner.resolve(*id) == all[0]));
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
        let head = letters(at / 6);
        miner.add(&format!("INFO: {head} and {head}{head} say that it is {word} that came"));
        assert_eq!(miner.add("INFO: the one that comes again and again"), busy);
        assert!(
            miner.len() <= 100
                && miner.known.len() <= 100 * WAYS
                && miner.index.len() <= 200
                && miner.merged.len() <= 100,
            "at {at}"
        );
    }
    assert_eq!(miner.pattern(busy).map(|pattern| pattern.count), Some(20_001));
}

proptest! {
    #[test]
    fn no_line_breaks_it_and_the_same_line_has_the_same_pattern(lines in prop::collection::vec(any::<Vec<u8>>(), 0..40)) {
        let mut miner = Miner::new(Settings { most: 8, ..Settings::default() });
        for line in &lines {
            let line = String::from_utf8_lossy(line);
            let id = miner.add(&line);
            let again = miner.add(&line);
            prop_assert_eq!(miner.resolve(again), miner.resolve(id));
            prop_assert!(miner.len() <= 8);
        }
    }

    #[test]
    fn the_same_lines_have_the_same_patterns(lines in prop::collection::vec("(the |a )?[a-d]{1,2} (was|is) [a-z0-9.=]{1,3}", 0..80)) {
        let found = || {
            let mut miner = Miner::new(Settings { most: 8, ..Settings::default() });
            let ids: Vec<_> = lines.iter().map(|line| miner.add(line)).collect();
            (ids, miner.patterns())
        };
        prop_assert_eq!(found(), found());
    }

    #[test]
    fn structured_lookalikes_break_nothing(line in "[{\\[<]?[a-z=\" :.\\\\|\\]\\}0-9-]{0,80}") {
        let _ = joined([line.as_str()]);
        let mut miner = Miner::new(Settings::default());
        miner.add(&line);
    }
}
