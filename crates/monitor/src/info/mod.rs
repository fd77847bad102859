//! `INFO` as types.

mod fields;
mod parse;

use std::time::Duration;

use serde::Serialize;

use crate::durations;

pub(crate) use parse::ratio;

/// What a server says of itself.
///
/// Parsed leniently: a field that is unknown is skipped, one that is missing takes its default, so that
/// every version of Redis and Valkey and every managed service gives an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerInfo {
    /// Which program runs, in which version and mode.
    pub server: Server,
    /// Connections of clients.
    pub clients: Clients,
    /// Memory in use and its bound.
    pub memory: MemoryUse,
    /// Snapshots and the append-only file.
    pub persistence: Persistence,
    /// Counters since the start.
    pub stats: Stats,
    /// The role among replicas.
    pub replication: Replication,
    /// Databases that hold keys.
    pub keyspace: Vec<Database>,
}

/// Which program runs, in which version and mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Server {
    /// The program.
    pub engine: Engine,
    /// Its version, such as `8.2.1`.
    pub version: String,
    /// How it runs.
    pub mode: Mode,
    /// The operating system.
    pub os: String,
    /// Identifies this run; another one after a restart.
    pub run_id: String,
    /// The port it listens on.
    pub tcp_port: u16,
    /// How long it has been running.
    #[serde(rename = "uptimeSeconds", serialize_with = "durations::seconds")]
    pub uptime: Duration,
}

/// The program that answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Engine {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
    /// The store embedded in this process.
    Embedded,
    /// Something that does not say.
    #[default]
    Unknown,
}

/// How the server runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Mode {
    /// By itself, or with replicas.
    Standalone,
    /// As a watcher of others.
    Sentinel,
    /// As a node of a cluster.
    Cluster,
    /// Inside this process.
    Embedded,
    /// It does not say.
    #[default]
    Unknown,
}

/// Connections of clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Clients {
    /// How many are connected.
    pub connected: u64,
    /// How many wait in a blocking command.
    pub blocked: u64,
    /// How many may be connected; none when the server does not say.
    pub max: Option<u64>,
}

/// Memory in use and its bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemoryUse {
    /// Bytes in use.
    pub used: u64,
    /// The most bytes that were in use.
    pub peak: u64,
    /// Bytes that the operating system counts.
    pub resident: u64,
    /// The bound in bytes; none when there is none, or the server does not say.
    pub limit: Option<u64>,
    /// What happens at the bound, such as `noeviction`.
    pub policy: String,
    /// Bytes counted by the operating system per byte in use.
    pub fragmentation: f64,
}

/// Snapshots and the append-only file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Persistence {
    /// Whether the server is still reading its data.
    pub loading: bool,
    /// Changes since the last snapshot.
    pub unsaved_changes: u64,
    /// When the last snapshot was written, in seconds since the Unix epoch.
    pub last_snapshot: u64,
    /// Whether the last snapshot failed.
    pub snapshot_failed: bool,
    /// Whether there is an append-only file.
    pub append_only: bool,
    /// Whether the last write or rewrite of the append-only file failed.
    pub append_failed: bool,
}

/// Counters since the start of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stats {
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused, since there were too many.
    pub rejected_connections: u64,
    /// Commands carried out.
    pub commands_processed: u64,
    /// Commands per second, at present.
    pub ops_per_second: u64,
    /// Reads that found their key.
    pub keyspace_hits: u64,
    /// Reads that did not.
    pub keyspace_misses: u64,
    /// Keys whose TTL ran out.
    pub expired_keys: u64,
    /// Keys thrown out for want of memory.
    pub evicted_keys: u64,
    /// Commands answered with an error.
    pub error_replies: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// How long the last fork took.
    #[serde(rename = "latestForkSeconds", serialize_with = "durations::seconds")]
    pub latest_fork: Duration,
}

/// The role among replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Replication {
    /// Primary or replica.
    pub role: Role,
    /// Replicas attached to this server.
    pub replicas: u64,
    /// The longest silence of an attached replica; none when there is none.
    #[serde(rename = "lagSeconds", serialize_with = "durations::optional_seconds")]
    pub lag: Option<Duration>,
    /// Whether the link to the primary stands; none on a primary.
    pub link_up: Option<bool>,
}

/// The role of a server among its replicas.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
    /// It does not say.
    #[default]
    Unknown,
}

/// One database that holds keys.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Database {
    /// Its number.
    pub index: u32,
    /// How many keys it holds.
    pub keys: u64,
    /// How many of them have a TTL.
    pub expiring: u64,
    /// The mean TTL of those; zero when unknown.
    #[serde(rename = "averageTtlSeconds", serialize_with = "durations::seconds")]
    pub average_ttl: Duration,
}

#[cfg(test)]
mod tests;
