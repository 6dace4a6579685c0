//! Limits of a container, and what Docker says of those that cannot be.

use serde_json::Value;

use super::refusal::Refusal;

/// Docker's smallest memory limit, in bytes.
const LEAST_MEMORY: i64 = 6 << 20;
/// The processors that the engine says that it has.
pub(crate) const PROCESSORS: i64 = 4;

/// Limits as a request gives them; what it leaves out stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) memory: i64,
    pub(crate) memory_swap: i64,
    pub(crate) nano_cpus: i64,
    pub(crate) cpu_quota: i64,
}

impl Limits {
    /// Reads `Memory`, `MemorySwap`, `NanoCpus` and `CpuQuota` of a document.
    pub(crate) fn read(document: &Value) -> Self {
        let number = |name: &str| document.get(name).and_then(Value::as_i64).unwrap_or_default();
        Self {
            memory: number("Memory"),
            memory_swap: number("MemorySwap"),
            nano_cpus: number("NanoCpus"),
            cpu_quota: number("CpuQuota"),
        }
    }

    /// What Docker says of limits that cannot be.
    pub(super) fn check(self, update: bool) -> Result<(), Refusal> {
        let bad = |text: &str| Err(Refusal::new(400, text));
        if self.memory != 0 && self.memory < LEAST_MEMORY {
            return bad("Minimum memory limit allowed is 6MB");
        }
        if self.memory > 0 && self.memory_swap > 0 && self.memory_swap < self.memory {
            return bad("Minimum memoryswap limit should be larger than memory limit, see usage");
        }
        if self.memory == 0 && self.memory_swap > 0 && !update {
            return bad("You should always set the Memory limit when using Memoryswap limit, see usage");
        }
        if self.nano_cpus > 0 && self.cpu_quota > 0 {
            return bad("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
        }
        if self.nano_cpus < 0 || self.nano_cpus > PROCESSORS * 1_000_000_000 {
            return bad(&format!(
                "Range of CPUs is from 0.01 to {PROCESSORS}.00, as there are only {PROCESSORS} CPUs available"
            ));
        }
        Ok(())
    }
}
