//! One HTTP server on loopback.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, middleware};
use tokio::{
    net::TcpListener,
    sync::{Mutex, watch},
    task::JoinHandle,
};

use super::{
    fault::{self, Breaker, Broken},
    line::{Door, Line},
};

/// How long a server may take to end before it is cut off, in real time.
const ENDING: Duration = Duration::from_secs(1);

/// A running server.
pub(super) struct Server {
    address: SocketAddr,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    pub(super) async fn start(router: Router, broken: Broken, closing: watch::Receiver<bool>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let breaker = Breaker { broken: Arc::clone(&broken), closing: closing.clone() };
        let router = router.layer(middleware::from_fn_with_state(breaker, fault::answer));
        let door = Door { listener, broken };
        let service = router.into_make_service_with_connect_info::<Line>();
        let task = tokio::spawn(async move {
            let ended = axum::serve(door, service).with_graceful_shutdown(fault::closed(closing)).await;
            if let Err(error) = ended {
                tracing::warn!(%error, "a server of the world ended");
            }
        });
        Ok(Self { address, task: Mutex::new(Some(task)) })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server has ended, and ends it if it does not.
    pub(super) async fn ended(&self) {
        let Some(mut task) = self.task.lock().await.take() else {
            return;
        };
        if tokio::time::timeout(ENDING, &mut task).await.is_err() {
            task.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().take() {
            task.abort();
        }
    }
}
