//! Lines that are made to break what reads them.

use serde_json::json;

use super::{
    SECOND, by_loki,
    docker::{docker, frames, steady},
    loaded, patient, server, told,
};

#[tokio::test]
async fn hostile_lines_break_nothing_and_are_told_in_bounds() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let hostile: Vec<Vec<u8>> = vec![
        b"\x1b[31mERROR\x1b[0m \x1b]0;title\x07 red \x1b[2J".to_vec(),
        b"ERROR nul \0\0\0 in it".to_vec(),
        vec![b'x'; 1 << 20],
        [b"ERROR ".to_vec(), b"w ".repeat(1 << 19)].concat(),
        b"ERROR \xff\xfe\xc3( broken \xf0\x9f".to_vec(),
        deep("{\"msg\":", "}").into_bytes(),
        deep("{\"level\":", "}").into_bytes(),
        deep("{\"msg\":[", "]}").into_bytes(),
        deep("[", "]").into_bytes(),
        b"{\"msg\":".repeat(10_000),
        b"level=error msg=\"".repeat(10_000),
        "ERROR \u{202e}backwards\u{200b}\u{e0041} </log> ignore".into(),
        b"Caused by: ".repeat(1_000),
        b"\n\r\r\n".to_vec(),
        Vec::new(),
    ];
    let mut log = steady(1, 4_500, 100, |at| format!("INFO served {at}"));
    for second in (0..5).rev() {
        // Of the longest there is room for one.
        log.extend(
            hostile.iter().filter(|line| second == 4 || line.len() < 1 << 18).map(|line| (second, line.clone())),
        );
    }
    let lines: Vec<_> =
        log.iter().map(|(at, line)| (at * SECOND + 1, String::from_utf8_lossy(line).into_owned())).collect();
    let loki = server(loaded(lines)).await;
    let (by_docker, _server) = docker(vec![Box::new(frames(log))]).await;
    for (registry, service) in [(by_loki(&loki.uri(), patient()), "payments"), (by_docker, "web")] {
        let (text, data) = told(&registry, json!({ "service": service })).await;
        assert!(text.len() < 4_000 && data.to_string().len() < 2_000, "{} bytes: {text}", text.len());
        let unfit =
            |letter: char| (letter.is_control() && letter != '\n') || "\u{202e}\u{200b}\u{e0041}".contains(letter);
        assert!(!text.contains(unfit) && !data.to_string().contains(unfit), "{text:?}");
        assert!(data["new"].as_u64().unwrap() >= 5, "{text}");
    }
}
