//! The Swarm: updates that take their time, failures, rollbacks.
//!
//! Specifications go as JSON: the client's own type knows a health check only as `HealthCheck`, while an engine says
//! `Healthcheck`, so that one that is read and sent again by it has lost its health check.

use std::collections::HashMap;

use bollard::{
    Docker,
    models::Task,
    query_parameters::{InspectServiceOptions, ListServicesOptions, ListTasksOptions, UpdateServiceOptions},
};
use evals::{Action, Effect, Illness, World};
use serde_json::Value;

use crate::support::{docker, fleet, get, running, seconds, send};

async fn now(world: &World) -> (Value, u64) {
    let (_, service) = get(&format!("{}/services/search", world.docker_url())).await;
    (service["Spec"].clone(), service["Version"]["Index"].as_u64().unwrap())
}

async fn update(world: &World, change: impl Fn(&mut Value)) {
    let (mut spec, version) = now(world).await;
    change(&mut spec);
    let url = format!("{}/services/search/update?version={version}", world.docker_url());
    let (status, body) = send("POST", &url, Some(&spec)).await;
    assert_eq!(status, 200, "{body}");
}

async fn roll_back(world: &World) -> u16 {
    let (spec, version) = now(world).await;
    let url = format!("{}/services/search/update?version={version}&rollback=previous", world.docker_url());
    send("POST", &url, Some(&spec)).await.0
}

fn image(image: &'static str) -> impl Fn(&mut Value) {
    move |spec| spec["TaskTemplate"]["ContainerSpec"]["Image"] = image.into()
}

fn replicas(count: u64) -> impl Fn(&mut Value) {
    move |spec| spec["Mode"]["Replicated"]["Replicas"] = count.into()
}

async fn state(docker: &Docker) -> String {
    let service = docker.inspect_service("search", None::<InspectServiceOptions>).await.unwrap();
    service.update_status.and_then(|status| status.state).map(|state| state.to_string()).unwrap_or_default()
}

async fn tasks(docker: &Docker) -> Vec<Task> {
    let filters = HashMap::from([("service".to_owned(), vec!["search".to_owned()])]);
    docker.list_tasks(Some(ListTasksOptions { filters: Some(filters) })).await.unwrap()
}

fn service(world: &World) -> evals::ObservedService {
    world.services_swarm().remove(0)
}

#[tokio::test]
async fn a_swarm_is_told_of() {
    let world = fleet("search", Illness::Misconfigured).await;
    let docker = docker(&world);
    let information = docker.info().await.unwrap().swarm.unwrap();
    assert_eq!(information.control_available, Some(true));
    assert!(docker.inspect_swarm().await.unwrap().id.is_some());
    assert_eq!(docker.list_nodes(None::<bollard::query_parameters::ListNodesOptions>).await.unwrap().len(), 1);
    let services = docker.list_services(None::<ListServicesOptions>).await.unwrap();
    assert_eq!(services.len(), 1);
    let tasks = tasks(&docker).await;
    assert_eq!(tasks.len(), 4);
    for task in tasks {
        let container = task.status.unwrap().container_status.unwrap().container_id.unwrap();
        assert_eq!(docker.inspect_container(&container, None).await.unwrap().state.unwrap().running, Some(true));
    }
    world.shutdown().await;
}

#[tokio::test]
async fn more_replicas_start_and_fewer_go() {
    let world = fleet("search", Illness::Overloaded(6)).await;
    let docker = docker(&world);
    update(&world, replicas(6)).await;
    assert_eq!(state(&docker).await, "", "a number of replicas alone is no update of tasks");
    let now = service(&world);
    assert_eq!((now.replicas, now.running, now.healthy), (6, 6, 4));
    world.advance(seconds(10));
    assert_eq!(service(&world).healthy, 6);
    assert!(world.healed());
    let change = world.changes().remove(0);
    assert_eq!((change.action, change.replicas, change.effect), (Action::ServiceUpdate, Some(6), Effect::Helped));
    assert_eq!((change.service.as_str(), change.container.as_str()), ("search", ""));
    update(&world, replicas(2)).await;
    assert_eq!(running(&world, "search").len(), 2);
    assert_eq!(world.changes().last().unwrap().effect, Effect::Harmed);
    world.shutdown().await;
}

#[tokio::test]
async fn another_image_takes_its_place_one_by_one() {
    let world = fleet("search", Illness::BadImage(0.4)).await;
    let docker = docker(&world);
    update(&world, image("shop/search:1.4.1")).await;
    assert_eq!(state(&docker).await, "updating");
    let mut fewest = 4;
    let mut most = 0;
    for _ in 0..30 {
        let healthy = service(&world).healthy;
        (fewest, most) = (healthy.min(fewest), service(&world).running.max(most));
        world.advance(seconds(1));
    }
    assert_eq!((fewest, most), (4, 5), "the new one starts first");
    assert_eq!(state(&docker).await, "completed");
    assert!(
        world
            .containers()
            .iter()
            .filter(|one| one.service == "search" && one.running)
            .all(|one| one.image.ends_with(":1.4.1"))
    );
    assert_eq!(world.changes().last().unwrap().effect, Effect::Helped);
    world.advance(seconds(180));
    assert!(world.healed());
    let (_, service) = get(&format!("{}/services/search", world.docker_url())).await;
    assert_eq!(service["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"], "shop/search:1.4.0");
    world.shutdown().await;
}

#[tokio::test]
async fn a_bad_image_pauses_the_update_and_a_rollback_ends_it() {
    for bad in ["shop/search:1.5.0-dead", "shop/search:1.5.0-unhealthy", "shop/nothing:1"] {
        let world = fleet("web", Illness::Misconfigured).await;
        let docker = docker(&world);
        update(&world, image(bad)).await;
        world.advance(seconds(60));
        assert_eq!(state(&docker).await, "paused", "{bad}");
        let good = world.containers().iter().filter(|one| one.service == "search" && one.good).count();
        assert_eq!(good, 4, "{bad}: those before still serve");
        assert_eq!(roll_back(&world).await, 200);
        world.advance(seconds(30));
        assert_eq!(state(&docker).await, "rollback_completed", "{bad}");
        let now = service(&world);
        assert_eq!((now.image.as_str(), now.running, now.healthy), ("shop/search:1.4.0", 4, 4), "{bad}");
        let change = world.changes().remove(1);
        assert_eq!((change.action, change.image.as_deref()), (Action::ServiceRollback, Some("shop/search:1.4.0")));
        world.shutdown().await;
    }
}

#[tokio::test]
async fn an_update_that_says_so_is_rolled_back_by_itself() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let change = |spec: &mut Value| {
        image("shop/search:1.5.0-dead")(spec);
        spec["UpdateConfig"]["FailureAction"] = "rollback".into();
    };
    update(&world, change).await;
    world.advance(seconds(90));
    assert_eq!(state(&docker).await, "rollback_completed");
    assert_eq!((service(&world).healthy, service(&world).image.as_str()), (4, "shop/search:1.4.0"));
    assert_eq!(roll_back(&world).await, 400, "there is nothing before it any more");
    world.shutdown().await;
}

#[tokio::test]
async fn limits_are_updated_by_new_tasks() {
    let world = fleet("search", Illness::ShortOfMemory(512 << 20)).await;
    let change = |spec: &mut Value| spec["TaskTemplate"]["Resources"]["Limits"]["MemoryBytes"] = (600_u64 << 20).into();
    update(&world, change).await;
    world.advance(seconds(60));
    assert_eq!((service(&world).memory, service(&world).healthy), (600 << 20, 4));
    assert!(
        world
            .containers()
            .iter()
            .filter(|one| one.service == "search" && one.running)
            .all(|one| one.memory == 600 << 20)
    );
    assert!(world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn a_task_that_is_killed_is_replaced_and_history_is_short() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    for _ in 0..12 {
        let name = running(&world, "search").remove(0);
        docker.kill_container(&name, None::<bollard::query_parameters::KillContainerOptions>).await.unwrap();
        assert_eq!(running(&world, "search").len(), 3);
        world.advance(seconds(9));
        assert_eq!(running(&world, "search").len(), 4);
    }
    let told = tasks(&docker).await;
    let failed = told.iter().filter(|task| task.status.as_ref().unwrap().err.is_some()).count();
    assert!((5..=12).contains(&failed) && told.len() <= 4 * 6, "{failed} of {}", told.len());
    world.shutdown().await;
}

#[tokio::test]
async fn an_engine_without_a_swarm_says_so() {
    let mut synthetic = evals::Synthetic::fleet("web", Illness::Down);
    synthetic.services.retain(|service| !service.swarm);
    let world = World::start(evals::Case::synthetic(&synthetic).unwrap()).await.unwrap();
    let body = serde_json::json!({});
    let url = format!("{}/services/search/update?version=1", world.docker_url());
    assert_eq!(crate::support::send("POST", &url, Some(&body)).await.0, 503);
    assert_eq!(get(&format!("{}/tasks", world.docker_url())).await.0, 503);
    assert_eq!(world.services_swarm(), []);
    world.shutdown().await;
}

#[tokio::test]
async fn a_real_client_updates_a_service_and_loses_its_health_check() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let service = docker.inspect_service("search", None::<InspectServiceOptions>).await.unwrap();
    let version = i32::try_from(service.version.unwrap().index.unwrap()).unwrap();
    let options = || UpdateServiceOptions { version, ..Default::default() };
    docker.update_service("search", service.spec.clone().unwrap(), options(), None).await.unwrap();
    let again = docker.update_service("search", service.spec.unwrap(), options(), None).await;
    assert!(again.unwrap_err().to_string().contains("update out of sequence"));
    world.advance(seconds(60));
    let (spec, _) = now(&world).await;
    assert_eq!(spec["TaskTemplate"]["ContainerSpec"].get("Healthcheck"), None, "as by a real engine");
    assert!(
        world.containers().iter().filter(|one| one.service == "search" && one.running).all(|one| one.health.is_none())
    );
    world.shutdown().await;
}
