//! How things are, in one piece.

use redstart_cache::Stats;
use redstart_connection::Status;
use redstart_monitor::{
    ClientWindow, Facts, Health, MemoryUse, Rfc3339, ServerInfo, ServerLatency, Told, Window,
};
use redstart_ratelimit::Violation;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::OpsState;

/// How many violations a snapshot shows.
const VIOLATIONS: usize = 20;

/// How things are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Snapshot {
    /// When this was.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// How the store is doing, why, and what to do about it.
    health: Health,
    /// Why there is no answer; it may name hosts.
    cause: Option<String>,
    /// Where the store is.
    store: String,
    /// What the connection knows of itself.
    connection: Connection,
    /// What the server says of itself, in short.
    server: Option<ServerInShort>,
    /// The servers of a cluster that own slots.
    nodes: Vec<Node>,
    /// What this process recorded of itself.
    client: Option<ClientWindow>,
    /// How long the server took over its commands lately.
    server_latency: Told<ServerLatency>,
    /// How many slow calls the server noted lately.
    slow_calls: Told<u64>,
    /// How far the clocks are apart, in seconds.
    clock_skew_seconds: Option<f64>,
    /// How long the server's certificate still holds, in seconds.
    certificate_left_seconds: Option<f64>,
    /// What each cache of this process has done.
    caches: Vec<CacheNumbers>,
    /// Who ran into which limit, the most refused first; without a limiter none.
    violations: Option<Vec<Refusals>>,
}

/// What a server says of itself, in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ServerInShort {
    /// Program and version.
    version: String,
    /// Primary or replica.
    role: String,
    /// How long it has been running.
    uptime_seconds: f64,
    /// Commands per second.
    ops_per_second: u64,
    /// Memory in use and its bound.
    memory: MemoryUse,
    /// The share of the memory's bound in use.
    memory_usage: Option<f64>,
    /// Clients connected.
    clients: u64,
    /// Clients that wait in a blocking command.
    blocked_clients: u64,
    /// How many keys there are.
    keys: u64,
    /// What it counted lately.
    window: Option<Window>,
}

/// A server of a cluster.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Node {
    address: String,
    server: Option<ServerInShort>,
}

/// What the connection knows of itself.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection {
    /// `memory`, or how Redis is reached.
    mode: &'static str,
    /// Whether calls are held back: `closed` is as it should be, then `halfOpen` and `open`.
    breaker: String,
    /// How many lanes there are.
    lanes: usize,
    /// How many of them are connected.
    connected: usize,
    /// Commands sent and not yet answered.
    in_flight: usize,
    /// How many there may be.
    permits: usize,
    /// Calls that wait for a permit.
    waiting: usize,
    /// Exclusive connections in use.
    exclusive_in_use: usize,
    /// How many there may be.
    exclusive_size: usize,
    /// Calls that had to wait for one.
    exclusive_waits: u64,
    /// Those that waited in vain.
    exclusive_exhausted: u64,
    /// Connections of every kind.
    connections: usize,
    /// How many there may be.
    connections_max: usize,
    /// The larger share in use.
    utilization: Option<f64>,
    /// Why the last attempt to connect failed.
    last_error: Option<String>,
}

/// What a cache has done.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CacheNumbers {
    /// Its name.
    name: &'static str,
    /// Its counts, by name, and since when it counts.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    counts: Map<String, Value>,
    /// The share of reads that found their value.
    hit_rate: Option<f64>,
    /// Whether its entries and tags can be forgotten one by one.
    forgets: bool,
}

/// Who ran into which limit, and how often.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refusals {
    /// Where.
    endpoint: String,
    /// Which limit.
    policy: &'static str,
    /// Who, as far as that may be told.
    subject: String,
    /// How often.
    refused: u64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    first: Rfc3339,
    /// When it happened last.
    #[schema(value_type = String, format = DateTime)]
    last: Rfc3339,
}

impl Snapshot {
    pub(super) async fn of(state: &OpsState) -> Self {
        let (facts, health) = state.monitor().report().await;
        let connection = Connection::of(&facts);
        let nodes = facts.nodes.iter().map(|node| Node {
            address: node.address.clone(),
            server: node.server.as_ref().map(|info| ServerInShort::of(info, node.window.clone())),
        });
        Self {
            at: health.checked_at,
            store: state.store().describe().to_owned(),
            nodes: nodes.collect(),
            server: facts.server.as_ref().map(|info| ServerInShort::of(info, facts.window.clone())),
            clock_skew_seconds: facts.clock_skew.map(|skew| skew.as_secs_f64()),
            certificate_left_seconds: facts.certificate_left().map(|left| left.as_secs_f64()),
            caches: caches(state),
            violations: violations(state, None).map(|mut all| {
                all.sort_by_key(|found| std::cmp::Reverse(found.refused));
                all.truncate(VIOLATIONS);
                all
            }),
            connection,
            health,
            cause: facts.cause,
            client: facts.client,
            server_latency: facts.server_latency,
            slow_calls: facts.slow_calls,
        }
    }
}

impl ServerInShort {
    fn of(info: &ServerInfo, window: Option<Window>) -> Self {
        Self {
            version: format!("{:?} {}", info.server.engine, info.server.version),
            role: format!("{:?}", info.replication.role).to_lowercase(),
            uptime_seconds: info.server.uptime.as_secs_f64(),
            ops_per_second: info.stats.ops_per_second,
            memory: info.memory.clone(),
            memory_usage: info.memory.usage(),
            clients: info.clients.connected,
            blocked_clients: info.clients.blocked,
            keys: info.keys(),
            window,
        }
    }
}

impl Connection {
    pub(super) fn of(facts: &Facts) -> Self {
        let status: &Status = &facts.status;
        let breaker = format!("{:?}", status.breaker);
        let (first, rest) = breaker.split_at(1);
        Self {
            mode: status.mode,
            breaker: first.to_lowercase() + rest,
            lanes: status.lanes,
            connected: status.connected,
            in_flight: status.in_flight,
            permits: status.permits,
            waiting: status.waiting,
            exclusive_in_use: status.exclusive_in_use,
            exclusive_size: status.exclusive_size,
            exclusive_waits: status.exclusive_waits,
            exclusive_exhausted: status.exclusive_exhausted,
            connections: status.connections,
            connections_max: status.connections_max,
            utilization: facts.pool_utilization(),
            last_error: status.last_error.clone(),
        }
    }
}

/// What each cache of this process has done.
pub(super) fn caches(state: &OpsState) -> Vec<CacheNumbers> {
    let numbers = |stats: Stats| {
        let mut counts = match serde_json::to_value(&stats) {
            Ok(Value::Object(counts)) => counts,
            _ => Map::new(),
        };
        counts.remove("name");
        counts.insert("since".to_owned(), Rfc3339::from(stats.since).to_string().into());
        let forgets = state.0.caches.iter().any(|cache| cache.name() == stats.name);
        CacheNumbers { name: stats.name, counts, hit_rate: stats.hit_rate(), forgets }
    };
    redstart_cache::caches(state.store()).into_iter().map(numbers).collect()
}

/// Who ran into which limit, at this route or at all; none without a limiter.
pub(super) fn violations(state: &OpsState, endpoint: Option<&str>) -> Option<Vec<Refusals>> {
    let known = state.0.violations.as_ref()?;
    let found = endpoint.map_or_else(|| known.all(), |endpoint| known.at(endpoint));
    let shown =
        found.into_iter().map(|Violation { endpoint, policy, subject, refused, first, last, .. }| Refusals {
            endpoint: endpoint.to_string(),
            policy,
            subject: subject.to_string(),
            refused,
            first: Rfc3339::from(first),
            last: Rfc3339::from(last),
        });
    Some(shown.collect())
}
