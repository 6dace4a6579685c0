//! Whether a deployment of a service is under way, by whomever: a change on top of one would mix two causes.

use bollard::models::ServiceUpdateStatusStateEnum;

use crate::{
    Failure, Service,
    generation::{self, Generation},
    reach::{Docker, SwarmService},
    text,
};

/// The deployment of the service that is under way, as the engine tells; `None` where there is none.
///
/// # Errors
/// When Docker cannot be asked: in doubt nothing is changed.
pub(crate) async fn deploying(docker: &Docker, service: &Service) -> Result<Option<String>, Failure> {
    match service.swarm() {
        Some(name) => Ok(of_swarm(&docker.swarm_service(name).await?)),
        None => {
            let containers = docker.all_of_service(service).await?;
            Ok(containers.iter().find_map(|container| {
                let runs = container.state.as_ref().and_then(|state| state.running).unwrap_or(false);
                let name = text::clean(generation::name(container));
                match Generation::of(container) {
                    Generation::Next => Some(format!("{name} was made to take a place and has not taken it yet")),
                    Generation::Kept if runs => Some(format!("{name} was replaced and still runs")),
                    Generation::Kept | Generation::Serving => None,
                }
            }))
        }
    }
}

/// What a Swarm says of a service's last update, while it is not over.
pub(crate) fn of_swarm(found: &SwarmService) -> Option<String> {
    let status = found.service.update_status.as_ref()?;
    let word = match status.state? {
        ServiceUpdateStatusStateEnum::UPDATING => "updating",
        ServiceUpdateStatusStateEnum::PAUSED => "paused",
        ServiceUpdateStatusStateEnum::ROLLBACK_STARTED => "rollback_started",
        ServiceUpdateStatusStateEnum::ROLLBACK_PAUSED => "rollback_paused",
        ServiceUpdateStatusStateEnum::EMPTY
        | ServiceUpdateStatusStateEnum::COMPLETED
        | ServiceUpdateStatusStateEnum::ROLLBACK_COMPLETED => return None,
    };
    let message = text::one_line(&text::clean(status.message.as_deref().unwrap_or_default()), 160);
    Some(if message.is_empty() { word.to_owned() } else { format!("{word}: {message}") })
}

#[cfg(test)]
mod tests {
    use super::of_swarm;
    use crate::reach::SwarmService;

    #[test]
    fn only_what_is_not_over_is_under_way() {
        let told = |status: &str| {
            let json = format!(r#"{{"ID":"x","UpdateStatus":{status}}}"#);
            of_swarm(&serde_json::from_str::<SwarmService>(&json).unwrap())
        };
        assert_eq!(
            told(r#"{"State":"updating","Message":"update in progress"}"#).unwrap(),
            "updating: update in progress"
        );
        assert_eq!(told(r#"{"State":"rollback_started"}"#).unwrap(), "rollback_started");
        assert_eq!(told(r#"{"State":"paused"}"#).unwrap(), "paused");
        assert_eq!(told(r#"{"State":"completed","Message":"update completed"}"#), None);
        assert_eq!(told(r#"{"State":"rollback_completed"}"#), None);
        assert_eq!(told("{}"), None);
    }
}
