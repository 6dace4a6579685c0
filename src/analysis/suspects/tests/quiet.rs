//! Quiet series, dense and sparse, of which nothing stands out.

use super::*;

/// Moments at which anything was sampled: each with this probability.
fn sparse(seed: u64, name: &'static str, share: f64, value: impl Fn(f64) -> f64) -> Made {
    let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut made = Made::of(&format!("s{}", seed % 9), name, |_| 0.0);
    made.samples.retain(|_| noise.share() < share);
    for sample in &mut made.samples {
        sample.1 = value(noise.next());
    }
    made
}

/// A counter of events that come with this probability at each step.
fn events(seed: u64, name: &'static str, share: f64) -> Made {
    let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut sum = 0.0;
    Made::of(&format!("s{}", seed % 9), name, move |_| {
        sum += f64::from(u8::from(noise.share() < share));
        sum
    })
}

/// A hundred and twenty sparse series of six kinds.
fn world(seed: u64) -> Vec<Made> {
    let one = |index: u64| {
        let seed = seed * 1_000 + index;
        match index % 6 {
            0 => sparse(seed, "queue_wait_ms", 0.1, |noise| 20.0 + noise),
            1 => sparse(seed, "request_latency_p99_ms", 0.15, |noise| 20.0 * (0.7 * noise).exp()),
            2 => sparse(seed, "availability", 0.04, |_| 1.0),
            3 => sparse(seed, "retry_delay_ms", 0.004, |noise| 20.0 + noise),
            4 => events(seed, "request_errors_total", 0.01),
            _ => events(seed, "jobs_total", 0.04),
        }
    };
    (0..120).map(one).collect()
}

#[test]
fn nothing_stands_out_of_sparse_series_that_are_quiet() {
    let told = |seed: u64| {
        let metrics = ranked(&world(seed)).metrics;
        let told = |metric: &MetricSuspect| format!("{} {:?} {:.1}", metric.metric, metric.direction, metric.score);
        metrics.iter().map(told).collect::<Vec<_>>().join(", ")
    };
    let alarms: Vec<_> = (0..40).map(told).filter(|told| !told.is_empty()).collect();
    assert!(alarms.len() <= 1, "{} of 40: {alarms:#?}", alarms.len());
}
