//! `on` with what comes to be true of a service: scale, update_resources, deploy, rollback.

use std::{fs, path::Path};

use bollard::models::ContainerUpdateBody;
use evals::{Case, Effect, World};

use crate::{
    docker_hands::{begin, beside, stop},
    support::{docker, seconds},
};

/// `hung-but-up` with another way to its second segment.
fn with(on: &str, more: &str) -> Result<Case, evals::CaseError> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("incidents/hung-but-up");
    let copy = tempfile::tempdir().unwrap();
    for below in [
        "alert.json",
        "containers.json",
        "metrics/fault.om",
        "metrics/restarted.om",
        "logs/fault.jsonl",
        "logs/restarted.jsonl",
    ] {
        fs::create_dir_all(copy.path().join(below).parent().unwrap()).unwrap();
        fs::copy(from.join(below), copy.path().join(below)).unwrap();
    }
    let case = fs::read_to_string(from.join("case.toml")).unwrap();
    let case = case.replace("actions = [\"restart\", \"start\"]", on);
    fs::write(copy.path().join("case.toml"), format!("{case}\n{more}")).unwrap();
    Case::load(copy.path())
}

async fn world(on: &str, more: &str) -> World {
    World::start(with(on, more).unwrap()).await.unwrap()
}

#[tokio::test]
async fn more_containers_lead_on() {
    let world = world("actions = [\"scale\"]\nat_least = 3", "").await;
    let docker = docker(&world);
    for (name, segment) in [("second", "fault"), ("third", "restarted")] {
        beside(&docker, "market-predictor", name, None).await;
        begin(&docker, name).await;
        assert_eq!(world.segment(), segment);
    }
    assert_eq!(world.changes().last().unwrap().effect, Effect::Helped);
    assert!(world.healed());
    world.shutdown().await;
}

#[tokio::test]
async fn more_memory_leads_on() {
    let world = world("actions = [\"update_resources\"]\nmemory = 2147483648", "").await;
    for (memory, segment) in [(1_500_i64 << 20, "fault"), (2 << 30, "restarted")] {
        let body = ContainerUpdateBody { memory: Some(memory), memory_swap: Some(memory * 2), ..Default::default() };
        docker(&world).update_container("market-predictor", body).await.unwrap();
        assert_eq!(world.segment(), segment);
    }
    world.shutdown().await;
}

const IMAGES: &str = r#"
[images."market/market-predictor:3.3.0".behaviour]
ready_after = 1.0

[images."market/market-predictor:3.5.0".behaviour]
ready_after = inf
"#;

async fn deploy(world: &World, image: &str) {
    let docker = docker(world);
    let options = bollard::query_parameters::CreateImageOptionsBuilder::new().from_image(image).build();
    futures::StreamExt::count(docker.create_image(Some(options), None, None)).await;
    let name = format!("next-{}", image.rsplit('.').nth(1).unwrap());
    let old = crate::support::running(world, "market-predictor").remove(0);
    beside(&docker, &old, &name, Some(image)).await;
    begin(&docker, &name).await;
    world.advance(seconds(5));
    stop(&docker, &old).await;
}

#[tokio::test]
async fn an_image_leads_on_when_all_run_it() {
    for on in ["actions = [\"deploy\"]", "actions = [\"rollback\"]\nimage = \"market/market-predictor:3.3.0\""] {
        let world = world(on, IMAGES).await;
        deploy(&world, "market/market-predictor:3.3.0").await;
        assert_eq!(world.segment(), "restarted", "{on}");
        assert_eq!(world.changes().last().unwrap().effect, Effect::Helped);
        world.advance(seconds(60));
        assert!(world.healed());
        world.shutdown().await;
    }
}

#[tokio::test]
async fn going_back_is_to_what_ran_before() {
    let world = world("actions = [\"rollback\"]", IMAGES).await;
    deploy(&world, "market/market-predictor:3.5.0").await;
    assert_eq!(world.segment(), "fault", "that is no way back");
    let ill = world.containers().into_iter().find(|one| one.running && one.service == "market-predictor").unwrap();
    assert!(!ill.good, "an image that never answers");
    begin(&docker(&world), "market-predictor").await;
    stop(&docker(&world), "next-5").await;
    assert_eq!(world.segment(), "restarted");
    world.shutdown().await;
}

#[test]
fn what_does_not_fit_an_action_is_named() {
    let said = [
        ("actions = [\"scale\"]", ""),
        ("actions = [\"restart\"]\nat_least = 3", ""),
        ("actions = [\"update_resources\"]\nmemory = 0", ""),
        ("actions = [\"restart\"]\nimage = \"a:1\"", ""),
        ("actions = []", ""),
        ("actions = [\"dance\"]", ""),
        ("actions = [\"deploy\"]", "[images.\"a:1\"]\nerror_ratio = 2.0"),
    ]
    .map(|(on, more)| {
        let error = with(on, more).unwrap_err();
        format!("{}: {}", error.place.unwrap_or_default(), error.problem)
    });
    insta::assert_snapshot!(said.join("\n"), @r###"
    key `segments.fault.on.at_least`: goes with the action `scale`, and with no other; it is a count of 1 or more
    key `segments.fault.on.at_least`: goes with the action `scale`, and with no other; it is a count of 1 or more
    key `segments.fault.on.memory`: goes with the action `update_resources`, and with no other; it is a number of bytes
    key `segments.fault.on.image`: goes with the actions `deploy` and `rollback`, and with no other
    key `segments.fault.on.actions`: is empty; it names what leads on, such as ["restart"]
    : TOML parse error at line 65, column 12
       |
    65 | actions = ["dance"]
       |            ^^^^^^^
    unknown variant `dance`, expected one of `restart`, `start`, `stop`, `kill`, `scale`, `update_resources`, `deploy`, `rollback`
    key `images."a:1".error_ratio`: is 2; it is a share from 0 to 1
    "###);
}
