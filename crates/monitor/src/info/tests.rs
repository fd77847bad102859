use std::time::Duration;

use super::*;

const REDIS_7: &str = include_str!("fixtures/redis-7.0.txt");
const REDIS_8: &str = include_str!("fixtures/redis-8.2.txt");
const VALKEY: &str = include_str!("fixtures/valkey-8.1.txt");
const MANAGED: &str = include_str!("fixtures/managed.txt");

#[test]
fn redis_7_is_read() {
    let info = ServerInfo::parse(REDIS_7);
    assert_eq!((info.server.engine, info.server.major()), (Engine::Redis, Some(7)));
    assert_eq!((info.server.mode, info.replication.role), (Mode::Standalone, Role::Primary));
    assert_eq!(info.memory.limit, Some(256 * 1024 * 1024));
    assert_eq!(info.memory.policy, "allkeys-lru");
    assert_eq!((info.stats.keyspace_hits, info.stats.keyspace_misses), (2, 1));
    assert!((info.stats.hit_rate().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(info.keyspace.len(), 1);
    assert_eq!((info.keys(), info.keyspace[0].expiring), (3, 1));
    assert_eq!(info.keyspace[0].average_ttl, Duration::from_millis(99_950));
    assert_eq!(info.clients.max, Some(10_000));
    assert!(!info.persistence.loading && !info.persistence.snapshot_failed);
}

#[test]
fn redis_8_is_read() {
    let info = ServerInfo::parse(REDIS_8);
    assert_eq!((info.server.major(), info.server.mode), (Some(8), Mode::Cluster));
    assert!(info.persistence.snapshot_failed && info.persistence.append_only);
    assert_eq!((info.replication.replicas, info.replication.lag), (2, Some(Duration::from_secs(12))));
    assert_eq!(info.replication.link_up, None);
    assert!((info.memory.usage().unwrap() - 0.85).abs() < 1e-3);
    assert_eq!(info.stats.latest_fork, Duration::from_micros(41_200));
    // `db0_distrib_strings_sizes` of the new section is no database.
    assert_eq!(info.keyspace.len(), 1);
}

#[test]
fn valkey_tells_its_own_version() {
    let info = ServerInfo::parse(VALKEY);
    assert_eq!((info.server.engine, info.server.version.as_str()), (Engine::Valkey, "8.1.1"));
    assert_eq!(info.server.mode, Mode::Standalone);
    assert_eq!((info.replication.role, info.replication.link_up), (Role::Replica, Some(false)));
    assert_eq!(info.memory.limit, None);
    assert_eq!(info.keyspace.iter().map(|database| database.index).collect::<Vec<_>>(), [0, 3]);
}

#[test]
fn what_is_missing_or_broken_takes_its_default() {
    let info = ServerInfo::parse(MANAGED);
    assert_eq!((info.memory.used, info.memory.limit, info.clients.max), (0, None, None));
    assert_eq!((info.keys(), info.stats.hit_rate()), (3, None));
    assert_eq!(ServerInfo::parse(""), ServerInfo::default());
    assert_eq!(ServerInfo::parse(":::\r\n\0\u{fffd}:\ndb:=\n"), ServerInfo::default());
}

#[test]
fn durations_are_seconds_in_json() {
    let json = serde_json::to_value(ServerInfo::parse(VALKEY)).unwrap();
    assert_eq!(json["server"]["uptimeSeconds"], 3600.0);
    assert_eq!(json["keyspace"][1]["averageTtlSeconds"], 60.0);
    assert_eq!(json["replication"]["lagSeconds"], serde_json::Value::Null);
}
