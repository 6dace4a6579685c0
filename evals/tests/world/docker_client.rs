//! Docker Engine's double, asked by a real client.

use std::collections::HashMap;

use bollard::{
    Docker,
    errors::Error,
    query_parameters::{
        EventsOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder,
        StartContainerOptions, StatsOptionsBuilder, StopContainerOptions,
    },
};
use futures::StreamExt;

use crate::support::{docker, get, restart, seconds, start};

#[tokio::test]
async fn the_engine_says_what_it_is() {
    let world = start("container-killed").await;
    let docker = docker(&world);
    assert_eq!(docker.ping().await.unwrap(), "OK");
    assert_eq!(docker.version().await.unwrap().api_version.as_deref(), Some("1.41"));
    let information = docker.info().await.unwrap();
    assert_eq!((information.containers, information.containers_running), (Some(5), Some(4)));
    assert_eq!(information.swarm.unwrap().local_node_state.unwrap().to_string(), "inactive");
    let (status, versioned) = get(&format!("{}/v1.41/version", world.docker_url())).await;
    assert_eq!((status, versioned["ApiVersion"].as_str()), (200, Some("1.41")));
    let services = docker.list_services(None::<bollard::query_parameters::ListServicesOptions>).await;
    assert!(
        matches!(services, Err(Error::DockerResponseServerError { status_code: 503, message }) if message.starts_with("This node is not a swarm manager."))
    );
    world.shutdown().await;
}

async fn names(docker: &Docker, all: bool, filters: &[(&str, &str)]) -> Vec<String> {
    let filters: HashMap<String, Vec<String>> =
        filters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    let options = ListContainersOptionsBuilder::new().all(all).filters(&filters).build();
    let found = docker.list_containers(Some(options)).await.unwrap();
    found.into_iter().map(|container| container.names.unwrap().remove(0)).collect()
}

#[tokio::test]
async fn containers_are_listed_and_filtered() {
    let world = start("container-killed").await;
    let docker = docker(&world);
    assert_eq!(names(&docker, false, &[]).await, ["/feature-store", "/gateway", "/node-exporter", "/quote-ingest"]);
    assert_eq!(names(&docker, true, &[]).await.len(), 5);
    assert_eq!(names(&docker, true, &[("status", "exited")]).await, ["/market-predictor"]);
    assert_eq!(names(&docker, true, &[("name", "gate")]).await, ["/gateway"]);
    assert_eq!(
        names(&docker, true, &[("label", "com.docker.compose.service=feature-store")]).await,
        ["/feature-store"]
    );
    assert_eq!(names(&docker, false, &[("health", "healthy")]).await, ["/feature-store", "/gateway"]);
    let url =
        format!("{}/containers/json?all=1&filters=%7B%22status%22%3A%7B%22exited%22%3Atrue%7D%7D", world.docker_url());
    let (_, body) = get(&url).await;
    assert_eq!(body[0]["Status"], "Exited (137) 57 seconds ago");
    assert_eq!(get(&format!("{}/containers/json?filters=%7B%22x%22%3A%5B%5D%7D", world.docker_url())).await.0, 400);
    world.shutdown().await;
}

#[tokio::test]
async fn a_container_is_inspected_by_name_and_by_id() {
    let world = start("container-killed").await;
    let docker = docker(&world);
    let by_name = docker.inspect_container("market-predictor", None).await.unwrap();
    let state = by_name.state.clone().unwrap();
    assert_eq!((state.exit_code, state.oom_killed, state.running), (Some(137), Some(false), Some(false)));
    let id = by_name.id.clone().unwrap();
    assert_eq!(docker.inspect_container(&id[..12], None).await.unwrap(), by_name);
    let image = docker.inspect_image(&by_name.config.unwrap().image.unwrap()).await.unwrap();
    assert_eq!(image.id, by_name.image);
    let missing = docker.inspect_container("nothing", None).await;
    assert!(
        matches!(missing, Err(Error::DockerResponseServerError { status_code: 404, message }) if message == "No such container: nothing")
    );
    world.shutdown().await;
}

async fn lines(docker: &Docker, options: LogsOptionsBuilder) -> Vec<String> {
    let mut stream = docker.logs("market-predictor", Some(options.stdout(true).stderr(true).build()));
    let mut lines = Vec::new();
    while let Some(line) = stream.next().await {
        lines.push(line.unwrap().to_string().trim_end().to_owned());
    }
    lines
}

#[tokio::test]
async fn logs_come_in_frames_and_are_cut_as_asked() {
    let world = start("error-rate-after-config-change").await;
    let docker = docker(&world);
    let all = lines(&docker, LogsOptionsBuilder::new()).await;
    assert!(all.len() > 150, "{}", all.len());
    assert!(all.iter().any(|line| line.contains("\"feature_store_timeout_ms\":400")), "the setting before");
    assert!(
        all.iter()
            .any(|line| line.contains("configuration loaded") && line.contains("\"feature_store_timeout_ms\":40,"))
    );
    assert_eq!(lines(&docker, LogsOptionsBuilder::new().tail("3")).await, all[all.len() - 3..]);
    let since = i32::try_from(world.now().timestamp() - 60).unwrap();
    let late = lines(&docker, LogsOptionsBuilder::new().since(since).timestamps(true)).await;
    assert!(!late.is_empty() && late.len() < 30, "{}", late.len());
    assert!(late[0].starts_with("2026-11-23T16:23:") && late[0].contains("Z {"), "{}", late[0]);
    assert!(lines(&docker, LogsOptionsBuilder::new().until(since - 86_400)).await.is_empty());
    let (status, body) = get(&format!("{}/containers/gateway/logs", world.docker_url())).await;
    assert_eq!((status, body["message"].as_str()), (400, Some("Bad parameters: you must choose at least one stream")));
    world.shutdown().await;
}

#[tokio::test]
async fn events_tell_what_happened_and_what_happens() {
    let world = start("container-killed").await;
    let docker = docker(&world);
    let past = EventsOptionsBuilder::new().since("0").until(&world.now().timestamp().to_string()).build();
    let told: Vec<_> = docker.events(Some(past)).map(|event| event.unwrap()).collect().await;
    let told: Vec<_> =
        told.into_iter().map(|event| (event.action.unwrap(), event.actor.unwrap().attributes.unwrap())).collect();
    assert_eq!(told.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["kill", "die"]);
    assert_eq!((told[0].1["signal"].as_str(), told[1].1["exitCode"].as_str()), ("9", "137"));
    let mut open = docker.events(Some(EventsOptionsBuilder::new().since(&world.now().timestamp().to_string()).build()));
    // The answer's head is what tells that the server listens.
    let first = async { open.next().await.unwrap().unwrap().action.unwrap() };
    let (first, ()) = tokio::join!(first, async {
        // Whether the change comes before or after the head, `since` covers it.
        restart(&world, "market-predictor").await;
    });
    assert_eq!(first, "start");
    assert_eq!(open.next().await.unwrap().unwrap().action.unwrap(), "restart");
    world.advance(seconds(5));
    assert_eq!(open.next().await.unwrap().unwrap().action.unwrap(), "health_status: healthy");
    world.shutdown().await;
    assert!(open.next().await.is_none_or(|event| event.is_err()), "an open answer ends with the world");
}

#[tokio::test]
async fn containers_are_started_stopped_and_killed() {
    let world = start("container-killed").await;
    let docker = docker(&world);
    let stop = || docker.stop_container("gateway", None::<StopContainerOptions>);
    stop().await.unwrap();
    let state = docker.inspect_container("gateway", None).await.unwrap().state.unwrap();
    assert_eq!((state.running, state.exit_code), (Some(false), Some(143)));
    let again = get(&format!("{}/containers/gateway/json", world.docker_url())).await;
    assert_eq!(again.1["State"]["Status"], "exited");
    stop().await.unwrap();
    docker.start_container("gateway", None::<StartContainerOptions>).await.unwrap();
    docker.kill_container("gateway", Some(KillContainerOptionsBuilder::new().signal("SIGKILL").build())).await.unwrap();
    let state = docker.inspect_container("gateway", None).await.unwrap().state.unwrap();
    assert_eq!(state.exit_code, Some(137));
    let dead = docker.kill_container("gateway", Some(KillContainerOptionsBuilder::new().signal("TERM").build())).await;
    assert!(matches!(dead, Err(Error::DockerResponseServerError { status_code: 409, .. })), "{dead:?}");
    let missing = docker.restart_container("nothing", None::<bollard::query_parameters::RestartContainerOptions>).await;
    assert!(matches!(missing, Err(Error::DockerResponseServerError { status_code: 404, .. })));
    world.shutdown().await;
}

#[tokio::test]
async fn statistics_follow_the_process_metrics() {
    let world = start("hung-but-up").await;
    let docker = docker(&world);
    let options = || Some(StatsOptionsBuilder::new().stream(false).one_shot(true).build());
    let reading = docker.stats("market-predictor", options()).next().await.unwrap().unwrap();
    let memory = reading.memory_stats.unwrap();
    let expected = crate::support::value(&world, "process_resident_memory_bytes{job=\"market-predictor\"}").await;
    assert_eq!(memory.usage.unwrap() as f64, expected);
    assert_eq!(memory.limit, Some(1 << 30));
    let used = |stats: &Option<bollard::models::ContainerCpuStats>| {
        stats.as_ref().unwrap().cpu_usage.as_ref().unwrap().total_usage.unwrap()
    };
    assert!(used(&reading.cpu_stats) >= used(&reading.precpu_stats));
    docker.stop_container("gateway", None::<StopContainerOptions>).await.unwrap();
    let stopped = docker.stats("gateway", options()).next().await.unwrap().unwrap();
    assert_eq!(stopped.memory_stats.unwrap_or_default().usage, None);
    world.shutdown().await;
}
