//! The clients and looking tools at their door: real recorded answers, and every way in which a server can fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test fails by panicking"
)]

mod capacity;
mod changes;
mod failures;
mod github;
mod hands;
mod keys;
mod patterns;
mod recalled;
mod recorded;
mod suspects;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tools::{Autonomy, Catalogue, Clock, Origin, Service, SharedCatalogue, SharedClock, reach::HttpOptions};

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_455_500, 0).unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn clock() -> SharedClock {
    Arc::new(Still)
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

fn options() -> HttpOptions {
    HttpOptions {
        timeout: Duration::from_millis(400),
        answer_max: 64 * 1024,
        basic: Some(("user".into(), "s3cret-password".to_owned().into())),
        ..HttpOptions::default()
    }
}

fn catalogue() -> SharedCatalogue {
    let payments = Service {
        prometheus: Some("{job=\"payments\"}".into()),
        logs: Some("{service_name=\"payments\"}".into()),
        autonomy: Some(Autonomy::Act),
        ..Service::named("payments", Origin::Settings)
    };
    SharedCatalogue::new(Catalogue::new([payments, Service::named("bare", Origin::Settings)]))
}

/// A server that begins an answer and hangs up.
async fn half() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"st").await;
        }
    });
    url
}
