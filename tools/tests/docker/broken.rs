//! Killed at every step: before and after each request that changes something, the world is found, and taken back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Notify,
};

use crate::bench::{Bench, host, passed};

/// Stands between a hand and the engine, and is silent for ever at the n-th request that changes something.
struct Between {
    url: String,
    killed: Arc<Notify>,
}

impl Between {
    async fn new(at: usize, handed_on: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let killed = Arc::new(Notify::new());
        let (seen, notify) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&killed));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, notify) = (Arc::clone(&seen), Arc::clone(&notify));
                tokio::spawn(async move { Self::pass(stream, &seen, &notify, at, handed_on).await });
            }
        });
        Self { url, killed }
    }

    async fn pass(
        mut stream: TcpStream,
        seen: &AtomicUsize,
        killed: &Notify,
        at: usize,
        handed_on: bool,
    ) -> Option<()> {
        let path = host();
        let mut engine = UnixStream::connect(path.trim_start_matches("unix://")).await.ok()?;
        let mut first = vec![0; 64 * 1024];
        let read = stream.read(&mut first).await.ok()?;
        first.truncate(read);
        let changes = !first.starts_with(b"GET ");
        if changes && seen.fetch_add(1, SeqCst) + 1 == at {
            if handed_on {
                engine.write_all(&first).await.ok()?;
                // The body may come in a part of its own; the answer is read and never handed back.
                let (mut asked, _) = stream.split();
                let (mut answered, mut to_engine) = engine.split();
                let mut answer = [0; 1024];
                tokio::select! {
                    _ = tokio::io::copy(&mut asked, &mut to_engine) => {}
                    _ = answered.read(&mut answer) => {}
                }
            }
            killed.notify_one();
            return std::future::pending().await;
        }
        engine.write_all(&first).await.ok()?;
        copy_bidirectional(&mut stream, &mut engine).await.ok()?;
        Some(())
    }
}

/// Says at how many steps it was killed.
async fn killed_at_every_step(service: &str, replicas: u32, tool: &str, more: Value) -> usize {
    let bench = Bench::compose(service, replicas, &[]);
    let args = bench.args(more);
    let mut steps = 0;
    for at in 1.. {
        let mut reached = false;
        for handed_on in [false, true] {
            let between = Between::new(at, handed_on).await;
            let through = Bench::through(service, &between.url);
            let before = bench.before(tool, &args).await;
            let done = tokio::select! {
                done = through.apply(tool, &args, &before) => Some(done),
                () = between.killed.notified() => None,
            };
            if let Some(done) = done {
                done.unwrap();
                bench.proven(tool, &args, &before).await;
            } else {
                (reached, steps) = (true, steps + 1);
                let found = bench.happened(tool, &args, &before).await;
                let well = passed(&bench.registry.verify(tool, &args, &before).await.unwrap());
                println!(
                    "{tool} killed at {at}{}: {found:?}, proven {well}",
                    if handed_on { ", handed on" } else { "" }
                );
                assert!(found.is_some() || !well, "it is proven, and was not found");
                // Only a last step that was handed on is a whole change.
                assert!(!well || handed_on, "it is proven, and was not finished");
                // What counts as not begun must be as before.
                if found.is_none() {
                    bench.restored(tool, &args, &before).await;
                }
            }
            bench.undo(tool, &args, &before).await;
            bench.restored(tool, &args, &before).await;
            std::mem::forget(through);
        }
        if !reached {
            break;
        }
    }
    steps
}

impl Bench {
    /// The same hands, through something that stands between.
    fn through(service: &str, url: &str) -> Self {
        Self::new(service, ("com.docker.compose.service", service), url)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn a_deployment_killed_at_any_step_is_found_and_taken_back() {
    let steps = killed_at_every_step("killed", 1, "deploy_service", json!({"image": "market-predictor:2"})).await;
    println!("deploy_service: {steps} kills");
    assert!(steps >= 16, "{steps}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn a_scaling_killed_at_any_step_is_found_and_taken_back() {
    let up = killed_at_every_step("growing", 1, "scale_service", json!({"replicas": 2})).await;
    let down = killed_at_every_step("shrinking", 2, "scale_service", json!({"replicas": 1})).await;
    println!("scale_service: {up} kills up, {down} down");
    assert!(up >= 8 && down >= 4, "{up} {down}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a Docker Engine: DEVOPS_AGENT_TEST_DOCKER"]
async fn limits_killed_half_way_are_found_and_set_back() {
    let steps = killed_at_every_step("squeezed", 2, "update_resources", json!({"memory_mib": 96, "cpus": 0.5})).await;
    assert_eq!(steps, 4);
}
