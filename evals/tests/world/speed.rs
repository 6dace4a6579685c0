//! Many calls: what was done before makes no call slower, and nothing grows without bound.

use std::time::Instant;

use evals::{Illness, World};

use crate::support::{fleet, seconds};

/// Requests a round; the rounds are compared.
const ROUND: usize = 1_500;

async fn round(world: &World, client: &reqwest::Client) -> f64 {
    let url = world.docker_url();
    let begun = Instant::now();
    for index in 0..ROUND / 3 {
        let name = format!("web-{}", index % 4 + 1);
        for (method, path) in [
            ("POST", format!("containers/{name}/restart")),
            ("GET", format!("containers/{name}/json")),
            ("GET", "containers/json?all=1".to_owned()),
        ] {
            let request = client.request(method.parse().unwrap(), format!("{url}/{path}"));
            assert!(request.send().await.unwrap().bytes().await.is_ok());
        }
        if index % 10 == 0 {
            world.advance(seconds(1));
        }
    }
    begun.elapsed().as_secs_f64() / ROUND as f64
}

#[tokio::test]
async fn a_call_after_many_is_as_fast_as_the_first() {
    let world = fleet("web", Illness::Hung).await;
    let client = crate::support::client();
    round(&world, &client).await;
    let mut rounds = Vec::new();
    for _ in 0..12 {
        rounds.push(round(&world, &client).await);
    }
    let fastest = |part: &[f64]| part.iter().copied().fold(f64::MAX, f64::min);
    let (early, late) = (fastest(&rounds[..4]), fastest(&rounds[8..]));
    assert!(late < early * 2.0, "{:.0} µs became {:.0} µs", early * 1e6, late * 1e6);
    let changes = world.changes();
    let last = changes.last().unwrap().number;
    assert_eq!(world.changes_after(last - 3).len(), 3);
    assert_eq!(world.changes_after(last), []);
    assert_eq!(last, 13 * ROUND as u64 / 3);
    world.shutdown().await;
}
