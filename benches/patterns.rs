//! How many raw lines a second one core turns into patterns. Beside it a known limit: drain3 in Python on the same lines, by hand.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use analysis::patterns::{Miner, Settings};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Lines of several loggers, with values from a generator of fixed seed.
fn lines(count: usize) -> Vec<String> {
    let mut state = 42_u64;
    let mut next = move |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    (0..count)
        .map(|at| {
            let (second, value) = (at % 60, next(100_000));
            match next(8) {
                0 => format!("2026-11-25T10:00:{second:02}.123Z  INFO app::server: GET /predict/{value} took {} ms", next(900)),
                1 => format!("Nov 25 10:00:{second:02} web-1 sshd[{value}]: Failed password for invalid user a from 10.0.{}.{} port {value} ssh2", next(255), next(255)),
                2 => format!("{{\"ts\":\"2026-11-25T10:00:{second:02}Z\",\"level\":\"warn\",\"msg\":\"cache miss for key {value}\",\"shard\":{}}}", next(16)),
                3 => format!("ts=2026-11-25T10:00:{second:02}Z level=info msg=\"compacted block {value}\" duration={}ms", next(900)),
                4 => format!("10.0.0.{} - - [25/Nov/2026:10:00:{second:02} +0000] \"GET /item/{value} HTTP/1.1\" 200 {}", next(255), next(9_000)),
                5 => format!("I1125 10:00:{second:02}.000000 {} controller.go:{}] Reconciled deployment shop-{value}", next(9_000), next(900)),
                6 => format!("2026-11-25 10:00:{second:02},978 WARN [pool-{}] com.acme.Pool: Connection {value} is idle for {} s", next(16), next(900)),
                _ => format!("2026/11/25 10:00:{second:02} [error] 12#12: *{value} upstream timed out (110: Connection timed out) while reading"),
            }
        })
        .collect()
}

fn bench(criterion: &mut Criterion) {
    let lines = lines(100_000);
    let mut group = criterion.benchmark_group("patterns");
    group.throughput(Throughput::Elements(lines.len() as u64)).sample_size(10);
    group.bench_function("raw lines", |bencher| {
        bencher.iter(|| {
            let mut miner = Miner::new(Settings::default());
            lines.iter().map(|line| miner.add(line)).fold(0, u64::max)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
