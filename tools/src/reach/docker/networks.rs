//! Networks: a container joined to one, and taken out of it.

use bollard::models::{EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest};

use super::{Docker, failure};
use crate::Failure;

impl Docker {
    /// Joins a container to a network, with the names by which others on it reach the container.
    ///
    /// # Errors
    /// `Tell` when there is no such network or the container is on it already; else `Unreachable`.
    pub(crate) async fn connect_network(
        &self,
        network: &str,
        id: &str,
        endpoint: EndpointSettings,
    ) -> Result<(), Failure> {
        let request = NetworkConnectRequest { container: id.to_owned(), endpoint_config: Some(endpoint) };
        self.client(self.timeout)?.connect_network(network, request).await.map_err(failure)
    }

    /// Takes a container out of a network.
    ///
    /// # Errors
    /// `Tell` when there is no such network or the container is not on it; else `Unreachable`.
    pub(crate) async fn disconnect_network(&self, network: &str, id: &str) -> Result<(), Failure> {
        let request = NetworkDisconnectRequest { container: id.to_owned(), force: None };
        self.client(self.timeout)?.disconnect_network(network, request).await.map_err(failure)
    }
}
