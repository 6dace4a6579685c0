//! Worlds that nobody recorded: each illness fires its alert, is healed by what heals it, and by nothing else.

use bollard::models::ContainerUpdateBody;
use evals::{Case, Effect, Illness, Synthetic, SyntheticService, World};

use crate::{
    docker_hands::{begin, beside, stop},
    support::{alerts, docker, fleet, get, get_patiently, restart, seconds, value, values},
};

async fn fires(world: &World, name: &str, service: &str) -> bool {
    let body = get_patiently(&format!("{}/api/v1/alerts", world.prometheus_url())).await;
    let alerts = body["data"]["alerts"].as_array().unwrap().clone();
    alerts.iter().any(|one| {
        one["labels"]["alertname"] == name && one["labels"]["service"] == service && one["state"] == "firing"
    })
}

async fn errors(world: &World, service: &str) -> f64 {
    let rate = |more: &str| format!("sum by (job) (rate(http_requests_total{{job=\"{service}\"{more}}}[1m]))");
    value(world, &format!("{} / {}", rate(",status=\"503\""), rate(""))).await
}

#[tokio::test]
async fn a_made_up_alert_is_what_the_world_would_send() {
    for (ill, illness) in [
        ("web", Illness::Down),
        ("catalog", Illness::Hung),
        ("search", Illness::BadImage(0.4)),
        ("web", Illness::Overloaded(6)),
        ("checkout", Illness::ShortOfMemory(512 << 20)),
        ("catalog", Illness::Misconfigured),
    ] {
        let case = Case::synthetic(&Synthetic::fleet(ill, illness)).unwrap();
        let sent = case.alert["alerts"][0].clone();
        assert_eq!(sent["labels"]["service"], ill, "{illness:?}");
        let world = World::start(case).await.unwrap();
        let active = get_patiently(&format!("{}/api/v2/alerts", world.alertmanager_url())).await;
        let same = active.as_array().unwrap().iter().find(|one| one["fingerprint"] == sent["fingerprint"]).unwrap();
        for field in ["labels", "annotations", "startsAt", "generatorURL"] {
            assert_eq!(same[field], sent[field], "{illness:?}: {field}");
        }
        assert!(!world.healed(), "{illness:?}");
        world.shutdown().await;
    }
}

#[tokio::test]
async fn one_that_is_down_is_healed_by_its_start() {
    let world = fleet("web", Illness::Down).await;
    assert!(fires(&world, "ServiceDown", "web").await);
    assert_eq!(values(&world, "up{job=\"web\"} == 0", "instance").await.len(), 1);
    restart(&world, "web-2").await;
    assert_eq!(world.changes().last().unwrap().effect, Effect::Nothing);
    restart(&world, "web-1").await;
    assert_eq!(world.changes().last().unwrap().effect, Effect::Helped);
    world.advance(seconds(60));
    assert_eq!(alerts(&world).await, []);
    assert!(world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn one_that_hangs_is_healed_by_its_restart() {
    let world = fleet("catalog", Illness::Hung).await;
    assert!(fires(&world, "HighErrorRate", "catalog").await);
    let health = format!("{}/services/catalog/health", world.services_url());
    assert!(crate::support::try_get(&health).await.is_err_and(|error| error.is_timeout()));
    restart(&world, "catalog-1").await;
    world.advance(seconds(180));
    assert_eq!(get(&health).await.0, 200);
    assert_eq!(alerts(&world).await, []);
    assert!(world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn too_few_are_healed_by_more() {
    let world = fleet("web", Illness::Overloaded(6)).await;
    assert!(fires(&world, "HighErrorRate", "web").await);
    let docker = docker(&world);
    for name in ["web-5", "web-6"] {
        assert!(errors(&world, "web").await > 0.1);
        beside(&docker, "web-1", name, None).await;
        begin(&docker, name).await;
        world.advance(seconds(90));
    }
    assert!(errors(&world, "web").await < 0.05);
    assert_eq!(alerts(&world).await, []);
    assert!(world.healed());
    assert_eq!(world.changes().last().unwrap().effect, Effect::Helped);
    stop(&docker, "web-6").await;
    assert_eq!(world.changes().last().unwrap().effect, Effect::Harmed);
    world.advance(seconds(180));
    assert!(fires(&world, "HighErrorRate", "web").await);
    world.shutdown().await;
}

#[tokio::test]
async fn too_little_memory_is_healed_by_more() {
    let world = fleet("checkout", Illness::ShortOfMemory(512 << 20)).await;
    assert!(fires(&world, "HighErrorRate", "checkout").await);
    restart(&world, "checkout-1").await;
    let docker = docker(&world);
    for (name, effect) in [("checkout-1", Effect::Nothing), ("checkout-2", Effect::Helped)] {
        let body = ContainerUpdateBody { memory: Some(512 << 20), memory_swap: Some(1 << 30), ..Default::default() };
        docker.update_container(name, body).await.unwrap();
        assert_eq!(world.changes().last().unwrap().effect, effect);
    }
    world.advance(seconds(180));
    assert_eq!(alerts(&world).await, []);
    assert!(world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn a_bad_image_is_healed_by_another_and_made_worse_by_a_worse_one() {
    for (image, healed) in
        [("shop/catalog:1.3.9", true), ("shop/catalog:1.4.1", true), ("shop/catalog:1.5.0-failing", false)]
    {
        let world = fleet("catalog", Illness::BadImage(0.4)).await;
        assert!(fires(&world, "HighErrorRate", "catalog").await);
        let docker = docker(&world);
        let options = bollard::query_parameters::CreateImageOptionsBuilder::new().from_image(image).build();
        futures::StreamExt::count(docker.create_image(Some(options), None, None)).await;
        beside(&docker, "catalog-1", "catalog-1.next", Some(image)).await;
        begin(&docker, "catalog-1.next").await;
        world.advance(seconds(10));
        stop(&docker, "catalog-1").await;
        world.advance(seconds(240));
        assert_eq!(fires(&world, "HighErrorRate", "catalog").await, !healed, "{image}");
        assert_eq!(world.healed(), healed, "{image}");
        assert_eq!(values(&world, "up{job=\"catalog\"}", "instance").await.len(), 1, "the old one is not missed");
        world.shutdown().await;
    }
}

#[tokio::test]
async fn nothing_that_is_done_to_containers_heals_wrong_settings() {
    let world = fleet("catalog", Illness::Misconfigured).await;
    restart(&world, "catalog-1").await;
    world.advance(seconds(240));
    assert!(fires(&world, "HighErrorRate", "catalog").await);
    assert!(!world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn who_needs_what_is_down_answers_with_errors() {
    let world = fleet("search", Illness::Overloaded(6)).await;
    assert!(errors(&world, "catalog").await < 0.01);
    stop(&docker(&world), "database-1").await;
    assert_eq!(world.changes().last().unwrap().effect, Effect::Harmed);
    world.advance(seconds(180));
    assert!(errors(&world, "catalog").await > 0.5);
    assert!(fires(&world, "HighErrorRate", "catalog").await && fires(&world, "ServiceDown", "database").await);
    world.shutdown().await;
}

#[tokio::test]
async fn lines_are_the_same_by_loki_and_by_docker() {
    let world = fleet("catalog", Illness::Misconfigured).await;
    let query = "sum(count_over_time({service=\"catalog\"} |= `requests failed` [2m]))";
    let (_, body) = get(&format!("{}/loki/api/v1/query?query={query}", world.loki_url())).await;
    assert_eq!(body["data"]["result"][0]["value"][1], "8");
    let url = format!("{}/containers/catalog-1/logs?stderr=1&tail=1", world.docker_url());
    let (_, bytes) = crate::support::try_get(&url).await.unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("requests failed"));
    world.shutdown().await;
}

#[test]
fn the_catalogue_is_in_the_agents_format_and_what_cannot_be_is_named() {
    let fleet = Synthetic::fleet("web", Illness::Down);
    let case = Case::synthetic(&fleet).unwrap();
    assert_eq!(case.services.len(), 6);
    assert_eq!(case.services["web"]["labels"]["com.docker.compose.service"].as_str(), Some("web"));
    assert_eq!(case.services["search"]["labels"]["com.docker.swarm.service.name"].as_str(), Some("search"));
    assert_eq!(case.services["catalog"]["container"].as_str(), Some("catalog-1"));
    assert_eq!(case.services["database"]["protected"].as_bool(), Some(true));
    let said = |fleet: Synthetic| Case::synthetic(&fleet).unwrap_err().to_string();
    let with = |change: fn(&mut SyntheticService)| {
        let mut fleet = fleet.clone();
        change(&mut fleet.services[0]);
        said(fleet)
    };
    let said = [
        said(Synthetic { ill: "nobody".to_owned(), ..fleet.clone() }),
        said(Synthetic { ill: "search".to_owned(), ..fleet.clone() }),
        said(Synthetic { illness: Illness::Overloaded(4), ..fleet.clone() }),
        said(Synthetic { illness: Illness::ShortOfMemory(1 << 20), ..fleet.clone() }),
        said(Synthetic { illness: Illness::BadImage(0.0), ..fleet.clone() }),
        with(|service| service.replicas = 0),
        with(|service| service.memory = 1),
        with(|service| service.depends_on = vec!["nobody".to_owned()]),
        with(|service| service.name = "we b".to_owned()),
        with(|service| service.requests_per_second = f64::NAN),
    ];
    insta::assert_snapshot!(said.join("\n"), @r###"
    synthetic, key `ill`: is the name of one of the services
    synthetic, key `illness`: cannot be of a Swarm service: the Swarm replaces such a container by itself
    synthetic, key `illness`: wants more containers than there are
    synthetic, key `illness`: wants a service with a limit, and more memory than that
    synthetic, key `illness`: makes no alert fire; more load or a worse one would
    synthetic, key `services.web.replicas`: is from 1 to 200
    synthetic, key `services.web.memory`: is 0 for none, or 6 MiB or more
    synthetic, key `services.web.depends_on`: `nobody` is none of the services
    synthetic, key `services.we b.name`: is of two or more letters, digits, - and _
    synthetic, key `services.web.requests_per_second`: is more than 0
    "###);
}
