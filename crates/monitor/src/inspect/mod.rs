//! The questions that the monitor asks, each an operation.

mod access;
mod client_list;
mod cluster_state;
mod keys;
mod latency;
mod memory_stats;
mod nodes;
mod question;
mod server_clock;
mod settings;
mod slow_log;

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};

use crate::{
    ServerInfo,
    info::{Database, Engine, Mode, Role},
};
pub use access::{AskDefaultUser, DefaultUser, WhoAmI};
pub use client_list::{AskClients, ClientGroup, ClientList};
pub use cluster_state::{AskCluster, ClusterState};
pub(crate) use keys::sample;
pub use keys::{CategoryShare, KeySample, SampledKey, ScanKeys, ScanPage};
pub use latency::{AskLatency, CommandLatency, Histograms, ServerLatency};
pub use memory_stats::{AskMemory, MemoryStats};
pub use nodes::{FetchNodes, NodeInfo};
pub(crate) use question::lossy;
pub use question::{Ask, Question};
pub use server_clock::ServerClock;
pub use settings::AskSettings;
pub use slow_log::{FetchSlowLog, SlowCall};

/// Asks whether the server answers at all.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Ping;

impl Operation for Ping {
    type Output = ();
    const NAME: &'static str = "monitor.ping";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &()) -> &'static str {
        "answered"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        redis.send(Cmd::new("PING")).await.map(drop)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<()> {
        Ok(())
    }
}

/// Asks the server for its `INFO`; the embedded store answers with its own figures.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct FetchInfo;

impl Operation for FetchInfo {
    type Output = ServerInfo;
    const NAME: &'static str = "monitor.info";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &ServerInfo) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<ServerInfo> {
        // The default sections: `everything` walks every command's statistics on each call, and only
        // servers from 7.0 on take several sections at once.
        let text = redis.send(Cmd::new("INFO")).await?.into_text()?;
        Ok(ServerInfo::parse(&text))
    }

    fn on_memory(&self, memory: &Memory, _: Timestamp) -> Result<ServerInfo> {
        Ok(embedded(memory))
    }
}

/// What the embedded store says of itself.
fn embedded(memory: &Memory) -> ServerInfo {
    let state = u64::try_from(memory.entries()).unwrap_or(u64::MAX);
    let keys = state.saturating_add(memory.values());
    let mut info = ServerInfo::default();
    info.server.engine = Engine::Embedded;
    info.server.mode = Mode::Embedded;
    info.server.version = env!("CARGO_PKG_VERSION").to_owned();
    info.replication.role = Role::Primary;
    if keys > 0 {
        info.keyspace.push(Database { keys, expiring: keys, ..Database::default() });
    }
    info
}

#[cfg(test)]
mod tests;
