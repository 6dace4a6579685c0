//! In a Swarm of one node, on the host's network: four tasks share a port.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    bench::{Bench, docker, host, tried},
    load::Load,
};

const SERVICE: &str = "swarmed";
const PORT: &str = "18324";

/// Leaves the Swarm when it is dropped.
struct Swarm(Bench);

impl Drop for Swarm {
    fn drop(&mut self) {
        let _ = tried(&["service", "rm", SERVICE]);
        let _ = tried(&["swarm", "leave", "--force"]);
    }
}

async fn swarm() -> Swarm {
    let bench = Bench::new(SERVICE, ("com.docker.swarm.service.name", SERVICE), &host());
    let _ = tried(&["swarm", "leave", "--force"]);
    docker(&["swarm", "init", "--listen-addr", "127.0.0.1:2377", "--advertise-addr", "127.0.0.1"]);
    let port = format!("PORT={PORT}");
    docker(&[
        "service",
        "create",
        "--detach",
        "--name",
        SERVICE,
        "--replicas",
        "4",
        "--network",
        "host",
        "--endpoint-mode",
        "dnsrr",
        "--no-resolve-image",
        "--env",
        "PORT_SHARING=1",
        "--env",
        &port,
        "--stop-grace-period",
        "15s",
        "--limit-memory",
        "48m",
        "market-predictor:1",
    ]);
    let begun = Instant::now();
    while docker(&["service", "ls", "--format", "{{.Replicas}}"]) != "4/4" {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", docker(&["service", "ps", SERVICE]));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Swarm(bench)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn four_tasks_are_scaled_deployed_and_rolled_back_without_a_lost_request() {
    let swarm = swarm().await;
    let bench = &swarm.0;
    let load = Load::on_host(&format!("127.0.0.1:{PORT}"));
    bench.there_and_back("scale_service", json!({"replicas": 6})).await;
    println!("scaled: {:?}", load.end().await);

    let load = Load::on_host(&format!("127.0.0.1:{PORT}"));
    bench.there_and_back("deploy_service", json!({"image": "market-predictor:2"})).await;
    let counted = load.end().await;
    println!("deployed: {counted:?}");
    assert_eq!(counted.failed, 0, "{counted:?}");

    let args = bench.args(json!({"image": "market-predictor:2"}));
    let before = bench.before("deploy_service", &args).await;
    bench.apply("deploy_service", &args, &before).await.unwrap();
    let effect = {
        let args = bench.args(json!({}));
        let before = bench.before("rollback_service", &args).await;
        bench.registry.effect("rollback_service", &args, &before).unwrap()
    };
    assert_eq!(effect.image.as_deref(), Some("market-predictor:1"));
    assert_eq!(effect.replicas.unwrap().taken_at_once, 1);
    let load = Load::on_host(&format!("127.0.0.1:{PORT}"));
    bench.there_and_back("rollback_service", json!({})).await;
    let counted = load.end().await;
    println!("rolled back: {counted:?}");
    assert_eq!(counted.failed, 0, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn a_sick_image_is_taken_back_by_the_swarm_and_limits_are_set() {
    let swarm = swarm().await;
    let bench = &swarm.0;
    bench.there_and_back("update_resources", json!({"memory_mib": 96})).await;

    let args = bench.args(json!({"image": "market-predictor:sick"}));
    let before = bench.before("deploy_service", &args).await;
    let failed = bench.apply("deploy_service", &args, &before).await.unwrap_err();
    println!("{failed}");
    assert!(failed.to_string().contains("the Swarm went back to market-predictor:1"), "{failed}");
    println!("found: {:?}", bench.happened("deploy_service", &args, &before).await);
    bench.undo("deploy_service", &args, &before).await;
    bench.restored("deploy_service", &args, &before).await;
    let told = bench.registry.before("scale_service", &bench.args(json!({"replicas": 4}))).await.unwrap_err();
    assert!(told.to_string().contains("4 replicas already"), "{told}");
}
