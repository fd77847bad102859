//! Names of the metrics that the toolkit emits.

/// Histogram of seconds per operation; labels `db_operation_name`, `outcome`, `db_system_name` and, where it
/// failed, `error_type`.
///
/// It is `db.client.operation.duration` of OpenTelemetry's conventions, as Prometheus writes that.
pub const OPERATION_SECONDS: &str = "db_client_operation_duration_seconds";
/// Counter of attempts that were sent again; label `operation`.
pub const RETRIES: &str = "redstart_retries_total";
/// Gauge of connected lanes.
pub const CONNECTIONS_ACTIVE: &str = "redis_connections_active";
/// Counter of lost connections; label `reason`.
pub const CONNECTIONS_LOST: &str = "redstart_connections_lost_total";
/// Counter of connections made; label `kind` (`first`, `again`).
pub const CONNECTIONS_MADE: &str = "redstart_connections_made_total";
/// Counter of the breaker's changes of state; label `to` (`open`, `half_open`, `closed`).
pub const BREAKER_TURNS: &str = "redstart_breaker_transitions_total";
/// Counter of operations that this process's memory answered while the server was away; label `operation`.
pub const STANDBY_ANSWERS: &str = "redstart_standby_answers_total";
/// Gauge of servers in whose place this process's memory answers.
pub const STANDBY_ACTIVE: &str = "redstart_standby_active";
/// Counter of invalidations noted for the server's return; label `outcome` (`noted`, `overflowed`, `replayed`, `lost`).
pub const STANDBY_JOURNAL: &str = "redstart_standby_journal_total";
/// Counter of cache reads; labels `cache`, `tier`, `result`.
pub const CACHE_READS: &str = "redstart_cache_reads_total";
/// Counter of cache loads; labels `cache`, `outcome`.
pub const CACHE_LOADS: &str = "redstart_cache_loads_total";
/// Histogram of seconds per load; label `cache`.
pub const CACHE_LOAD_SECONDS: &str = "redstart_cache_load_duration_seconds";
/// Counter of values shown that were no longer fresh; label `cache`.
pub const CACHE_STALE: &str = "redstart_cache_stale_total";
/// Counter of values that a process threw out for want of room; label `cache`.
pub const CACHE_EVICTIONS: &str = "redstart_cache_evictions_total";
/// Counter of bytes of values between a cache and the store; labels `cache`, `direction`.
pub const CACHE_BYTES: &str = "redstart_cache_bytes_total";
/// Counter of values that a warming looked at; labels `cache`, `outcome`.
pub const CACHE_WARMED: &str = "redstart_cache_warmed_total";
/// Histogram of seconds per warming.
pub const CACHE_WARM_SECONDS: &str = "redstart_cache_warm_duration_seconds";
/// Counter of invalidations that were put off and of those done later; labels `cache`, `outcome`.
pub const CACHE_SCHEDULED: &str = "redstart_cache_scheduled_total";
/// Counter of invalidations; label `cache`.
pub const CACHE_INVALIDATIONS: &str = "redstart_cache_invalidations_total";
/// Counter of decisions; labels `policy`, `verdict`, `source`.
pub const LIMIT_DECISIONS: &str = "redstart_ratelimit_decisions_total";
/// Counter of refused requests; label `endpoint`.
pub const LIMIT_REJECTED: &str = "rate_limit_rejected_total";
/// Counter of decisions that an outage rule made; label `policy`.
pub const LIMITER_ERRORS: &str = "limiter_redis_errors";
/// Counter of charges taken back, because another limit refused or the caller gave up; label `outcome`.
pub const LIMIT_TAKEN_BACK: &str = "redstart_ratelimit_taken_back_total";
/// Histogram of seconds waited for a lock; label `lock`.
pub const LOCK_WAIT_SECONDS: &str = "redstart_lock_wait_seconds";
/// Histogram of seconds a lock was held; label `lock`.
pub const LOCK_HOLD_SECONDS: &str = "redstart_lock_hold_seconds";
/// Counter of waits for a lock that another held; label `lock`.
pub const LOCK_CONTENDED: &str = "redstart_lock_contended_total";
/// Counter of processes that found their locks on a server that evicts.
pub const LOCK_EVICTING: &str = "redstart_lock_evicting_servers_total";
/// Counter of locks that were taken from their holders by force; label `lock`.
pub const LOCK_FORCED: &str = "redstart_lock_forced_total";
/// Counter of locks lost while held; labels `lock`, `cause`.
pub const LOCK_LOSSES: &str = "redstart_lock_losses_total";
/// Counter of locks that a dropped guard could not release.
pub const LOCK_UNRELEASED: &str = "redstart_lock_unreleased_total";
/// Counter of work that was done although its lease had passed to another, or that may be done again.
pub const IDEMPOTENCY_LOST: &str = "redstart_idempotency_lost_total";
/// Counter of saves that came after the end of their session, and were dropped.
pub const SESSION_DROPPED_SAVES: &str = "redstart_session_dropped_saves_total";
/// Counter of counts that were dropped, for want of room or because the process ended; label `counter`.
pub const COUNTER_DROPPED: &str = "redstart_counter_dropped_total";
/// Counter of jobs put into a queue; label `queue`.
pub const JOBS_ADDED: &str = "redstart_jobs_added_total";
/// Counter of attempts at jobs that came to an end; labels `queue`, `outcome` (`completed`, `retried`, `dead`, `given_back`).
pub const JOBS_ENDED: &str = "redstart_jobs_ended_total";
/// Histogram of seconds per attempt at a job; label `queue`.
pub const JOB_SECONDS: &str = "redstart_job_duration_seconds";
/// Counter of jobs taken from a worker that fell silent; label `queue`.
pub const JOBS_RECOVERED: &str = "redstart_jobs_recovered_total";
/// Counter of times that a worker began anew with another server or secret; label `queue`.
pub const JOBS_REBUILT: &str = "redstart_jobs_worker_restarts_total";
/// Gauge of jobs in a queue; labels `queue`, `state` (`waiting`, `active`, `delayed`, `dead`).
pub const JOBS_DEPTH: &str = "redstart_jobs_depth";
/// Counter of registrations above the bound on the series of a metric, joined in one; label `metric`.
pub const METRICS_OVERFLOW: &str = "redstart_metrics_overflow_total";
/// Gauge of alerts that fire; labels `alert`, `severity`.
pub const ALERTS_FIRING: &str = "redstart_alerts_firing";
/// Counter of messages about alerts; label `outcome` (`delivered`, `refused`, `failed`, `lost`).
pub const ALERT_DELIVERIES: &str = "redstart_alert_deliveries_total";
/// Histogram of seconds per request; labels `http_request_method`, `http_route`, `http_response_status_code`, `audience`.
pub const HTTP_SECONDS: &str = "http_server_request_duration_seconds";

/// Whether this `outcome` of an operation says that it failed; the other outcomes are answers.
///
/// ```
/// use redstart_connection::names;
///
/// assert!(names::is_error("timeout") && !names::is_error("denied"));
/// ```
#[must_use]
pub fn is_error(outcome: &str) -> bool {
    matches!(
        outcome,
        "unavailable"
            | "timeout"
            | "overloaded"
            | "connection"
            | "loading"
            | "readonly"
            | "out_of_memory"
            | "auth"
            | "permission"
            | "error"
    )
}

/// Names of labels that more than one crate needs.
pub mod label {
    /// Label of [`OPERATION_SECONDS`](super::OPERATION_SECONDS) that names the operation.
    pub const OPERATION: &str = "db_operation_name";
}
