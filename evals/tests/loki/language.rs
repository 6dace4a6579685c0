//! LogQL beyond what was recorded, worked out from its documentation by hand, and what is refused.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::behaviour::{lines, server};

const INSTANT: &str = "/loki/api/v1/query";
const RANGE: &str = "/loki/api/v1/query_range";

#[tokio::test]
async fn filters_and_formats() {
    let server = server(&[
        (6, r#"{"status":500,"took":"1.5s","size":"2KB","req":{"path":"/a","ids":[7,8]},"n":null}"#),
        (5, r#"{"status":200,"took":"20ms","size":"512B","req":{"path":"/b"}}"#),
        (4, "plain a=b"),
    ])
    .await;
    for (pipeline, found) in [
        (r#"| json | took > 1s and size >= 1KB | line_format "{{.req_path}}""#, vec!["/a"]),
        (r#"| json | (status=200 or took > 1s), size < 1KB | line_format "{{ .took }}""#, vec!["20ms"]),
        (r#"| json first="req.ids[0]" | first="7" | line_format "{{.first}} {{.gone}}.""#, vec!["7 ."]),
        (
            r#"| json | __error__="" | label_format a="{{.status}}!", b=took | line_format "{{.a}} {{.b}}{{.took}}""#,
            vec!["500! 1.5s", "200! 20ms"],
        ),
        (r#"| json | __error__!="""#, vec!["plain a=b"]),
        (r#"| logfmt --strict | a="b" | line_format "{{.a}}""#, vec!["b"]),
        (
            r#"!= "plain" or "500" | line_format `<{{__line__}}>` |~ "^<.*20ms""#,
            vec![r#"<{"status":200,"took":"20ms","size":"512B","req":{"path":"/b"}}>"#],
        ),
        (
            r#"| regexp `(?P<letter>[a-z])=(?P<other>\w)` | letter="a" | keep other | line_format "{{.letter}}{{.other}}""#,
            vec!["b"],
        ),
        (r#"|= "plain" # a comment"#, vec!["plain a=b"]),
        (r#"| json | status >= 500 | drop status="500" | line_format "{{.status}}{{.size}}""#, vec!["2KB"]),
    ] {
        assert_eq!(lines(&server, &format!("{{app=\"shop\"}} {pipeline}"), &[]).await, found, "{pipeline}");
    }
}

#[tokio::test]
async fn numbers() {
    let server = server(&[(90, "v=1 d=1s b=1KB"), (50, "v=2 d=2s b=2KB"), (20, "v=6 d=3s b=3KB"), (10, "v=x")]).await;
    let good = "{app=\"shop\"} | logfmt | v!=\"x\"";
    for (query, expected) in [
        ("sum(count_over_time({app=\"shop\"}[1m]))".into(), "3"),
        ("sum(count_over_time({app=\"shop\"}[1m] offset 1m))".into(), "1"),
        (format!("sum(sum_over_time({good} | unwrap v [5m]))"), "9"),
        (format!("avg_over_time({good} | unwrap v [5m]) by (app)"), "3"),
        (format!("stdvar_over_time({good} | unwrap v [5m]) by (app)"), "4.666666666666667"),
        (format!("first_over_time({good} | unwrap v [5m]) by (app)"), "1"),
        (format!("last_over_time({good} | unwrap v [5m]) by (app)"), "6"),
        (format!("max_over_time({good} | unwrap duration(d) [5m]) by (app)"), "3"),
        (format!("sum(sum_over_time({good} | unwrap bytes(b) [5m]))"), "6000"),
        (format!("sum(rate({good} | unwrap v [90s]))"), "0.08888888888888889"),
        ("sum(sum_over_time({app=\"shop\"} | logfmt | unwrap v | __error__=\"\" [5m]))".into(), "9"),
        ("sum(rate({app=\"gone\"}[1m])) or vector(0)".into(), "0"),
        ("sum(count_over_time({app=\"shop\"}[5m])) > bool 5".into(), "0"),
        ("2 ^ 3 ^ 0 + sum(count_over_time({app=\"shop\"}[5m])) * 2 - -1".into(), "11"),
        ("sum(count_over_time({app=\"shop\"}[5m])) / 0".into(), "NaN"),
        ("sum by (app) (rate({app=\"shop\"}[4s])) / on(app) sum by (app, host) (rate({app=\"shop\"}[4s])) or vector(7)".into(), "7"),
        ("sum by (app) (count_over_time({app=\"shop\"}[5m])) / on(app) sum by (app, host) (count_over_time({app=\"shop\"}[5m]))".into(), "1"),
        ("count(count_over_time({app=\"shop\"}[5m]) unless count_over_time({app=\"gone\"}[5m]))".into(), "1"),
        ("absent_over_time({app=\"gone\", host!=\"b\"}[5m])".into(), "1"),
    ] {
        let found = server.get(INSTANT, &[("query", &query)]).await;
        assert_eq!(found.body["data"]["result"][0]["value"][1], expected, "{query}: {}", found.body);
    }
    let scalar = server.get(INSTANT, &[("query", "1 + 2 * 3")]).await;
    assert_eq!(
        (&scalar.body["data"]["resultType"], &scalar.body["data"]["result"][1]),
        (&"scalar".into(), &"7".into())
    );
}

#[tokio::test]
async fn refusals_are_worded_as_loki_words_them() {
    let server = server(&[]).await;
    for (query, text) in [
        ("", "parse error : syntax error: unexpected $end"),
        ("{a}", "parse error at line 1, col 3: syntax error: unexpected }, expecting = or =~ or !~ or !="),
        ("{a=b}", "parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ("{\"a\"}", "parse error at line 1, col 2: syntax error: unexpected STRING, expecting IDENTIFIER or }"),
        ("{a='cart'}", "parse error at line 1, col 4: invalid char literal"),
        ("{a=\"b}", "parse error at line 1, col 4: literal not terminated"),
        ("{a=\"b\"} |~ \"\\d+\"", "parse error at line 1, col 12: invalid char escape"),
        ("{a=\"b\"}[5m]", "parse error at line 0, col 8: syntax error: unexpected RANGE"),
        ("rate({a=\"b\"}[5x])", "parse error at line 0, col 13: not a valid duration string: \"5x\""),
        ("{a=\"b\"} | regexp `x`", "parse error : invalid regexp parser: at least one named capture must be supplied"),
        ("{a=\"b\"} | pattern `x`", "parse error : invalid pattern parser: at least one capture is required"),
        ("{a=~\"(\"}", "parse error : error parsing regexp: missing closing ): `^(?s:()$`"),
        ("sum({a=\"b\"})", "parse error at line 1, col 12: syntax error: unexpected )"),
        ("sum_over_time({a=\"b\"}[5m])", "parse error : invalid aggregation sum_over_time without unwrap"),
        ("count_over_time({a=\"b\"} | unwrap x [5m])", "parse error : invalid aggregation count_over_time with unwrap"),
        (
            "quantile_over_time({a=\"b\"} | unwrap x [5m])",
            "parse error : parameter required for operation quantile_over_time",
        ),
        ("topk(0, rate({a=\"b\"}[5m]))", "parse error : invalid parameter (must be greater than 0) topk(0"),
        (
            "rate({a=\"b\"}[5m]) + {a=\"b\"}",
            "parse error : unexpected type for right leg of binary operation (+): *syntax.MatchersExpr",
        ),
        (
            "1 or rate({a=\"b\"}[5m])",
            "parse error : unexpected literal for left leg of logical/set binary operation (or): 1.000000",
        ),
        (
            "label_replace(rate({a=\"b\"}[5m]), \"c\", \"$1\", \"a\", \"(.*)\")",
            "label_replace is not supported by this double of Loki",
        ),
        ("{a=\"b\"} | unpack", "the unpack stage is not supported by this double of Loki"),
    ] {
        let found = server.get(RANGE, &[("query", query)]).await;
        assert_eq!((found.status, found.body.as_str().unwrap()), (400, text), "{query}");
    }
}

#[tokio::test]
async fn no_query_breaks_the_double() {
    let server =
        server(&[(5, "{\"a\": {\"b\": \"\\u00\"}}"), (4, "a=\"\\"), (3, "{{{{[[["), (2, "é\u{1b}[31m=x")]).await;
    let queries: Vec<Value> = serde_json::from_str(include_str!("fixtures/queries.json")).unwrap();
    let texts: BTreeSet<&str> = queries.iter().map(|query| query["params"]["query"].as_str().unwrap()).collect();
    for (deep, path) in [
        (format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000)), INSTANT),
        (format!("vector(1){}", "+vector(1)".repeat(12_000)), INSTANT),
        (format!("{{app=\"shop\"}} | a=\"1\"{}", " a=\"1\"".repeat(15_000)), RANGE),
    ] {
        let response = server.client.post(server.url(path)).form(&[("query", &deep)]).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 400);
    }
    let doubling = "| line_format \"{{__line__}}{{__line__}}\"".repeat(40);
    let longest = lines(&server, &format!("{{app=\"shop\"}} {doubling}"), &[]).await;
    assert!(longest.iter().all(|line| line.len() <= 64 << 10));
    for text in texts {
        for cut in (0..text.len()).step_by(3) {
            let (start, end) = (text.get(..cut).unwrap_or_default(), text.get(cut + 1..).unwrap_or_default());
            for broken in [start.to_owned(), format!("{start}{end}"), format!("{start}é({end}")] {
                let broken = broken.replace("service=", "app!=");
                let found = server.get(RANGE, &[("query", &broken), ("step", "600")]).await;
                assert!(found.status == 200 || found.status == 400, "{broken}: {}", found.status);
            }
        }
    }
}
