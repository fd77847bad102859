//! The metrics that the monitor samples when they are read.

use redstart_connection::BreakerState;

use crate::{Mode, Reach, Role, ServerInfo, metrics_table as names, monitor::Look, text::Page};

/// What one look found, as Prometheus text.
pub(crate) fn render(look: &Look) -> String {
    let Look { facts, health } = look;
    let mut page = Page::default();
    page.sample(names::UP, &[], if facts.reach == Reach::Answered { 1.0 } else { 0.0 });
    page.sample(names::HEALTH_SCORE, &[], f64::from(health.score));
    if let Some(latency) = facts.latency {
        page.sample(names::PING_SECONDS, &[], latency.as_secs_f64());
    }
    let client = facts.client.as_ref();
    // Where this process keeps no record, a PING stands for all that it sends.
    let p95 = client.and_then(|client| client.p95).or(facts.latency);
    let server_p99 = facts.server_latency.known().map(|latency| latency.all.p99);
    for (name, duration) in [
        (names::LATENCY_P95, p95),
        (names::SERVER_P99, server_p99),
        (names::CLOCK_SKEW, facts.clock_skew),
        (names::CERTIFICATE_LEFT, facts.certificate_left()),
    ] {
        if let Some(duration) = duration {
            page.sample(name, &[], duration.as_secs_f64());
        }
    }
    if let Some(calls) = facts.slow_calls.known() {
        page.whole(names::SLOW_CALLS, &[], *calls);
    }
    if let Some(client) = client {
        page.whole(names::LIMIT_CACHE_HITS, &[], client.limit_decisions_cached);
        page.whole(names::LIMIT_CACHE_TOTAL, &[], client.limit_decisions);
    }
    let breaker = match facts.status.breaker {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    };
    page.sample(names::BREAKER_STATE, &[], breaker);
    if let Some(utilization) = facts.pool_utilization() {
        page.sample(names::POOL_UTILIZATION, &[], utilization);
    }
    for (name, count) in [
        (names::CONNECTIONS_MAX, facts.status.lanes),
        (names::IN_FLIGHT, facts.status.in_flight),
        (names::WAITING, facts.status.waiting),
        (names::CONNECTIONS_OPEN, facts.status.connections),
        (names::POOL_IN_USE, facts.status.exclusive_in_use),
    ] {
        page.whole(name, &[], u64::try_from(count).unwrap_or(u64::MAX));
    }
    page.whole(names::POOL_WAITS, &[], facts.status.exclusive_waits);
    page.sample(names::POOL_WAIT_SECONDS, &[], facts.status.exclusive_waited.as_secs_f64());
    page.sample(names::STANDBY_SECONDS, &[], facts.status.stood_in.as_secs_f64());
    page.whole(names::POOL_EXHAUSTED, &[], facts.status.exclusive_exhausted);
    if let Some(info) = &facts.server {
        server(&mut page, info);
    }
    page.into_text()
}

fn server(page: &mut Page, info: &ServerInfo) {
    let ServerInfo { server, clients, memory, persistence, stats, replication, keyspace, .. } = info;
    page.whole(names::MEMORY_USAGE, &[], memory.used);
    page.whole(names::MEMORY_MAX, &[], memory.limit.unwrap_or(0));
    let role = match replication.role {
        // The words of redis_exporter, whose dashboards select by them.
        Role::Primary => "master",
        Role::Replica => "slave",
        Role::Unknown => "unknown",
    };
    let mode = match server.mode {
        Mode::Standalone => "standalone",
        Mode::Sentinel => "sentinel",
        Mode::Cluster => "cluster",
        Mode::Embedded => "embedded",
        Mode::Unknown => "unknown",
    };
    let labels = [("role", role), ("redis_version", server.version.as_str()), ("redis_mode", mode)];
    page.sample(names::INSTANCE, &labels, 1.0);
    page.whole(names::UPTIME, &[], server.uptime.as_secs());
    page.whole(names::CLIENTS, &[], clients.connected);
    page.whole(names::BLOCKED_CLIENTS, &[], clients.blocked);
    if let Some(max) = clients.max {
        page.whole(names::MAX_CLIENTS, &[], max);
    }
    for (name, count) in [
        (names::REJECTED_CONNECTIONS, stats.rejected_connections),
        (names::COMMANDS, stats.commands_processed),
        (names::KEYSPACE_HITS, stats.keyspace_hits),
        (names::KEYSPACE_MISSES, stats.keyspace_misses),
        (names::EXPIRED_KEYS, stats.expired_keys),
        (names::EVICTED_KEYS, stats.evicted_keys),
    ] {
        page.whole(name, &[], count);
    }
    page.sample(names::FRAGMENTATION, &[], memory.fragmentation);
    page.whole(names::REPLICAS, &[], replication.replicas);
    if let Some(is_up) = replication.link_up {
        page.sample(names::LINK_UP, &[], if is_up { 1.0 } else { 0.0 });
    }
    page.whole(names::LAST_SNAPSHOT, &[], persistence.last_snapshot);
    for database in keyspace {
        page.whole(names::DATABASE_KEYS, &[("db", &format!("db{}", database.index))], database.keys);
    }
}

#[cfg(test)]
mod tests;
