//! What changes containers, images and networks, by a real client.

use std::collections::HashMap;

use bollard::{
    Docker,
    errors::Error,
    models::{
        ContainerCreateBody, ContainerUpdateBody, EndpointSettings, HostConfig, NetworkConnectRequest,
        NetworkDisconnectRequest, NetworkingConfig,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptions,
        ListNetworksOptions, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StartContainerOptions,
        StopContainerOptionsBuilder,
    },
};
use evals::{Action, Effect, Illness, World};
use futures::StreamExt;

use crate::support::{docker, fleet, running, seconds, start, value, values};

/// An equal container beside one that is there.
pub(crate) async fn beside(docker: &Docker, of: &str, name: &str, image: Option<&str>) -> String {
    let container = docker.inspect_container(of, None).await.unwrap();
    let config = container.config.unwrap();
    let endpoints = container.network_settings.unwrap().networks.unwrap().into_keys().map(|network| {
        let aliases = Some(vec!["beside".to_owned()]);
        (network, EndpointSettings { aliases, ..Default::default() })
    });
    let body = ContainerCreateBody {
        image: image.map(str::to_owned).or(config.image),
        env: config.env,
        cmd: config.cmd,
        entrypoint: config.entrypoint,
        labels: config.labels,
        healthcheck: config.healthcheck,
        host_config: container.host_config,
        networking_config: Some(NetworkingConfig { endpoints_config: Some(endpoints.collect()) }),
        ..Default::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.unwrap().id
}

pub(crate) async fn begin(docker: &Docker, name: &str) {
    docker.start_container(name, None::<StartContainerOptions>).await.unwrap();
}

pub(crate) async fn stop(docker: &Docker, name: &str) {
    docker.stop_container(name, Some(StopContainerOptionsBuilder::new().t(1).build())).await.unwrap();
}

fn actions(world: &World) -> Vec<(Action, String)> {
    world.changes().into_iter().map(|change| (change.action, change.container)).collect()
}

#[tokio::test]
async fn a_container_is_made_started_and_removed() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let id = beside(&docker, "web-1", "web-5", None).await;
    let made = docker.inspect_container("web-5", None).await.unwrap();
    assert_eq!(
        (made.id.as_deref(), made.image.as_ref()),
        (Some(id.as_str()), docker.inspect_container("web-1", None).await.unwrap().image.as_ref())
    );
    let state = made.state.unwrap();
    assert_eq!(state.status.unwrap().to_string(), "created");
    assert_eq!((state.running, state.health), (Some(false), None), "it was never started");
    let host = made.host_config.unwrap();
    assert_eq!((host.memory, host.memory_swap, host.nano_cpus), (Some(256 << 20), Some(512 << 20), Some(500_000_000)));
    let endpoint = made.network_settings.unwrap().networks.unwrap().remove("shop_default").unwrap();
    assert_eq!(endpoint.aliases.unwrap(), ["beside", &id[..12]]);
    begin(&docker, "web-5").await;
    let health = || async {
        let state = docker.inspect_container("web-5", None).await.unwrap().state.unwrap();
        state.health.unwrap().status.unwrap().to_string()
    };
    assert_eq!(health().await, "starting");
    world.advance(seconds(4));
    assert_eq!(health().await, "healthy");
    world.advance(seconds(60));
    assert_eq!(values(&world, "up{job=\"web\"} == 1", "instance").await.len(), 5);
    let instance = format!("{}:8080", endpoint.ip_address.unwrap());
    let served = value(&world, &format!("sum by (job) (http_requests_total{{instance=\"{instance}\"}})")).await;
    assert!((1_000.0..2_500.0).contains(&served), "a fifth of the load since it answers: {served}");
    let force = |force| Some(RemoveContainerOptionsBuilder::new().force(force).build());
    assert!(docker.remove_container("web-5", force(false)).await.is_err());
    docker.remove_container("web-5", force(true)).await.unwrap();
    world.advance(seconds(20));
    assert_eq!(values(&world, "up{job=\"web\"}", "instance").await.len(), 4, "it is no target any more");
    let expected = [Action::Create, Action::Start, Action::Remove].map(|action| (action, "web-5".to_owned()));
    assert_eq!(actions(&world), expected);
    assert!(world.changes().iter().all(|change| change.service == "web" && change.memory == Some(256 << 20)));
    world.shutdown().await;
}

#[tokio::test]
async fn one_more_of_a_recorded_service_is_scraped_like_the_other() {
    let world = start("error-rate-after-config-change").await;
    let docker = docker(&world);
    beside(&docker, "gateway", "gateway-2", None).await;
    begin(&docker, "gateway-2").await;
    world.advance(seconds(120));
    assert_eq!(values(&world, "up{job=\"gateway\"} == 1", "instance").await.len(), 2);
    let resets = values(&world, "gateway_upstream_requests_total < 10000", "instance").await;
    assert!(!resets.is_empty(), "the new one counts from nothing");
    assert!(world.changes().iter().all(|change| change.effect == Effect::Nothing));
    // The new one takes the old one's place and name.
    stop(&docker, "gateway").await;
    let renamed = |name: &str| RenameContainerOptionsBuilder::new().name(name).build();
    docker.rename_container("gateway", renamed("gateway.before")).await.unwrap();
    docker.rename_container("gateway-2", renamed("gateway")).await.unwrap();
    world.advance(seconds(60));
    assert_eq!(values(&world, "up{job=\"gateway\"}", "instance").await.len(), 1, "who was replaced is not missed");
    assert!(world.changes().iter().all(|change| change.effect == Effect::Nothing), "nothing was taken away");
    let names: Vec<_> = world.containers().into_iter().map(|one| one.name).collect();
    assert!(names.contains(&"gateway.before".to_owned()) && names.contains(&"gateway".to_owned()));
    world.shutdown().await;
}

#[tokio::test]
async fn limits_are_updated_and_what_is_left_out_stays() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let update = |memory: Option<i64>, swap: Option<i64>, cpus: Option<i64>| {
        let body = ContainerUpdateBody { memory, memory_swap: swap, nano_cpus: cpus, ..Default::default() };
        docker.update_container("web-2", body)
    };
    update(Some(300 << 20), None, None).await.unwrap();
    update(None, None, Some(1_000_000_000)).await.unwrap();
    let refused = update(Some(1 << 30), None, None).await;
    assert!(matches!(refused, Err(Error::DockerResponseServerError { status_code: 409, .. })), "{refused:?}");
    update(Some(1 << 30), Some(2 << 30), None).await.unwrap();
    let host = docker.inspect_container("web-2", None).await.unwrap().host_config.unwrap();
    assert_eq!((host.memory, host.memory_swap, host.nano_cpus), (Some(1 << 30), Some(2 << 30), Some(1_000_000_000)));
    let changes: Vec<_> = world.changes().into_iter().map(|change| (change.memory, change.nano_cpus)).collect();
    assert_eq!(changes.last(), Some(&(Some(1 << 30), Some(1_000_000_000))));
    assert_eq!(changes.len(), 3);
    world.shutdown().await;
}

#[tokio::test]
async fn networks_are_listed_joined_and_left() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let networks = docker.list_networks(None::<ListNetworksOptions>).await.unwrap();
    let names: Vec<_> = networks.into_iter().map(|network| network.name.unwrap()).collect();
    assert_eq!(names, ["bridge", "host", "none", "shop_default"]);
    let aliases = Some(vec!["web".to_owned()]);
    let endpoint_config = Some(EndpointSettings { aliases, ..Default::default() });
    let request = NetworkConnectRequest { container: "catalog-1".to_owned(), endpoint_config };
    docker.connect_network("bridge", request).await.unwrap();
    let network = docker.inspect_network("bridge", None).await.unwrap();
    let id = docker.inspect_container("catalog-1", None).await.unwrap().id.unwrap();
    assert_eq!(network.containers.unwrap()[&id].ipv4_address.as_deref(), Some("172.17.0.2/16"));
    let networks = |world: &World| world.containers().into_iter().find(|one| one.name == "catalog-1").unwrap().networks;
    assert_eq!(networks(&world), ["bridge", "shop_default"]);
    let request = || NetworkDisconnectRequest { container: "catalog-1".to_owned(), force: None };
    docker.disconnect_network("bridge", request()).await.unwrap();
    assert!(docker.disconnect_network("bridge", request()).await.is_err());
    assert_eq!(networks(&world), ["shop_default"]);
    let with: Vec<_> = world.changes().into_iter().map(|change| (change.action, change.with.unwrap())).collect();
    assert_eq!(with, [(Action::Connect, "bridge".to_owned()), (Action::Disconnect, "bridge".to_owned())]);
    world.shutdown().await;
}

async fn pull(docker: &Docker, image: &str, tag: &str) -> Result<Vec<String>, Error> {
    let options = CreateImageOptionsBuilder::new().from_image(image).tag(tag).build();
    let mut progress = docker.create_image(Some(options), None, None);
    let mut told = Vec::new();
    while let Some(step) = progress.next().await {
        told.extend(step?.status);
    }
    Ok(told)
}

#[tokio::test]
async fn images_are_listed_inspected_and_pulled() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    assert_eq!(docker.list_images(None::<ListImagesOptions>).await.unwrap().len(), 12);
    assert!(docker.inspect_image("shop/web:1.4.1").await.is_err());
    docker.inspect_registry_image("shop/web:1.4.1", None).await.unwrap();
    let told = pull(&docker, "shop/web", "1.4.1").await.unwrap();
    assert_eq!(told.last().unwrap(), "Status: Downloaded newer image for shop/web:1.4.1");
    let image = docker.inspect_image("shop/web:1.4.1").await.unwrap();
    let digest = image.repo_digests.unwrap().remove(0);
    for name in [image.id.as_deref().unwrap(), &digest] {
        assert_eq!(docker.inspect_image(name).await.unwrap().id, image.id, "{name}");
    }
    let told = pull(&docker, "shop/web", "1.4.1").await.unwrap();
    assert_eq!(told.last().unwrap(), "Status: Image is up to date for shop/web:1.4.1");
    let refused = pull(&docker, "shop/nothing", "1").await;
    assert!(
        matches!(refused, Err(Error::DockerResponseServerError { status_code: 404, message }) if message.starts_with("pull access denied for shop/nothing"))
    );
    assert!(docker.inspect_registry_image("shop/nothing:1", None).await.is_err());
    world.shutdown().await;
}

#[tokio::test]
async fn a_bad_image_never_becomes_healthy_and_the_old_one_serves_on() {
    let world = fleet("catalog", Illness::Misconfigured).await;
    let docker = docker(&world);
    pull(&docker, "shop/web", "1.5.0-dead").await.unwrap();
    beside(&docker, "web-1", "web-1.next", Some("shop/web:1.5.0-dead")).await;
    begin(&docker, "web-1.next").await;
    world.advance(seconds(120));
    let filters = HashMap::from([("health".to_owned(), vec!["unhealthy".to_owned()])]);
    let options = ListContainersOptionsBuilder::new().filters(&filters).build();
    let ill = docker.list_containers(Some(options)).await.unwrap();
    assert_eq!(ill.len(), 1);
    assert_eq!(ill[0].names.as_ref().unwrap()[0], "/web-1.next");
    assert_eq!(world.changes().last().unwrap().effect, Effect::Nothing, "four good ones still serve");
    stop(&docker, "web-1").await;
    assert_eq!(world.changes().last().unwrap().effect, Effect::Harmed, "now only three do");
    assert_eq!(running(&world, "web").len(), 4);
    world.shutdown().await;
}

#[tokio::test]
async fn a_host_config_of_nothing_is_a_container_without_limits() {
    let world = fleet("web", Illness::Misconfigured).await;
    let docker = docker(&world);
    let body = ContainerCreateBody {
        image: Some("shop/web:1.4.0".to_owned()),
        host_config: Some(HostConfig::default()),
        ..Default::default()
    };
    docker.create_container(Some(CreateContainerOptionsBuilder::new().name("plain").build()), body).await.unwrap();
    let plain = docker.inspect_container("plain", None).await.unwrap();
    let host = plain.host_config.unwrap();
    assert_eq!((host.memory, host.nano_cpus), (Some(0), Some(0)));
    assert_eq!(
        (plain.path.as_deref(), plain.name.as_deref()),
        (Some("/app"), Some("/plain")),
        "the image's own entrypoint"
    );
    world.shutdown().await;
}
