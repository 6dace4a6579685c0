//! Who stands in a replica's place now.

use bollard::models::{ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum};

use super::Old;
use crate::{
    Failure,
    generation::{REPLACES, label, next_name},
    reach::Docker,
};

/// The new container of a replica, where there is one.
pub(super) struct Place {
    /// Its id.
    pub(super) new: Option<String>,
    /// Whether it bears the replica's name already.
    pub(super) has_name: bool,
}

/// Looks who stands there: under the replica's name, or under the name of the next one.
pub(super) async fn place(docker: &Docker, old: &Old) -> Result<Place, Failure> {
    for (called, has_name) in [(old.name.clone(), true), (next_name(&old.name, &old.id), false)] {
        let found = docker.find(&called).await?;
        if let Some(found) = found.filter(|found| label(found, REPLACES) == Some(old.id.as_str())) {
            return Ok(Place { new: found.id, has_name });
        }
    }
    Ok(Place { new: None, has_name: false })
}

/// A restart policy, as an update of a container.
pub(super) fn restart_policy(name: &str, most: Option<i64>) -> ContainerUpdateBody {
    let name = match name {
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        _ => RestartPolicyNameEnum::NO,
    };
    let policy = RestartPolicy { name: Some(name), maximum_retry_count: most };
    ContainerUpdateBody { restart_policy: Some(policy), ..Default::default() }
}
