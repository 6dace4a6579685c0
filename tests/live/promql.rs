//! The world's PromQL beside a real Prometheus over the same samples, query by query.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use evals::{Case, World};
use serde_json::Value;
use tokio::process::Command;

use crate::{lab::Lab, past};

/// Expressions as an investigation asks them.
const EXPRESSIONS: [&str; 44] = [
    "up",
    r#"up{job="market-predictor"} == 0"#,
    r#"up{job=~"market.*|gateway"}"#,
    r#"up{job!="gateway"}"#,
    "sum(up)",
    "sum by (job) (up)",
    "count without (instance) (up)",
    "min(up) + max(up)",
    "rate(http_requests_total[5m])",
    "irate(http_requests_total[5m])",
    "increase(http_requests_total[10m])",
    "delta(process_resident_memory_bytes[10m])",
    "deriv(process_resident_memory_bytes[10m])",
    "sum by (job, status) (rate(http_requests_total[5m]))",
    r#"sum(rate(http_requests_total{job="market-predictor",status="500"}[5m])) / sum(rate(http_requests_total{job="market-predictor"}[5m]))"#,
    r#"sum(rate(http_requests_total{job="market-predictor",status="500"}[5m])) / sum(rate(http_requests_total{job="market-predictor"}[5m])) > 0.05"#,
    r#"http_requests_in_flight{job="market-predictor"} > 40"#,
    "http_requests_in_flight >= bool 4",
    "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    "histogram_quantile(0.5, rate(http_request_duration_seconds_bucket[5m]))",
    "rate(http_request_duration_seconds_sum[5m]) / rate(http_request_duration_seconds_count[5m])",
    "topk(2, process_resident_memory_bytes)",
    "bottomk(1, process_resident_memory_bytes)",
    "quantile(0.5, process_resident_memory_bytes)",
    "stddev(process_resident_memory_bytes)",
    "avg_over_time(http_requests_in_flight[10m])",
    "max_over_time(http_requests_in_flight[10m])",
    "min_over_time(up[30m])",
    "sum_over_time(up[5m])",
    "count_over_time(up[5m])",
    "quantile_over_time(0.9, http_requests_in_flight[10m])",
    "stddev_over_time(process_resident_memory_bytes[10m])",
    "last_over_time(up[5m])",
    "changes(up[30m])",
    "resets(http_requests_total[30m])",
    "http_requests_in_flight offset 10m",
    "process_resident_memory_bytes / 1024 / 1024",
    "process_resident_memory_bytes / on (job, instance) process_cpu_seconds_total",
    "absent(up{job=\"nowhere\"})",
    "absent(up)",
    "clamp_max(http_requests_in_flight, 10)",
    "abs(-up) * 2 ^ 3 % 5",
    "up and http_requests_in_flight",
    "up unless http_requests_in_flight",
];

/// Values of one answer by series and moment.
type Points = BTreeMap<String, BTreeMap<i64, f64>>;

pub(crate) async fn differential(lab: &Lab) -> Result<usize> {
    let mut compared = 0;
    for case in Case::all_embedded()? {
        let name = case.name.clone();
        let world = World::start(case).await?;
        let port = lab.second_prometheus_port;
        let mut real = real(lab, &name, port).await?;
        // Before the fault: where a container stopped, the world ends its series as a scrape would; a file of samples cannot.
        let end = world.now().timestamp() - 900;
        let (mut wrong, mut with_series) = (Vec::new(), 0);
        for expression in EXPRESSIONS {
            for (path, times) in
                [("query", format!("time={end}")), ("query_range", format!("start={}&end={end}&step=60", end - 900))]
            {
                let mut query = reqwest::Url::parse(&format!("http://localhost/?{times}"))?;
                query.query_pairs_mut().append_pair("query", expression);
                let query = query.query().unwrap_or_default().to_owned();
                let ask = async |base: &str| lab.get_json(&format!("{base}/api/v1/{path}?{query}")).await;
                let (ours, theirs) =
                    (ask(&world.prometheus_url()).await, ask(&format!("http://127.0.0.1:{port}")).await);
                with_series += usize::from(theirs.as_ref().is_ok_and(|theirs| !points(theirs).is_empty()));
                let told = match (ours, theirs) {
                    (Ok(ours), Ok(theirs)) => differs(&points(&ours), &points(&theirs)),
                    (ours, theirs) => Some(format!("ours {ours:?}, theirs {theirs:?}")),
                };
                compared += 1;
                wrong.extend(told.map(|told| format!("{name} {path} {expression}: {told}")));
            }
        }
        real.kill().await?;
        world.shutdown().await;
        ensure!(
            with_series > EXPRESSIONS.len(),
            "only {with_series} answers of {name} have series: the samples are not there"
        );
        ensure!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
    }
    Ok(compared)
}

/// A Prometheus that holds the case's samples and scrapes nothing.
async fn real(lab: &Lab, case: &str, port: u16) -> Result<tokio::process::Child> {
    let data = lab.path(&format!("promql-{case}"));
    let samples = format!("{}/evals/incidents/{case}/metrics/fault.om", env!("CARGO_MANIFEST_DIR"));
    past::fill(samples.as_ref(), &data).await?;
    let configuration = lab.path("promql.yml");
    std::fs::write(&configuration, "scrape_configs: []\n")?;
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("prometheus")?;
    let url = format!("http://127.0.0.1:{port}/-/ready");
    lab.until("the second Prometheus is ready", async |lab| lab.get(&url).await.is_ok()).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(child)
}

fn points(answer: &Value) -> Points {
    let mut points = Points::new();
    let result = &answer["data"]["result"];
    if answer["data"]["resultType"] == "scalar" {
        points.insert("scalar".to_owned(), point(result).into_iter().collect());
        return points;
    }
    for series in result.as_array().into_iter().flatten() {
        let values = series["values"].as_array().cloned().unwrap_or_else(|| vec![series["value"].clone()]);
        points.insert(series["metric"].to_string(), values.iter().filter_map(point).collect());
    }
    points
}

fn point(value: &Value) -> Option<(i64, f64)> {
    let at = value.get(0)?.as_f64()?;
    let number = match value.get(1)?.as_str()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        text => text.parse().ok()?,
    };
    Some(((at * 1_000.0).round() as i64, number))
}

fn differs(ours: &Points, theirs: &Points) -> Option<String> {
    let (a, b): (Vec<_>, Vec<_>) = (ours.keys().collect(), theirs.keys().collect());
    if a != b {
        return Some(format!("series {a:?}, and should be {b:?}"));
    }
    for (series, values) in theirs {
        let mine = &ours[series];
        if mine.len() != values.len() {
            return Some(format!("{series}: {} points, and should be {}", mine.len(), values.len()));
        }
        for (at, value) in values {
            let Some(found) = mine.get(at) else {
                return Some(format!("{series}: nothing at {at}"));
            };
            let same =
                (found.is_nan() && value.is_nan()) || found == value || (found - value).abs() <= value.abs() * 1e-9;
            if !same {
                return Some(format!("{series} at {at}: {found}, and should be {value}"));
            }
        }
    }
    None
}
