//! Every metric of the toolkit, in one table.

use std::fmt::Write as _;

use redstart_connection::names;

/// One metric: what it is called and what it means.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The name, as exported.
    pub name: &'static str,
    /// How it moves.
    pub kind: MetricKind,
    /// What it counts.
    pub unit: MetricUnit,
    /// The names of its labels; their values are bounded.
    pub labels: &'static [&'static str],
    /// Who knows its value.
    pub origin: Origin,
    /// What it means.
    pub help: &'static str,
}

/// How a metric moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the exporters know these three")]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is a distribution.
    Histogram,
}

/// What a metric counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum MetricUnit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one.
    Ratio,
}

/// Who knows the value of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way to a value")]
pub enum Origin {
    /// The code that does the work tells whatever recorder is installed.
    Recorded,
    /// The monitor asks the server and the connection when the metrics are read.
    Sampled,
}

use self::{
    MetricKind::{Counter, Gauge, Histogram},
    MetricUnit::{Bytes, Count, Ratio, Seconds},
    Origin::{Recorded, Sampled},
};

const fn row(
    name: &'static str,
    (kind, unit, origin): (MetricKind, MetricUnit, Origin),
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, origin, help }
}

/// Every metric of the toolkit.
pub const METRICS: &[Metric] = &[
    row(
        names::OPERATION_SECONDS,
        (Histogram, Seconds, Recorded),
        &[names::label::OPERATION, "outcome", "error_type", "db_system_name"],
        "Time of an operation; on the embedded store one call in sixteen is timed, and stands for those after it.",
    ),
    row(names::RETRIES, (Counter, Count, Recorded), &["operation"], "Attempts that were sent again."),
    row(names::CONNECTIONS_ACTIVE, (Gauge, Count, Recorded), &[], "Connected lanes."),
    row(names::CONNECTIONS_MADE, (Counter, Count, Recorded), &["kind"], "Connections made, first or again."),
    row(names::CONNECTIONS_LOST, (Counter, Count, Recorded), &["reason"], "Connections lost."),
    row(
        names::BREAKER_TURNS,
        (Counter, Count, Recorded),
        &["to"],
        "Changes of state of the breakers: opened, half open, closed.",
    ),
    row(
        names::STANDBY_ACTIVE,
        (Gauge, Count, Recorded),
        &[],
        "Servers in whose place this process's memory answers.",
    ),
    row(
        names::STANDBY_ANSWERS,
        (Counter, Count, Recorded),
        &["operation"],
        "Operations that this process's memory answered while the server was away.",
    ),
    row(
        names::STANDBY_JOURNAL,
        (Counter, Count, Recorded),
        &["outcome"],
        "Invalidations kept for the server's return: noted, overflowed, replayed, lost.",
    ),
    row(
        names::CACHE_READS,
        (Counter, Count, Recorded),
        &["cache", "tier", "result"],
        "Cache reads by tier and result.",
    ),
    row(names::CACHE_LOADS, (Counter, Count, Recorded), &["cache", "outcome"], "Loads behind a cache."),
    row(
        names::CACHE_LOAD_SECONDS,
        (Histogram, Seconds, Recorded),
        &["cache"],
        "Time of a load behind a cache.",
    ),
    row(
        names::CACHE_STALE,
        (Counter, Count, Recorded),
        &["cache"],
        "Values shown that were no longer fresh; they count as reads of their tier too.",
    ),
    row(
        names::CACHE_EVICTIONS,
        (Counter, Count, Recorded),
        &["cache"],
        "Values that a process threw out for want of room.",
    ),
    row(
        names::CACHE_BYTES,
        (Counter, Bytes, Recorded),
        &["cache", "direction"],
        "Bytes of values read from the store and written to it.",
    ),
    row(
        names::CACHE_WARMED,
        (Counter, Count, Recorded),
        &["cache", "outcome"],
        "Values that a warming looked at: warmed, skipped, absent, failed, left.",
    ),
    row(names::CACHE_WARM_SECONDS, (Histogram, Seconds, Recorded), &[], "Time of a warming."),
    row(
        names::CACHE_SCHEDULED,
        (Counter, Count, Recorded),
        &["cache", "outcome"],
        "Invalidations that were put off to a moment to come: put_off, done, again (not done, and due again).",
    ),
    row(names::CACHE_INVALIDATIONS, (Counter, Count, Recorded), &["cache"], "Invalidations made."),
    row(
        names::LIMIT_DECISIONS,
        (Counter, Count, Recorded),
        &["policy", "verdict", "source"],
        "Rate limit decisions.",
    ),
    row(
        names::LIMIT_REJECTED,
        (Counter, Count, Recorded),
        &["endpoint"],
        "Requests refused by a rate limit.",
    ),
    row(names::LIMITER_ERRORS, (Counter, Count, Recorded), &["policy"], "Decisions made by an outage rule."),
    row(
        names::LIMIT_TAKEN_BACK,
        (Counter, Count, Recorded),
        &["outcome"],
        "Charges taken back, because another limit refused or the caller gave up.",
    ),
    row(names::LOCK_WAIT_SECONDS, (Histogram, Seconds, Recorded), &["lock"], "Time waited for a lock."),
    row(names::LOCK_HOLD_SECONDS, (Histogram, Seconds, Recorded), &["lock"], "Time a lock was held."),
    row(names::LOCK_CONTENDED, (Counter, Count, Recorded), &["lock"], "Waits for a lock that another held."),
    row(
        names::LOCK_EVICTING,
        (Counter, Count, Recorded),
        &[],
        "Processes that found their locks on a server that evicts.",
    ),
    row(
        names::LOCK_FORCED,
        (Counter, Count, Recorded),
        &["lock"],
        "Locks that were taken from their holders by force.",
    ),
    row(
        names::LOCK_LOSSES,
        (Counter, Count, Recorded),
        &["lock", "cause"],
        "Locks lost while they were held.",
    ),
    row(
        names::LOCK_UNRELEASED,
        (Counter, Count, Recorded),
        &[],
        "Locks that a dropped guard could not release.",
    ),
    row(
        names::IDEMPOTENCY_LOST,
        (Counter, Count, Recorded),
        &[],
        "Work done that had passed to another, or may be done again.",
    ),
    row(
        names::SESSION_DROPPED_SAVES,
        (Counter, Count, Recorded),
        &[],
        "Saves that came after the end of their session.",
    ),
    row(
        names::COUNTER_DROPPED,
        (Counter, Count, Recorded),
        &["counter"],
        "Counts dropped for want of room, or at the end of the process.",
    ),
    row(names::JOBS_ADDED, (Counter, Count, Recorded), &["queue"], "Jobs put into a queue."),
    row(
        names::JOBS_ENDED,
        (Counter, Count, Recorded),
        &["queue", "outcome"],
        "Attempts at jobs that came to an end: completed, retried, dead, given_back.",
    ),
    row(names::JOB_SECONDS, (Histogram, Seconds, Recorded), &["queue"], "Time of an attempt at a job."),
    row(
        names::JOBS_RECOVERED,
        (Counter, Count, Recorded),
        &["queue"],
        "Jobs taken from a worker that fell silent.",
    ),
    row(
        names::JOBS_REBUILT,
        (Counter, Count, Recorded),
        &["queue"],
        "Times that a worker began anew with another server or secret.",
    ),
    row(
        names::JOBS_DEPTH,
        (Gauge, Count, Recorded),
        &["queue", "state"],
        "Jobs in a queue: waiting, active, delayed, dead.",
    ),
    row(
        names::METRICS_OVERFLOW,
        (Counter, Count, Recorded),
        &["metric"],
        "Recordings above 1,000 sets of labels of a metric, joined in one series with the labels other.",
    ),
    row(
        names::ALERTS_FIRING,
        (Gauge, Count, Recorded),
        &["alert", "severity"],
        "Whether an alert fires, judged in the process.",
    ),
    row(
        names::ALERT_DELIVERIES,
        (Counter, Count, Recorded),
        &["outcome"],
        "Messages about alerts: delivered, refused, failed, lost.",
    ),
    row(
        names::HTTP_SECONDS,
        (Histogram, Seconds, Recorded),
        &["http_request_method", "http_route", "http_response_status_code", "audience"],
        "Time of a request until its answer began, under the name of OpenTelemetry.",
    ),
    row(UP, (Gauge, Count, Sampled), &[], "Whether the server answers."),
    row(HEALTH_SCORE, (Gauge, Count, Sampled), &[], "The score of the health, 0 to 100."),
    row(PING_SECONDS, (Gauge, Seconds, Sampled), &[], "Time of the last PING."),
    row(
        LATENCY_P95,
        (Gauge, Seconds, Sampled),
        &[],
        "95 in a hundred operations of this process took at most so long, in five minutes.",
    ),
    row(
        SERVER_P99,
        (Gauge, Seconds, Sampled),
        &[],
        "99 in a hundred commands took the server at most so long, in five minutes, without network and queue.",
    ),
    row(CLOCK_SKEW, (Gauge, Seconds, Sampled), &[], "How far the clocks of server and process are apart."),
    row(
        CERTIFICATE_LEFT,
        (Gauge, Seconds, Sampled),
        &[],
        "Time until the first certificate of the servers ends.",
    ),
    row(SLOW_CALLS, (Gauge, Count, Sampled), &[], "Slow calls that the server noted in five minutes."),
    row(
        LIMIT_CACHE_HITS,
        (Counter, Count, Sampled),
        &[],
        "Decisions of limits that this process made by itself, from its deny cache or a lease.",
    ),
    row(LIMIT_CACHE_TOTAL, (Counter, Count, Sampled), &[], "Decisions of limits."),
    row(
        BREAKER_STATE,
        (Gauge, Count, Sampled),
        &[],
        "Where the breaker stands: 0 closed, 1 half open, 2 open; of several the worst.",
    ),
    row(
        STANDBY_SECONDS,
        (Counter, Seconds, Sampled),
        &[],
        "Time in which this process's memory answered for servers that were away.",
    ),
    row(POOL_UTILIZATION, (Gauge, Ratio, Sampled), &[], "Share of the connection's capacity in use."),
    row(CONNECTIONS_MAX, (Gauge, Count, Sampled), &[], "How many lanes there may be."),
    row(IN_FLIGHT, (Gauge, Count, Sampled), &[], "Commands sent and not yet answered."),
    row(WAITING, (Gauge, Count, Sampled), &[], "Calls that wait for a permit."),
    row(CONNECTIONS_OPEN, (Gauge, Count, Sampled), &[], "Connections of every kind, open or being opened."),
    row(POOL_IN_USE, (Gauge, Count, Sampled), &[], "Exclusive connections in use."),
    row(POOL_WAITS, (Counter, Count, Sampled), &[], "Calls that had to wait for an exclusive connection."),
    row(POOL_WAIT_SECONDS, (Counter, Seconds, Sampled), &[], "Time they waited, all together."),
    row(POOL_EXHAUSTED, (Counter, Count, Sampled), &[], "Those of them that waited in vain."),
    row(MEMORY_USAGE, (Gauge, Bytes, Sampled), &[], "Memory of the server in use."),
    row(MEMORY_MAX, (Gauge, Bytes, Sampled), &[], "Bound of the server's memory, zero for none."),
    row(
        INSTANCE,
        (Gauge, Count, Sampled),
        &["role", "redis_version", "redis_mode"],
        "One, with what the server is.",
    ),
    row(UPTIME, (Gauge, Seconds, Sampled), &[], "Time since the start of the server."),
    row(CLIENTS, (Gauge, Count, Sampled), &[], "Clients connected to the server."),
    row(BLOCKED_CLIENTS, (Gauge, Count, Sampled), &[], "Clients that wait in a blocking command."),
    row(MAX_CLIENTS, (Gauge, Count, Sampled), &[], "How many clients may be connected."),
    row(REJECTED_CONNECTIONS, (Counter, Count, Sampled), &[], "Connections that the server refused."),
    row(COMMANDS, (Counter, Count, Sampled), &[], "Commands carried out by the server."),
    row(KEYSPACE_HITS, (Counter, Count, Sampled), &[], "Reads on the server that found their key."),
    row(KEYSPACE_MISSES, (Counter, Count, Sampled), &[], "Reads on the server that did not."),
    row(EXPIRED_KEYS, (Counter, Count, Sampled), &[], "Keys whose TTL ran out."),
    row(EVICTED_KEYS, (Counter, Count, Sampled), &[], "Keys thrown out for want of memory."),
    row(FRAGMENTATION, (Gauge, Ratio, Sampled), &[], "Memory seen by the operating system per byte in use."),
    row(REPLICAS, (Gauge, Count, Sampled), &[], "Replicas attached to the server."),
    row(LINK_UP, (Gauge, Count, Sampled), &[], "Whether a replica's link to its primary stands."),
    row(
        LAST_SNAPSHOT,
        (Gauge, Seconds, Sampled),
        &[],
        "When the last snapshot was written, since the epoch.",
    ),
    row(DATABASE_KEYS, (Gauge, Count, Sampled), &["db"], "Keys in a database."),
];

pub(crate) const UP: &str = "redis_up";
pub(crate) const HEALTH_SCORE: &str = "redstart_health_score";
pub(crate) const PING_SECONDS: &str = "redstart_ping_seconds";
pub(crate) const LATENCY_P95: &str = "redis_latency_p95";
pub(crate) const SERVER_P99: &str = "redstart_server_p99_seconds";
pub(crate) const CLOCK_SKEW: &str = "redstart_clock_skew_seconds";
pub(crate) const CERTIFICATE_LEFT: &str = "redstart_certificate_left_seconds";
pub(crate) const SLOW_CALLS: &str = "redstart_slow_calls";
pub(crate) const LIMIT_CACHE_HITS: &str = "rate_limit_cache_hits";
pub(crate) const LIMIT_CACHE_TOTAL: &str = "rate_limit_cache_total";
pub(crate) const BREAKER_STATE: &str = "redstart_breaker_state";
pub(crate) const POOL_UTILIZATION: &str = "redis_pool_utilization";
pub(crate) const CONNECTIONS_MAX: &str = "redis_connections_max";
pub(crate) const IN_FLIGHT: &str = "redstart_in_flight";
pub(crate) const WAITING: &str = "redstart_waiting";
pub(crate) const CONNECTIONS_OPEN: &str = "redstart_connections_open";
pub(crate) const POOL_IN_USE: &str = "redstart_pool_in_use";
pub(crate) const POOL_WAITS: &str = "redstart_pool_waits_total";
pub(crate) const STANDBY_SECONDS: &str = "redstart_standby_seconds_total";
pub(crate) const POOL_WAIT_SECONDS: &str = "redstart_pool_wait_seconds_total";
pub(crate) const POOL_EXHAUSTED: &str = "redstart_pool_exhausted_total";
pub(crate) const MEMORY_USAGE: &str = "redis_memory_usage";
pub(crate) const MEMORY_MAX: &str = "redis_memory_max";
// From here on the names are those of redis_exporter, so that dashboards made for it go on working.
pub(crate) const INSTANCE: &str = "redis_instance_info";
pub(crate) const UPTIME: &str = "redis_uptime_in_seconds";
pub(crate) const CLIENTS: &str = "redis_connected_clients";
pub(crate) const BLOCKED_CLIENTS: &str = "redis_blocked_clients";
pub(crate) const MAX_CLIENTS: &str = "redis_config_maxclients";
pub(crate) const REJECTED_CONNECTIONS: &str = "redis_rejected_connections_total";
pub(crate) const COMMANDS: &str = "redis_commands_processed_total";
pub(crate) const KEYSPACE_HITS: &str = "redis_keyspace_hits_total";
pub(crate) const KEYSPACE_MISSES: &str = "redis_keyspace_misses_total";
pub(crate) const EXPIRED_KEYS: &str = "redis_expired_keys_total";
pub(crate) const EVICTED_KEYS: &str = "redis_evicted_keys_total";
pub(crate) const FRAGMENTATION: &str = "redis_mem_fragmentation_ratio";
pub(crate) const REPLICAS: &str = "redis_connected_slaves";
pub(crate) const LINK_UP: &str = "redis_master_link_up";
pub(crate) const LAST_SNAPSHOT: &str = "redis_rdb_last_save_timestamp_seconds";
pub(crate) const DATABASE_KEYS: &str = "redis_db_keys";

/// The type of what has none.
pub(crate) const UNTYPED: &str = "untyped";

impl Metric {
    /// The type on the page. A counter whose old name lacks `_total` is declared as of no type: rates are
    /// taken of it all the same, and no linter complains.
    pub(crate) fn declared(&self) -> &'static str {
        let is_misnamed = self.kind == Counter && !self.name.ends_with("_total");
        if is_misnamed { UNTYPED } else { self.kind.name() }
    }
}

impl MetricKind {
    /// The word for it in Prometheus text and in the docs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        }
    }
}

impl MetricUnit {
    /// The word for it in the docs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Count => "count",
            Seconds => "seconds",
            Bytes => "bytes",
            Ratio => "ratio",
        }
    }

    const fn of_recorder(self) -> metrics::Unit {
        match self {
            Seconds => metrics::Unit::Seconds,
            Bytes => metrics::Unit::Bytes,
            Count | Ratio => metrics::Unit::Count,
        }
    }
}

/// Describes every recorded metric to the recorder that the service has installed.
///
/// `Exposition::install` does it by itself.
pub fn describe() {
    for metric in METRICS.iter().filter(|metric| metric.origin == Recorded) {
        let unit = metric.unit.of_recorder();
        match metric.kind {
            Counter => metrics::describe_counter!(metric.name, unit, metric.help),
            Gauge => metrics::describe_gauge!(metric.name, unit, metric.help),
            Histogram => metrics::describe_histogram!(metric.name, unit, metric.help),
        }
    }
}

/// The table as Markdown, for the reference pages.
///
/// ```
/// assert!(redstart_monitor::to_markdown().contains("| `redis_up` | gauge | count |  |"));
/// ```
#[must_use]
pub fn to_markdown() -> String {
    let mut page =
        String::from("| metric | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n");
    for Metric { name, kind, unit, labels, help, .. } in METRICS {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, unit, labels) = (kind.name(), unit.name(), labels.join(", "));
        // Writing to a String cannot fail.
        let _written = writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |");
    }
    page
}

#[cfg(test)]
mod tests;
