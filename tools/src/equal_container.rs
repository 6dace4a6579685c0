//! Making an equal container: on the same networks, but found by nobody before it is well.

use crate::{
    Failure,
    generation::{label, name},
    hand::Hand,
    proof,
    reach::Docker,
    replica::{self, Pattern},
};

/// Makes and starts a container, waits until it is well, and only then gives it the names under which others find it.
/// An equal one that stands under that name is left from an attempt before and is removed. Says the new one's id.
///
/// # Errors
/// When Docker refuses or the container does not become well; then it is removed again.
pub(crate) async fn start(
    hand: &Hand,
    pattern: &Pattern<'_>,
    called: &str,
    another_name: Option<&str>,
) -> Result<String, Failure> {
    let docker = hand.docker()?;
    let body = replica::equal(pattern);
    if let Some(left) = docker.find(called).await? {
        if !body.labels.iter().flatten().all(|(key, value)| label(&left, key) == Some(value.as_str())) {
            return Err(Failure::Tell(format!(
                "the name {called} is taken by another container; nothing was done to it"
            )));
        }
        docker.remove(left.id.as_deref().unwrap_or(called)).await?;
    }
    let id = docker.create(called, body).await?;
    match bring_up(hand, docker, pattern, &id, another_name).await {
        Ok(()) => Ok(id),
        Err(failure) => {
            let removed = docker.remove(&id).await;
            Err(also(failure, removed.err().map(|failure| format!("{called} could not be removed: {failure}"))))
        }
    }
}

async fn bring_up(
    hand: &Hand,
    docker: &Docker,
    pattern: &Pattern<'_>,
    id: &str,
    another_name: Option<&str>,
) -> Result<(), Failure> {
    for (network, endpoint) in replica::other_networks(pattern.container) {
        docker.connect_network(&network, id, replica::unnamed(&endpoint)).await?;
    }
    docker.start(id).await?;
    proof::until_new_well(docker, id, hand.patience, &hand.clock).await?;
    let named = replica::networks(pattern.container, another_name);
    for (network, endpoint) in &named {
        // Docker gives a name only at joining: the container leaves and joins again, while nobody asks it anything yet.
        docker.disconnect_network(network, id).await?;
        docker.connect_network(network, id, endpoint.clone()).await?;
    }
    if !named.is_empty() {
        proof::until_well(docker, id, hand.patience, &hand.clock).await?;
    }
    Ok(())
}

/// A failure, and what else is to be known of it.
pub(crate) fn also(failure: Failure, more: Option<String>) -> Failure {
    let Some(more) = more else { return failure };
    match failure {
        Failure::Tell(text) => Failure::Tell(format!("{text}; {more}")),
        Failure::Unreachable { system, why, retry_after } => {
            Failure::Unreachable { system, why: format!("{why}; {more}"), retry_after }
        }
    }
}

/// A container by the id that it had before.
///
/// # Errors
/// `Tell` when it is gone.
pub(crate) async fn by_id(docker: &Docker, id: &str, called: &str) -> Result<crate::reach::Container, Failure> {
    let found = docker.find(id).await?;
    found.ok_or_else(|| Failure::Tell(format!("container {called} ({id:.12}) is gone")))
}

/// What an image sets by itself, where the engine still has it.
pub(crate) async fn image_config(
    docker: &Docker,
    container: &crate::reach::Container,
) -> Result<Option<bollard::models::ImageConfig>, Failure> {
    let Some(id) = container.image.as_deref() else {
        return Err(Failure::Tell(format!("Docker does not say of which image {} is", name(container))));
    };
    Ok(docker.image(id).await?.and_then(|image| image.config))
}
