//! Single calls that fail on purpose, before or after they are done.

use bollard::query_parameters::StartContainerOptions;
use evals::{BrokenCall, Fault, Illness, Part, World};

use crate::{
    docker_hands::stop,
    support::{docker, fleet, seconds, send},
};

async fn begin(world: &World) -> Result<(), bollard::errors::Error> {
    docker(world).start_container("web-2", None::<StartContainerOptions>).await
}

fn runs(world: &World) -> bool {
    world.containers().iter().any(|one| one.name == "web-2" && one.running)
}

#[tokio::test]
async fn a_call_is_cut_before_or_after_it_is_done() {
    for after in [false, true] {
        let world = fleet("catalog", Illness::Misconfigured).await;
        stop(&docker(&world), "web-2").await;
        let call = BrokenCall { after, ..BrokenCall::first("POST", "/containers/*/start", Fault::Refuse) };
        world.break_call(Part::Docker, call);
        assert!(begin(&world).await.is_err());
        assert_eq!(runs(&world), after);
        assert_eq!(world.struck_calls(Part::Docker), 1);
        begin(&world).await.unwrap();
        assert!(runs(&world), "only the first was struck");
        world.shutdown().await;
    }
}

#[tokio::test]
async fn the_nth_matching_call_is_struck_and_others_are_not() {
    let world = fleet("catalog", Illness::Misconfigured).await;
    let call = BrokenCall {
        nth: 3,
        once: false,
        ..BrokenCall::first("GET", "/containers/web-*/json", Fault::Status(500, None))
    };
    world.break_call(Part::Docker, call);
    let mut statuses = Vec::new();
    for name in ["web-1", "catalog-1", "web-2", "web-3", "catalog-1", "web-4"] {
        statuses.push(send("GET", &format!("{}/containers/{name}/json", world.docker_url()), None).await.0);
    }
    assert_eq!(statuses, [200, 200, 200, 500, 200, 500]);
    world.mend_calls(Part::Docker);
    assert_eq!(send("GET", &format!("{}/containers/web-1/json", world.docker_url()), None).await.0, 200);
    world.shutdown().await;
}

#[tokio::test]
async fn every_fault_strikes_a_call_that_was_done() {
    let faults = [
        Fault::Refuse,
        Fault::Status(500, None),
        Fault::Half,
        Fault::Hang,
        Fault::Slow(std::time::Duration::from_millis(10)),
    ];
    for fault in faults {
        let world = fleet("catalog", Illness::Misconfigured).await;
        stop(&docker(&world), "web-2").await;
        let call = BrokenCall::first("POST", "/containers/web-2/start", fault.clone());
        world.break_call(Part::Docker, BrokenCall { after: true, ..call });
        let answered = tokio::time::timeout(seconds(1), begin(&world)).await;
        let well = matches!(answered, Ok(Ok(())));
        assert_eq!(well, matches!(fault, Fault::Slow(_)), "{fault:?}: {answered:?}");
        assert!(runs(&world), "{fault:?}");
        world.shutdown().await;
    }
}

#[tokio::test]
async fn calls_of_other_parts_are_struck_alike() {
    let world = fleet("catalog", Illness::Misconfigured).await;
    world.break_call(Part::Prometheus, BrokenCall::first("GET", "/api/v1/**", Fault::Status(429, Some(3))));
    let url = format!("{}/api/v1/query?query=up", world.prometheus_url());
    assert_eq!(send("GET", &url, None).await.0, 429);
    assert_eq!(send("GET", &url, None).await.0, 200);
    world.shutdown().await;
}
