//! Limits of memory and CPU of a container: read, changed, and set back, in the numbers that Docker keeps.

use bollard::models::{ContainerUpdateBody, HostConfig};
use serde::{Deserialize, Serialize};

use crate::container::{CPU_PERIOD, memory_limit};

/// What Docker takes for no limit of swap and of CPU.
const NONE: i64 = -1;
/// A limit of memory or swap cannot be taken away again: Docker takes 0 for "as it is", refuses -1 for memory, and does not hand it
/// on for swap. This is the kernel's own number for none: the largest that is whole pages.
const NO_MEMORY_LIMIT: i64 = i64::MAX - 4_095;

/// Docker's numbers; zero or less is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    memory: i64,
    /// Memory and swap together; -1 is no limit, 0 is not set.
    memory_swap: i64,
    nano_cpus: i64,
    cpu_quota: i64,
    cpu_period: i64,
}

impl Limits {
    /// As a container has them.
    pub(crate) fn of(host: &HostConfig) -> Self {
        Self {
            memory: memory_limit(host),
            memory_swap: host.memory_swap.unwrap_or(0),
            nano_cpus: host.nano_cpus.unwrap_or(0).max(0),
            cpu_quota: host.cpu_quota.unwrap_or(0).max(0),
            cpu_period: host.cpu_period.filter(|period| *period > 0).unwrap_or(CPU_PERIOD),
        }
    }

    /// With another memory limit: the swap on top of it stays as large as it was.
    pub(crate) fn with_memory(self, bytes: i64) -> Self {
        let memory_swap = match (self.memory, self.memory_swap) {
            (_, swap) if !(0..1 << 50).contains(&swap) => NONE,
            // What Docker itself takes where nothing is set.
            (0, _) | (_, 0) => bytes.saturating_mul(2),
            (memory, swap) => bytes.saturating_add(swap.saturating_sub(memory).max(0)),
        };
        Self { memory: bytes, memory_swap, ..self }
    }

    /// With another CPU limit, in thousandths of a core. Docker refuses to mix its two ways, so the one in use stays in use;
    /// where there is none it is the quota, which alone can be taken away again.
    pub(crate) fn with_millicpus(self, millicpus: i64) -> Self {
        if self.nano_cpus > 0 {
            return Self { nano_cpus: millicpus.saturating_mul(1_000_000), ..self };
        }
        Self { cpu_quota: millicpus.saturating_mul(self.cpu_period) / 1_000, ..self }
    }

    /// As Docker is asked to set them; what stays as it is in `now` is not mentioned.
    pub(crate) fn update_from(self, now: Self) -> ContainerUpdateBody {
        let or_none = |limit: i64| if limit > 0 { limit } else { NONE };
        let memory = (self.memory != now.memory || self.swap() != now.swap()).then_some(self);
        let swap = match (self.swap(), self.memory) {
            (_, 0) => NO_MEMORY_LIMIT,
            (NONE, _) if now.swap() > 0 => NO_MEMORY_LIMIT,
            (swap, _) => swap,
        };
        let quota = (self.cpu_quota != now.cpu_quota).then_some(self);
        ContainerUpdateBody {
            memory: memory.map(|limits| if limits.memory > 0 { limits.memory } else { NO_MEMORY_LIMIT }),
            memory_swap: memory.map(|_| swap),
            nano_cpus: (self.nano_cpus != now.nano_cpus).then_some(self.nano_cpus),
            cpu_quota: quota.map(|limits| or_none(limits.cpu_quota)),
            cpu_period: quota.map(|limits| limits.cpu_period),
            ..ContainerUpdateBody::default()
        }
    }

    /// Whether the two limit alike.
    pub(crate) fn same(self, other: Self) -> bool {
        let cpus = |limits: Self| (limits.nano_cpus, limits.cpu_quota);
        self.memory == other.memory && cpus(self) == cpus(other) && (self.memory == 0 || self.swap() == other.swap())
    }

    fn swap(self) -> i64 {
        if (1..1 << 50).contains(&self.memory_swap) { self.memory_swap } else { NONE }
    }

    /// In words.
    pub(crate) fn told(self) -> String {
        let memory = if self.memory > 0 { format!("{} MiB", self.memory >> 20) } else { "no limit".to_owned() };
        let millicpus = match (self.nano_cpus, self.cpu_quota) {
            (nano, _) if nano > 0 => nano / 1_000_000,
            (_, quota) => quota.saturating_mul(1_000) / self.cpu_period.max(1),
        };
        let cpus = if millicpus > 0 { format!("{millicpus} thousandths of a core") } else { "no limit".to_owned() };
        format!("memory {memory}, CPU {cpus}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    fn limits(memory: i64, memory_swap: i64) -> Limits {
        Limits::of(&HostConfig { memory: Some(memory), memory_swap: Some(memory_swap), ..Default::default() })
    }

    #[test]
    fn swap_goes_along_with_memory() {
        for (memory, swap, asked, wanted) in
            [(48, 48, 96, 96), (48, 96, 96, 144), (96, 144, 48, 96), (48, 0, 96, 192), (0, 0, 96, 192)]
        {
            let made = limits(memory * MIB, swap * MIB).with_memory(asked * MIB);
            assert_eq!((made.memory, made.memory_swap), (asked * MIB, wanted * MIB), "{memory} {swap} {asked}");
        }
        assert_eq!(limits(48 * MIB, -1).with_memory(96 * MIB).memory_swap, -1);
    }

    #[test]
    fn the_way_of_limiting_cpus_that_is_in_use_stays_in_use() {
        let nano = Limits::of(&HostConfig { nano_cpus: Some(500_000_000), ..Default::default() }).with_millicpus(1_500);
        assert_eq!((nano.nano_cpus, nano.cpu_quota), (1_500_000_000, 0));
        let host = HostConfig { cpu_quota: Some(25_000), cpu_period: Some(50_000), ..Default::default() };
        let quota = Limits::of(&host).with_millicpus(1_500);
        assert_eq!((quota.nano_cpus, quota.cpu_quota, quota.cpu_period), (0, 75_000, 50_000));
        let none = Limits::of(&HostConfig::default());
        assert_eq!(none.with_millicpus(1_500).cpu_quota, 150_000);
        let back = none.update_from(none.with_millicpus(1_500));
        assert_eq!((back.cpu_quota, back.nano_cpus, back.memory), (Some(-1), None, None));
    }

    #[test]
    fn only_what_changes_is_asked_for_and_no_limit_can_be_asked_for() {
        let before = limits(48 * MIB, 48 * MIB);
        let after = before.with_memory(96 * MIB);
        let there = after.update_from(before);
        assert_eq!((there.memory, there.memory_swap, there.cpu_quota), (Some(96 * MIB), Some(96 * MIB), None));
        let none = limits(0, 0);
        let back = none.update_from(none.with_memory(96 * MIB));
        assert_eq!((back.memory, back.memory_swap), (Some(NO_MEMORY_LIMIT), Some(NO_MEMORY_LIMIT)));
        assert!(none.same(limits(NO_MEMORY_LIMIT, -1)) && !none.same(after));
        assert_eq!(after.told(), "memory 96 MiB, CPU no limit");
    }
}
