//! What the server's memory is used for.

use redstart_connection::{Cmd, Result, Value};
use serde::Serialize;

use super::{
    Question,
    question::{decimal, pairs},
};

/// Asks what the server's memory is used for.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskMemory;

/// What the server's memory is used for, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemoryStats {
    /// The most that was ever in use.
    pub peak: u64,
    /// What is in use now.
    pub total: u64,
    /// What was in use at the start.
    pub startup: u64,
    /// Keys and values.
    pub dataset: u64,
    /// Everything else.
    pub overhead: u64,
    /// Buffers of ordinary clients.
    pub clients: u64,
    /// Buffers of replicas.
    pub replicas: u64,
    /// What is kept for replicas that come back.
    pub backlog: u64,
    /// What is yet to be written to the append-only file.
    pub append_buffer: u64,
    /// Scripts.
    pub scripts: u64,
    /// How many keys there are.
    pub keys: u64,
    /// Bytes per key.
    pub bytes_per_key: u64,
    /// Bytes that the operating system counts per byte in use.
    pub fragmentation: f64,
    /// The same within the allocator, without what it has not yet given back.
    pub allocator_fragmentation: f64,
}

impl Question for AskMemory {
    type Answer = MemoryStats;
    const NAME: &'static str = "monitor.memory";

    fn cmd(&self) -> Cmd {
        Cmd::new("MEMORY").arg("STATS")
    }

    fn read(&self, answer: Value) -> Result<MemoryStats> {
        let mut stats = MemoryStats::default();
        for (name, value) in pairs(answer)? {
            let place = match name.as_str() {
                "peak.allocated" => &mut stats.peak,
                "total.allocated" => &mut stats.total,
                "startup.allocated" => &mut stats.startup,
                "dataset.bytes" => &mut stats.dataset,
                "overhead.total" => &mut stats.overhead,
                "clients.normal" => &mut stats.clients,
                "clients.slaves" => &mut stats.replicas,
                "replication.backlog" => &mut stats.backlog,
                "aof.buffer" => &mut stats.append_buffer,
                "lua.caches" => &mut stats.scripts,
                "keys.count" => &mut stats.keys,
                "keys.bytes-per-key" => &mut stats.bytes_per_key,
                "fragmentation" => {
                    stats.fragmentation = decimal(value);
                    continue;
                }
                "allocator-fragmentation.ratio" => {
                    stats.allocator_fragmentation = decimal(value);
                    continue;
                }
                _ => continue,
            };
            *place = value.into_int().ok().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default();
        }
        Ok(stats)
    }
}
