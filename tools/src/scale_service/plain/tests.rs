use bollard::models::{ContainerState, ContainerStateStatusEnum, Health, HealthStatusEnum, MountPoint};

use super::*;
use crate::Origin;

fn replica(name: &str, health: HealthStatusEnum) -> Container {
    Container {
        id: Some(format!("id-of-{name}")),
        name: Some(format!("/{name}")),
        state: Some(ContainerState {
            running: Some(true),
            status: Some(ContainerStateStatusEnum::RUNNING),
            health: Some(Health { status: Some(health), ..Default::default() }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn four() -> Vec<Container> {
    let sick = |name: &str| replica(name, HealthStatusEnum::UNHEALTHY);
    let well = |name: &str| replica(name, HealthStatusEnum::HEALTHY);
    vec![well("web-1"), sick("web-2"), well("web-9"), well("web-10")]
}

fn web() -> Service {
    let labels = BTreeMap::from([("devops-agent.service".to_owned(), "web".to_owned())]);
    Service { labels, ..Service::named("web", Origin::Settings) }
}

#[test]
fn the_sick_go_first_and_then_the_highest_numbers() {
    assert_eq!(order_of_removal(&four()), ["id-of-web-2", "id-of-web-10", "id-of-web-9", "id-of-web-1"]);
}

#[test]
fn what_is_to_come_and_to_go_is_settled_before() {
    let down = before(&web(), &four(), &BTreeSet::new(), 2).unwrap();
    assert_eq!(says(&down), "from 4 to 2 replicas: stops and removes web-2, web-10");
    let up = before(&web(), &four(), &BTreeSet::new(), 6).unwrap();
    assert_eq!(says(&up), "from 4 to 6 replicas: makes web-3, web-4");
}

#[test]
fn what_cannot_be_is_said() {
    let told = |service: &Service, wanted| before(service, &four(), &BTreeSet::new(), wanted).unwrap_err().to_string();
    assert!(told(&web(), 4).contains("4 replicas already"));
    assert!(told(&web(), 0).contains("right would be at least 1"));
    let by_name = Service { container: Some("web-1".into()), ..web() };
    assert!(told(&by_name, 5).contains("right would be `labels`"), "{}", told(&by_name, 5));
}

#[test]
fn only_what_has_an_equal_that_stays_goes_and_is_made_again_from_that_one() {
    let on = |name: &str, volume: &str| Container {
        mounts: Some(vec![MountPoint {
            typ: Some("bind".into()),
            source: Some(volume.to_owned()),
            destination: Some("/data".into()),
            ..Default::default()
        }]),
        ..replica(name, HealthStatusEnum::HEALTHY)
    };
    let one_to_go = |containers: &[Container]| {
        before(&web(), containers, &BTreeSet::new(), containers.len() as u64 - 1).map_err(|failure| failure.to_string())
    };
    let told = one_to_go(&[on("web-1", "/one"), on("web-2", "/two")]).unwrap_err();
    let why = "web-2 would go, and none that stays is equal to it (web-1 differs in its mounts), so it could not be made again";
    assert_eq!(told, format!("web cannot have 1 replicas: {why}"));
    let down = one_to_go(&[on("web-1", "/one"), on("web-2", "/two"), on("web-3", "/two")]).unwrap();
    let gone = down.replicas.iter().find(|one| one.goes).unwrap();
    let from: Vec<_> =
        down.replicas.iter().filter(|one| gone.can_be_made_from(one)).map(|one| one.name.as_str()).collect();
    assert_eq!((gone.name.as_str(), from), ("web-3", vec!["web-2"]));
}
