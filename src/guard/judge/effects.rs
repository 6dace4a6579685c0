//! What the call would do, against the numbers that cap it.

use tools::{Effect, Replicas, Service};

use super::{
    super::policy::{Bytes, Caps, Cores, Policy, glob},
    Bench, Facts,
};
use crate::incident::{Reason, Weighed};

pub(super) fn weigh(
    policy: &Policy,
    caps: &Caps,
    facts: &Facts<'_>,
    service: &Service,
    effect: &Effect,
    bench: &mut Bench,
) {
    if let Some(replicas) = effect.replicas {
        weigh_replicas(caps, replicas, bench);
    }
    if let Some((from, to)) = effect.scale {
        scale(caps, from, to, bench);
    }
    if let Some(memory) = effect.memory {
        let (asked, least, most) = (Bytes(memory), caps.memory_least, caps.memory_most);
        if asked < least || asked > most {
            bench.refuse(Reason::Limit { what: format!("a memory limit of {asked}: {least} to {most} are allowed") });
        }
    }
    if let Some(millicpus) = effect.millicpus {
        let (asked, least, most) = (Cores(millicpus), caps.cpus_least, caps.cpus_most);
        if asked < least || asked > most {
            bench.refuse(Reason::Limit { what: format!("a CPU limit of {asked}: {least} to {most} are allowed") });
        }
    }
    if let Some(what) = effect.image.as_deref().and_then(|image| policy.images.against(image)) {
        bench.refuse(Reason::Image { what });
    }
    if let Some((files, lines)) = &effect.files {
        pull_request(caps, files, *lines, bench);
    }
    if let Some(seconds) = effect.silence_seconds {
        let most = caps.silence_longest.seconds();
        if seconds > most || seconds == 0 {
            bench.refuse(Reason::Silence { seconds, most });
        }
    }
    if let Some(what) = &effect.deploying
        && facts.touches == tools::Touches::Service
    {
        let reason = Reason::Deploying { service: service.name.clone(), what: what.clone() };
        bench.as_said(policy.situations.deployment, reason);
    }
}

/// A share of at least two replicas is at least one of them: else no change could ever touch a pair.
fn weigh_replicas(caps: &Caps, replicas: Replicas, bench: &mut Bench) {
    let Replicas { all, well, taken_at_once } = replicas;
    if taken_at_once == 0 {
        return;
    }
    if all <= 1 {
        bench.as_said(caps.single_replica, Reason::SingleReplica);
        return;
    }
    let share = (all * caps.replicas_at_once.0 / 100).max(u64::from(caps.replicas_at_once.0 > 0));
    let (stay, least) = (well.saturating_sub(taken_at_once), all.saturating_sub(share));
    bench.weighed.push(Weighed { what: "replicas out of service at once".to_owned(), is: taken_at_once, most: share });
    if stay < least {
        bench.refuse(Reason::Replicas { all, stay, least });
    }
}

fn scale(caps: &Caps, from: u64, to: u64, bench: &mut Bench) {
    let (least, most, factor) = (caps.scale_least, caps.scale_most, caps.scale_factor);
    bench.weighed.push(Weighed { what: "replicas".to_owned(), is: to, most });
    let step = to <= from.max(1).saturating_mul(factor) && from <= to.max(1).saturating_mul(factor);
    if to < least || to > most || !step {
        bench.refuse(Reason::Scale { from, to, least, most, factor });
    }
}

fn pull_request(caps: &Caps, files: &[String], lines: u64, bench: &mut Bench) {
    let touched = files.len() as u64;
    bench.weighed.push(Weighed {
        what: "files of a pull request".to_owned(),
        is: touched,
        most: caps.pull_request_files,
    });
    bench.weighed.push(Weighed {
        what: "lines of a pull request".to_owned(),
        is: lines,
        most: caps.pull_request_lines,
    });
    if touched > caps.pull_request_files || lines > caps.pull_request_lines {
        let (files, most) = (caps.pull_request_files, caps.pull_request_lines);
        let what =
            format!("a pull request of {touched} files and {lines} lines: {files} files and {most} lines are allowed");
        bench.refuse(Reason::PullRequest { what });
    }
    let hit = files.iter().find_map(|file| {
        let never = caps.pull_request_never.iter().find(|never| glob(&never.to_lowercase(), &file.to_lowercase()))?;
        Some(format!("a pull request never touches {never} ({file})"))
    });
    if let Some(what) = hit {
        bench.refuse(Reason::PullRequest { what });
    }
}
