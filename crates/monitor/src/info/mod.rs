//! `INFO` as types.

mod fields;
mod parse;

use std::time::Duration;

use serde::Serialize;

use crate::durations;

pub(crate) use fields::Fields;
pub(crate) use parse::ratio;

/// What a server says of itself.
///
/// Parsed leniently: a field that is unknown is skipped, one that is missing takes its default, so that
/// every version of Redis and Valkey and every managed service gives an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Time of the processor.
    pub cpu: Cpu,
    /// Errors that the server has answered, by their first word.
    pub errors: Vec<ErrorCount>,
    /// Databases that hold keys.
    pub keyspace: Vec<Database>,
}

/// Which program runs, in which version and mode.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub uptime: Duration,
}

/// The program that answers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Clients {
    /// How many are connected.
    pub connected: u64,
    /// How many wait in a blocking command.
    pub blocked: u64,
    /// How many may be connected; none when the server does not say.
    pub max: Option<u64>,
    /// How many are told when a key changes that they have read.
    pub tracking: u64,
    /// How many listen to messages, or watch keys; zero before Redis 7.4.
    pub listening: u64,
}

/// Memory in use and its bound.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MemoryUse {
    /// Bytes in use.
    pub used: u64,
    /// The most bytes that were in use.
    pub peak: u64,
    /// Bytes that the operating system counts.
    pub resident: u64,
    /// Bytes of keys and values, without what surrounds them.
    pub dataset: u64,
    /// Bytes of the machine; none when the server does not say.
    pub machine: Option<u64>,
    /// The bound in bytes; none when there is none, or the server does not say.
    pub limit: Option<u64>,
    /// What happens at the bound, such as `noeviction`.
    pub policy: String,
    /// Bytes counted by the operating system per byte in use.
    pub fragmentation: f64,
}

/// Snapshots and the append-only file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Whether a snapshot is being written.
    pub snapshot_running: bool,
    /// How long the last snapshot took; none before the first.
    #[serde(rename = "lastSnapshotSeconds", serialize_with = "durations::optional_seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub last_snapshot_took: Option<Duration>,
    /// Whether the append-only file is being rewritten.
    pub rewrite_running: bool,
    /// How often a write to the append-only file had to wait for the disk.
    pub append_delayed: u64,
}

/// Counters since the start of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    /// Commands, keys, channels and logins that the rules of a user forbade.
    pub denied_commands: u64,
    /// Clients thrown out for want of memory.
    pub evicted_clients: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// How long the last fork took.
    #[serde(rename = "latestForkSeconds", serialize_with = "durations::seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub latest_fork: Duration,
}

/// The role among replicas.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Replication {
    /// Primary or replica.
    pub role: Role,
    /// Replicas attached to this server.
    pub replicas: u64,
    /// The longest silence of an attached replica; none when there is none.
    #[serde(rename = "lagSeconds", serialize_with = "durations::optional_seconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub lag: Option<Duration>,
    /// Whether the link to the primary stands; none on a primary.
    pub link_up: Option<bool>,
    /// Bytes written so far.
    pub offset: u64,
    /// Bytes that the last of the attached replicas has not acknowledged; none when there is none.
    pub behind: Option<u64>,
}

/// Time of the processor that the server has used.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Cpu {
    /// In the system, in seconds.
    pub system_seconds: f64,
    /// In the server itself, in seconds.
    pub user_seconds: f64,
}

/// How often the server has answered an error.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ErrorCount {
    /// The first word of the error, such as `OOM`.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// The role of a server among its replicas.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub average_ttl: Duration,
}

#[cfg(test)]
mod tests;
