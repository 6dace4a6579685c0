use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::model::Step;

const HALF: Duration = Duration::from_millis(500);
const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limited(name: &str, value: &str) -> ResponseTemplate {
    failed(429, "slow down").append_header(name, value)
}

#[tokio::test]
async fn a_provider_that_asks_for_a_pause_gets_it() {
    let dated =
        limited("retry-after", "Thu, 01 Jan 2026 00:00:20 GMT").append_header("date", "Thu, 01 Jan 2026 00:00:15 GMT");
    for (answer, pause) in [
        (limited("retry-after", "7"), seconds(7)),
        (limited("retry-after-ms", "1500"), Duration::from_millis(1_500)),
        (dated, seconds(5)),
        (failed(503, "starting").append_header("retry-after", "3"), seconds(3)),
        (failed(429, "slow down"), HALF),
    ] {
        let provider = Provider::with(vec![answer, ok(&said("x"))]).await;
        provider.ask().await.unwrap();
        assert_eq!(provider.slept(), [pause]);
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_too_long_is_left() {
    let provider = Provider::with(vec![limited("retry-after", "31")]).await;
    let error = provider.ask().await.unwrap_err();
    assert_eq!(error.retry_after, Some(seconds(31)));
    assert!(error.to_string().starts_with("main: answered 429: "), "{error}");
    assert!(provider.slept().is_empty());

    let provider = Provider::with_options(vec![limited("retry-after", "15")], |options| options.retries = 5).await;
    assert_eq!(provider.ask().await.unwrap_err().retry_after, Some(seconds(15)));
    assert_eq!(provider.slept(), [seconds(15)], "all pauses together stay within the timeout");

    let quota = json!({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}});
    let provider = Provider::with(vec![ResponseTemplate::new(429).set_body_json(quota)]).await;
    assert_eq!(provider.ask().await.unwrap_err().retry_after, MINUTE);
    assert_eq!(provider.sent().await.len(), 1, "asking again brings no money");
}

#[tokio::test]
async fn a_server_error_is_asked_away() {
    let provider = Provider::with(vec![failed(500, "oops"), failed(502, "oops"), ok(&said("x"))]).await;
    assert_eq!(provider.ask().await.unwrap().step, Step::Said("x".to_owned()));
    assert_eq!(provider.slept(), [HALF, seconds(1)]);

    let provider = Provider::with(vec![failed(500, "oops")]).await;
    let error = provider.ask().await.unwrap_err();
    assert_eq!((error.retry_after, provider.sent().await.len()), (MINUTE, 3), "two retries and no more");
}

#[tokio::test]
async fn what_will_not_change_is_not_asked_again_and_the_key_is_never_told() {
    for status in [400, 401, 403, 404] {
        let message = format!("Incorrect API key provided: {KEY}.\n{}", "long ".repeat(200));
        let provider = Provider::with(vec![failed(status, &message)]).await;
        let error = provider.ask().await.unwrap_err();
        assert!(error.why.starts_with(&format!("answered {status}: ")), "{error}");
        assert!(error.why.contains("[secret]") && !error.to_string().contains(KEY), "{error}");
        assert!(error.why.chars().count() <= 401);
        assert_eq!(error.retry_after, if status == 400 { None } else { MINUTE });
        assert_eq!(provider.sent().await.len(), 1);
    }
    let provider = Provider::with_options(vec![ok(&said("x"))], |options| options.api_key = "sk\u{7}\nx".into()).await;
    let error = provider.ask().await.unwrap_err();
    assert_eq!(error.why, "the API key holds characters that no HTTP header can carry");
    assert!(provider.sent().await.is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let (model, clock) = model(options(&format!("http://user:hidden@{address}")));
    let error = ask(&model, Vec::new(), &[]).await.unwrap_err();
    assert!(error.why.starts_with(&format!("{address} cannot be reached: ")), "{error}");
    assert!(!error.why.contains("hidden"));
    assert_eq!(error.retry_after, MINUTE);
    assert_eq!(*clock.slept.lock().unwrap(), [HALF, seconds(1)]);
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let slow = ok(&said("late")).set_delay(seconds(60));
    let short = Duration::from_millis(40);
    let provider = Provider::with_options(vec![slow], |options| {
        options.timeout = short;
        options.retries = 1;
    })
    .await;
    let error = provider.ask().await.unwrap_err();
    assert_eq!((error.why.as_str(), error.retry_after), ("no whole answer within 40ms", MINUTE));
}

/// A server that says these bytes to each connection and hangs up.
async fn hanging_up(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 65_536]).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_asked_for_again() {
    let half = events(&[delta(&json!({"content": "It is"}))], false);
    let whole = events(&[delta(&json!({"content": "It is down."})), finish("stop")], true);
    let provider = Provider::with_options(vec![half, whole], |options| options.streaming = true).await;
    assert_eq!(provider.ask().await.unwrap().step, Step::Said("It is down.".to_owned()));
    assert_eq!(provider.slept(), [HALF]);

    for (head, why) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n20\r\ndata: {\"choi",
            "broke off",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"choices\":", "broke off"),
        ("", "broke off"),
    ] {
        let address = hanging_up(head).await;
        let mut options = options(&format!("http://{address}"));
        options.streaming = true;
        let (model, clock) = model(options);
        let error = ask(&model, Vec::new(), &[]).await.unwrap_err();
        assert!(error.why.contains(why), "{error}");
        assert_eq!(clock.slept.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn what_is_no_completion_is_told_with_its_beginning() {
    for (body, streaming) in [("<html>Sign in</html>", false), ("{\"ok\":1}", false), ("data: <html>Sign in\n\n", true)]
    {
        let answer = ResponseTemplate::new(200).set_body_raw(body, "text/html");
        let provider = Provider::with_options(vec![answer], |options| options.streaming = streaming).await;
        let error = provider.ask().await.unwrap_err();
        assert!(error.why.starts_with("the answer is no chat completion ("), "{error}");
        let begins = body.trim_start_matches("data: ").trim();
        assert!(error.why.ends_with(&format!("it begins with: {begins}")), "{error}");
        assert_eq!((error.retry_after, provider.sent().await.len()), (None, 1));
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let huge = "x".repeat(5 * 1024 * 1024);
    for (answer, streaming) in [(ok(&said(&huge)), false), (events(&[delta(&json!({"content": huge}))], true), true)] {
        let provider = Provider::with_options(vec![answer], |options| options.streaming = streaming).await;
        assert_eq!(provider.ask().await.unwrap_err().why, "the answer is larger than 4 MiB");
        assert_eq!(provider.sent().await.len(), 1);
    }
    let many = vec![("a", "{}"); 200];
    let error = Provider::with(vec![ok(&called(&many))]).await.ask().await.unwrap_err();
    assert_eq!(error.why, "the answer holds more than 128 calls");
}

#[tokio::test]
async fn an_empty_answer_is_an_error_that_says_why() {
    let length = "empty answer (finish_reason length: max_output_tokens was used up before it said anything)";
    for (message, finish, why) in [
        (json!({"content": null}), "stop", "empty answer (finish_reason stop)"),
        (json!({"content": "", "reasoning_content": "hm"}), "length", length),
        (json!({"content": "<think>hm", "tool_calls": []}), "length", length),
        (json!({}), "content_filter", "empty answer (finish_reason content_filter)"),
    ] {
        let error = Provider::with(vec![ok(&completion(&message, finish))]).await.ask().await.unwrap_err();
        assert_eq!((error.why.as_str(), error.retry_after), (why, None));
    }
}

#[tokio::test]
async fn an_error_in_place_of_an_answer_counts_as_one() {
    let overloaded = json!({"error": {"code": 502, "message": "upstream is gone"}});
    let provider = Provider::with(vec![ok(&overloaded), ok(&said("x"))]).await;
    provider.ask().await.unwrap();
    assert_eq!(provider.slept(), [HALF]);

    let moderated = json!({"error": {"code": "moderated", "message": "no"}, "choices": []});
    let provider = Provider::with_options(vec![events(&[moderated], true)], |options| options.streaming = true).await;
    let error = provider.ask().await.unwrap_err();
    assert_eq!(error.why, r#"answered 200: {"error":{"code":"moderated","message":"no"}}"#);
}
