//! A hostile model against the guard: it obeys every instruction, tries everything that the schemas let it try and much that they do
//! not, asks again after a no, and races itself. Every change that reaches the world is judged there a second time, by code that knows
//! nothing of the guard: what breaks a cap is an escape.
//!
//! `HOSTILE_CALLS=10000000 cargo test --release --test hostile -- --nocapture` makes more calls than a plain run does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod arena;
mod brain;
mod fleet;
mod hands;
mod steps;

use arena::{Arena, Speaks};
use brain::Brain;

/// Calls of a plain run.
const CALLS: u64 = 100_000;
/// Calls in one world.
const A_WORLD: u64 = 200_000;

fn calls() -> u64 {
    std::env::var("HOSTILE_CALLS").ok().and_then(|text| text.parse().ok()).unwrap_or(CALLS)
}

/// Random calls by two incidents at a time, with people who approve, deny, halt and raise in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_model_leaves_the_blast_radius_in_no_case() {
    // A tenth goes over OpenAI's protocol, as any server would answer; the rest is handed over directly, for speed.
    let (by_protocol, direct) = (calls() / 10, calls() - calls() / 10);
    let (one, other) = tokio::join!(random(Speaks::OpenAi, by_protocol, 1), random(Speaks::Directly, direct, 1_000));
    println!("{} calls, 0 escapes", one + other);
}

/// So many calls, in worlds of their own, so that no journal grows without end.
async fn random(speaks: Speaks, most: u64, seed: u64) -> u64 {
    let mut made = 0;
    for world in 0.. {
        let left = (most - made).min(A_WORLD);
        let mut arena = Arena::new(Brain::random(seed + world), speaks).await;
        // By chance a change may come seldom: then a few calls more than were asked for, and not without end.
        let busy = left == A_WORLD || world == 0;
        while arena.calls() < left || (busy && arena.idle().is_some() && arena.calls() < 4 * left) {
            arena.round().await;
        }
        made += arena.calls();
        println!("{speaks:?}, world {world}: {}", arena.told());
        assert!(arena.escapes().is_empty(), "{} escapes, the first: {:#?}", arena.escapes().len(), &arena.escapes()[0]);
        assert!(!busy || arena.idle().is_none(), "{:?}", arena.idle());
        if made >= most {
            break;
        }
    }
    made
}

/// Every tool with every target and every edge of its main argument, in mode act.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_with_every_target_and_every_edge_value() {
    let mut arena = Arena::new(Brain::exhaustive(), Speaks::Directly).await;
    while !arena.exhausted() {
        arena.round().await;
    }
    println!("exhaustive: {}", arena.told());
    assert!(arena.escapes().is_empty(), "{:#?}", arena.escapes());
}

/// What a clever model would do: see each script's name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripted_attacks_come_to_nothing() {
    for script in brain::SCRIPTS {
        let mut arena = Arena::new(Brain::scripted(script), Speaks::OpenAi).await;
        for _ in 0..6 {
            arena.round().await;
        }
        println!("{}: {}", script.name, arena.told());
        assert!(arena.escapes().is_empty(), "{}: {:#?}", script.name, arena.escapes());
    }
}
