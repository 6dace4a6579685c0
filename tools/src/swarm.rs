//! What a Swarm says of one of its services, in the form in which changes speak of it.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use bollard::models::{
    Limit, MountType, ServiceSpec, ServiceSpecRollbackConfigOrderEnum as RollbackOrder,
    ServiceSpecUpdateConfigOrderEnum as UpdateOrder, ServiceUpdateStatusStateEnum as State, Task, TaskState,
};
use chrono::TimeDelta;

use crate::{
    Check, Failure, System,
    deploying::of_swarm,
    generation::{UNWELL_IMAGE, VOLUME_SHARING},
    hand::Hand,
    reach::{Docker, SwarmService},
    text,
};

/// How often the engine is asked how far it is.
const EVERY: Duration = Duration::from_millis(250);

/// How an update ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// All tasks are as they were asked for.
    Completed,
    /// The engine went back to what was before.
    RolledBack,
    /// The engine stopped half way, and why.
    Paused(String),
}

/// The image that the service is to run.
///
/// # Errors
/// `Tell` when it is no service of containers.
pub(crate) fn image(found: &SwarmService) -> Result<String, Failure> {
    let spec = found.service.spec.as_ref().and_then(|spec| spec.task_template.as_ref());
    let image = spec.and_then(|spec| spec.container_spec.as_ref()).and_then(|spec| spec.image.clone());
    image.ok_or_else(|| Failure::Tell("the Swarm's service runs no containers, so it has no image".to_owned()))
}

/// The image that the service was to run before its last update, where it had another specification.
pub(crate) fn previous_image(found: &SwarmService) -> Option<String> {
    let spec = found.previous.as_ref()?.task_template.as_ref()?;
    spec.container_spec.as_ref()?.image.clone()
}

/// Images that were left because they were not well: as it is marked, and the one that the engine went back from, which is its
/// specification before from then on.
pub(crate) fn unwell(found: &SwarmService) -> BTreeSet<String> {
    let labels = found.service.spec.as_ref().and_then(|spec| spec.labels.as_ref());
    let marked = labels.and_then(|labels| labels.get(UNWELL_IMAGE)).cloned();
    let state = found.service.update_status.as_ref().and_then(|status| status.state);
    let left = matches!(state, Some(State::ROLLBACK_COMPLETED | State::ROLLBACK_STARTED | State::ROLLBACK_PAUSED));
    marked.into_iter().chain(previous_image(found).filter(|_| left)).collect()
}

/// Marks the image that is left because it is not well; one that is to run again is marked no longer. The service's own labels
/// restart no task.
pub(crate) fn mark(spec: &mut ServiceSpec, image: &str, unwell: Option<&str>) {
    let labels = spec.labels.get_or_insert_default();
    labels.retain(|key, marked| key != UNWELL_IMAGE || !same_image(marked, image));
    labels.extend(unwell.map(|unwell| (UNWELL_IMAGE.to_owned(), unwell.to_owned())));
}

/// A Swarm adds the digest to a reference: one with and one without it are the same.
pub(crate) fn same_image(one: &str, other: &str) -> bool {
    let plain = |image: &str| image.split('@').next().unwrap_or_default().to_owned();
    match (one.contains('@'), other.contains('@')) {
        (true, true) | (false, false) => one == other,
        (true, false) | (false, true) => plain(one) == plain(other),
    }
}

/// How many tasks the service is to have; `None` where that is one on every node.
pub(crate) fn replicas(found: &SwarmService) -> Option<u64> {
    let mode = found.service.spec.as_ref()?.mode.as_ref()?;
    let replicas = mode.replicated.as_ref()?.replicas?;
    Some(u64::try_from(replicas).unwrap_or(0))
}

/// Its limits of memory and CPU.
pub(crate) fn limits(found: &SwarmService) -> Limit {
    let spec = found.service.spec.as_ref().and_then(|spec| spec.task_template.as_ref());
    spec.and_then(|spec| spec.resources.as_ref()).and_then(|resources| resources.limits.clone()).unwrap_or_default()
}

/// Why two tasks of a service must not write to the same volume; `None` when they may, or do already.
pub(crate) fn cannot_share_volumes(found: &SwarmService) -> Option<String> {
    let spec = found.service.spec.as_ref()?;
    let container = spec.task_template.as_ref()?.container_spec.as_ref()?;
    let says = |labels: &Option<HashMap<String, String>>| {
        labels.as_ref().and_then(|labels| labels.get(VOLUME_SHARING)).is_some_and(|value| value == "true")
    };
    // Where there is one on every node, each is alone with what is on its node.
    let several = replicas(found).is_some_and(|replicas| replicas > 1);
    if several || says(&spec.labels) || says(&container.labels) {
        return None;
    }
    let writable = container.mounts.iter().flatten().filter(|mount| {
        let kind = matches!(mount.typ, Some(MountType::VOLUME | MountType::BIND | MountType::CLUSTER));
        kind && !mount.read_only.unwrap_or(false)
    });
    // A volume without a name is made for each task alone.
    let mut places = writable.filter_map(|mount| mount.source.as_deref());
    let place = places.find(|place| !place.is_empty() && !place.ends_with(".sock"))?;
    Some(format!(
        "the service {} writes to {place}, and nothing says that two tasks may do so at once; where they may, its label {VOLUME_SHARING}=true says so",
        spec.name.as_deref().unwrap_or_default()
    ))
}

/// How many tasks run and are to run, of one image where one is asked for. A task runs when its health check passes.
pub(crate) fn running(tasks: &[Task], of: Option<&str>) -> u64 {
    let runs = |task: &&Task| {
        let state = task.status.as_ref().and_then(|status| status.state);
        state == Some(TaskState::RUNNING) && task.desired_state == Some(TaskState::RUNNING)
    };
    tasks
        .iter()
        .filter(runs)
        .filter(|task| of.is_none_or(|of| task_image(task).is_some_and(|image| same_image(image, of))))
        .count() as u64
}

/// The image of a task.
pub(crate) fn task_image(task: &Task) -> Option<&str> {
    task.spec.as_ref()?.container_spec.as_ref()?.image.as_deref()
}

/// When the last update began, as the engine tells it.
pub(crate) fn update_began(found: &SwarmService) -> Option<String> {
    let began = found.service.update_status.as_ref()?.started_at.as_ref()?;
    Some(began.to_rfc3339())
}

/// Well tasks that an update takes out of service at once, by the service's own way of updating.
pub(crate) fn taken_by_update(found: &SwarmService, running: u64) -> u64 {
    let config = found.service.spec.as_ref().and_then(|spec| spec.update_config.as_ref());
    let first = config.and_then(|config| config.order) == Some(UpdateOrder::START_FIRST);
    taken(first, config.and_then(|config| config.parallelism), running)
}

/// Well tasks that the engine's rollback takes out of service at once, by the service's own way of going back.
pub(crate) fn taken_by_rollback(found: &SwarmService, running: u64) -> u64 {
    // Going back the engine follows the specification that it goes back to.
    let spec = found.previous.as_ref().or(found.service.spec.as_ref());
    let config = spec.and_then(|spec| spec.rollback_config.as_ref());
    let first = config.and_then(|config| config.order) == Some(RollbackOrder::START_FIRST);
    taken(first, config.and_then(|config| config.parallelism), running)
}

fn taken(start_first: bool, parallelism: Option<i64>, running: u64) -> u64 {
    match (start_first, parallelism.unwrap_or(1)) {
        (true, _) => 0,
        (false, 0) => running,
        (false, parallelism) => u64::try_from(parallelism).unwrap_or(1).min(running),
    }
}

/// The target as a person's approval holds for it.
pub(crate) fn state(found: &SwarmService, running: u64) -> String {
    let image = image(found).unwrap_or_default();
    let limits = limits(found);
    let wanted = replicas(found).map_or_else(|| "one on every node".to_owned(), |replicas| replicas.to_string());
    let (memory, cpu) = (limits.memory_bytes.unwrap_or(0), limits.nano_cpus.unwrap_or(0));
    format!("{running} tasks run of {wanted}, image {image}, memory {memory}, CPU {cpu}")
}

/// Waits until an update to this image is over.
///
/// # Errors
/// `Unreachable` when it is not over in time.
pub(crate) async fn settled(hand: &Hand, name: &str, wanted: &str, within: Duration) -> Result<Settled, Failure> {
    let docker = hand.docker()?;
    let deadline = hand.clock.now() + TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
    loop {
        let found = docker.swarm_service(name).await?;
        let status = found.service.update_status.clone().unwrap_or_default();
        let message = text::one_line(&text::clean(status.message.as_deref().unwrap_or_default()), 300);
        match status.state.unwrap_or(State::EMPTY) {
            State::COMPLETED => return Ok(Settled::Completed),
            State::ROLLBACK_COMPLETED => return Ok(Settled::RolledBack),
            State::PAUSED | State::ROLLBACK_PAUSED => return Ok(Settled::Paused(message)),
            // An update that leaves every task as it is has no status.
            State::EMPTY if complete(docker, &found, wanted).await? => return Ok(Settled::Completed),
            State::EMPTY | State::UPDATING | State::ROLLBACK_STARTED => {}
        }
        if hand.clock.now() >= deadline {
            let why = format!("the update of {name} is not over after {} s: {message}", within.as_secs());
            return Err(Failure::unreachable(System::Docker, why));
        }
        hand.clock.sleep(EVERY).await;
    }
}

async fn complete(docker: &Docker, found: &SwarmService, wanted: &str) -> Result<bool, Failure> {
    let name = found.service.spec.as_ref().and_then(|spec| spec.name.clone()).unwrap_or_default();
    let tasks = docker.tasks(&name).await?;
    let (all, of_it) = (running(&tasks, None), running(&tasks, Some(wanted)));
    Ok(all == of_it && replicas(found).is_none_or(|replicas| of_it == replicas))
}

/// Whether a service has the image and all its tasks run it, with no update under way.
///
/// # Errors
/// When Docker cannot be asked.
pub(crate) async fn checks(docker: &Docker, found: &SwarmService, wanted: &str) -> Result<Vec<Check>, Failure> {
    let name = found.service.spec.as_ref().and_then(|spec| spec.name.clone()).unwrap_or_default();
    let image = image(found)?;
    let tasks = docker.tasks(&name).await?;
    let runs = running(&tasks, Some(wanted));
    let under_way = of_swarm(found);
    let mut checks = vec![
        Check { name: format!("service {name} is of {wanted}"), passed: same_image(&image, wanted), found: image },
        Check {
            name: format!("no update of service {name} is under way"),
            passed: under_way.is_none(),
            found: under_way.unwrap_or_else(|| "none".to_owned()),
        },
    ];
    if let Some(replicas) = replicas(found) {
        checks.push(Check {
            name: format!("all {replicas} tasks of service {name} run {wanted}"),
            passed: runs == replicas,
            found: format!("{runs} run"),
        });
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(json: &str) -> SwarmService {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_digest_makes_no_other_image_and_another_digest_does() {
        assert!(same_image("app:2@sha256:aa", "app:2"));
        assert!(same_image("app:2", "app:2"));
        assert!(!same_image("app:2@sha256:aa", "app:2@sha256:bb"));
        assert!(!same_image("app:1", "app:2"));
    }

    #[test]
    fn two_tasks_write_to_one_volume_only_where_they_do_already_or_the_owner_says_so() {
        let told = |replicas: &str, mount: &str, own: &str, container: &str| {
            cannot_share_volumes(&service(&format!(
                r#"{{"Spec":{{"Name":"db","Labels":{{{own}}},"Mode":{replicas},
                    "TaskTemplate":{{"ContainerSpec":{{"Labels":{{{container}}},"Mounts":[{mount}]}}}}}}}}"#
            )))
        };
        let replicas = |number: u64| format!(r#"{{"Replicated":{{"Replicas":{number}}}}}"#);
        let one = replicas(1);
        let data = r#"{"Type":"volume","Source":"data","Target":"/data"}"#;
        let says = r#""devops-agent.volume-sharing":"true""#;
        let why = told(&one, data, "", "").unwrap();
        assert!(why.starts_with("the service db writes to data") && why.contains("volume-sharing=true"), "{why}");
        for refused in [replicas(0), r#"{"Global":{}}"#.to_owned()] {
            assert!(told(&refused, data, "", "").is_some(), "{refused}");
        }
        let bind = r#"{"Type":"bind","Source":"/srv/data","Target":"/data","ReadOnly":false}"#;
        assert!(told(&one, bind, "", "").unwrap().contains("writes to /srv/data"));
        assert!(told(&one, data, r#""devops-agent.volume-sharing":"yes""#, "").is_some());
        assert_eq!((told(&one, data, says, ""), told(&one, data, "", says)), (None, None));
        assert_eq!(told(&replicas(2), data, "", ""), None);
        for harmless in [
            r#"{"Type":"volume","Source":"data","Target":"/data","ReadOnly":true}"#,
            r#"{"Type":"volume","Target":"/cache"}"#,
            r#"{"Type":"tmpfs","Target":"/tmp"}"#,
            r#"{"Type":"bind","Source":"/run/docker.sock","Target":"/run/docker.sock"}"#,
        ] {
            assert_eq!(told(&one, harmless, "", ""), None, "{harmless}");
        }
    }

    #[test]
    fn an_image_that_was_left_because_it_was_sick_is_known() {
        let of = |state: &str, marked: &str| {
            let image = |image: &str| {
                format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Image":"{image}"}}}},"Labels":{{{marked}}}}}"#)
            };
            let found = format!(
                r#"{{"Spec":{},"PreviousSpec":{},"UpdateStatus":{{"State":"{state}"}}}}"#,
                image("app:1"),
                image("app:2")
            );
            unwell(&service(&found)).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of("completed", ""), Vec::<String>::new());
        assert_eq!(of("rollback_completed", ""), ["app:2"], "the engine went back from it");
        assert_eq!(of("completed", r#""devops-agent.unwell-image":"app:3""#), ["app:3"]);
        let mut spec = ServiceSpec::default();
        mark(&mut spec, "app:1", Some("app:2"));
        assert_eq!(spec.labels.clone().unwrap_or_default()[UNWELL_IMAGE], "app:2");
        mark(&mut spec, "app:3", None);
        assert_eq!(spec.labels.clone().unwrap_or_default()[UNWELL_IMAGE], "app:2", "it stays known");
        mark(&mut spec, "app:2@sha256:aa", None);
        assert_eq!(spec.labels, Some(HashMap::new()), "deployed again it is not sick any more");
    }

    #[test]
    fn what_is_taken_at_once_follows_the_service_s_own_way() {
        let found = |update: &str| service(&format!(r#"{{"Spec":{{"Name":"x","UpdateConfig":{update}}}}}"#));
        assert_eq!(taken_by_update(&found("{}"), 4), 1);
        assert_eq!(taken_by_update(&found(r#"{"Parallelism":0}"#), 4), 4);
        assert_eq!(taken_by_update(&found(r#"{"Parallelism":9,"Order":"stop-first"}"#), 4), 4);
        assert_eq!(taken_by_update(&found(r#"{"Parallelism":2,"Order":"start-first"}"#), 4), 0);
    }

    #[test]
    fn the_specification_before_is_read_beside_the_one_that_stands() {
        let found = service(
            r#"{"ID":"a","Version":{"Index":7},"Spec":{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"app:2"}},"Mode":{"Replicated":{"Replicas":4}}},
                "PreviousSpec":{"Name":"x","TaskTemplate":{"ContainerSpec":{"Image":"app:1"}}}}"#,
        );
        assert_eq!(image(&found).unwrap(), "app:2");
        assert_eq!(previous_image(&found).as_deref(), Some("app:1"));
        assert_eq!(replicas(&found), Some(4));
        assert_eq!(state(&found, 3), "3 tasks run of 4, image app:2, memory 0, CPU 0");
    }
}
