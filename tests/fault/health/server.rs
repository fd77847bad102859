//! What a server tells of itself.

use std::{fs, path::PathBuf, time::Duration};

use redstart_monitor::Severity;
use redstart_testkit::{Raw, RedisServer, Reply, eventually};

use super::{Ward, config, info, number};
use crate::support::GUARD;

#[tokio::test]
async fn server_without_a_password() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_sick("no-password", Severity::Advice, "CONFIG SET requirepass").await;
    server.raw().command(&["CONFIG", "SET", "requirepass", "a password"]);
    ward.is_well("no-password").await;
    // A server that nobody else can reach is no reason to worry now.
    let protected = RedisServer::configure().password("secret").start();
    let mut health = Ward::of(&protected).monitor.health().await;
    // The clock of the test stands still while the machine may be busy.
    health.issues.retain(|issue| issue.rule != "clock-skew");
    assert!(health.issues.is_empty(), "{:?}", health.issues);
}

#[tokio::test]
async fn reads_that_find_nothing() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_well("hit-rate").await;
    let mut raw = server.raw();
    let mut read = |ids: std::ops::Range<u32>| {
        let script = "for i = ARGV[1], ARGV[2] do redis.call('GET', 'k' .. i) end";
        raw.command(&["EVAL", script, "0", &ids.start.to_string(), &(ids.end - 1).to_string()]);
    };
    let warm = |ids: std::ops::Range<u32>| {
        let script = "for i = ARGV[1], ARGV[2] do redis.call('SET', 'k' .. i, 'v', 'EX', 600) end";
        server.raw().command(&["EVAL", script, "0", &ids.start.to_string(), &(ids.end - 1).to_string()]);
    };
    warm(0..1_800);
    read(0..3_000);
    ward.is_sick("hit-rate", Severity::Critical, "Warm the caches").await;
    warm(1_800..3_000);
    ward.forget().await;
    read(0..3_000);
    ward.is_well("hit-rate").await;
    let rate = ward.monitor.health().await.hit_rate;
    assert_eq!(rate, Some(1.0));
}

#[tokio::test]
async fn slow_command() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_well("slow-commands").await;
    server.raw().command(&["EVAL", "local n = 0 for i = 1, 1e8 do n = n + i end return n", "0"]);
    ward.is_sick("slow-commands", Severity::Advice, "slow log").await;
    let log = ward.monitor.slow_log(10).await.unwrap();
    assert!(
        log.iter().any(|call| call.command == "EVAL" && call.duration >= Duration::from_millis(10)),
        "{log:?}"
    );
    // Nobody calls it any more.
    ward.forget().await;
    ward.is_well("slow-commands").await;
}

#[tokio::test]
async fn silent_replica() {
    let primary = RedisServer::start();
    let port = primary.address().port().to_string();
    let mut replica = RedisServer::configure().option("replicaof", &format!("127.0.0.1 {port}")).start();
    let ward = Ward::of(&primary);
    eventually(GUARD, async || info(&replica, "master_link_status") == "up").await;
    eventually(GUARD, async || number(&primary, "connected_slaves") == 1).await;
    ward.is_well("replica-lag").await;
    replica.freeze();
    ward.falls_sick("replica-lag", Severity::Warning, "Check the replica").await;
    replica.thaw();
    ward.recovers("replica-lag").await;
}

#[tokio::test]
async fn server_that_refuses_writes_and_loses_its_primary() {
    let (server, mut other) = (RedisServer::start(), RedisServer::start());
    let ward = Ward::of(&server);
    ward.is_well("read-only").await;
    server.raw().command(&["REPLICAOF", "127.0.0.1", &other.address().port().to_string()]);
    ward.falls_sick("read-only", Severity::Critical, "REPLICAOF NO ONE").await;
    ward.recovers("replica-link").await;
    other.kill();
    ward.falls_sick("replica-link", Severity::Critical, "Check the primary").await;
    other.restart();
    ward.recovers("replica-link").await;
    server.raw().command(&["REPLICAOF", "NO", "ONE"]);
    ward.recovers("read-only").await;
}

/// The folder in which a server keeps its files.
fn folder(server: &RedisServer) -> PathBuf {
    let told = server.raw().command(&["CONFIG", "GET", "dir"]).array();
    PathBuf::from(told.into_iter().nth(1).unwrap().text())
}

#[tokio::test]
async fn snapshot_that_failed() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_well("snapshot").await;
    let in_the_way = folder(&server).join("dump.rdb");
    fs::create_dir(&in_the_way).unwrap();
    server.raw().command(&["BGSAVE"]);
    ward.falls_sick("snapshot", Severity::Warning, "BGSAVE").await;
    fs::remove_dir(&in_the_way).unwrap();
    server.raw().command(&["BGSAVE"]);
    ward.recovers("snapshot").await;
}

#[tokio::test]
async fn append_only_file_that_cannot_be_written() {
    let server = RedisServer::configure().option("appendonly", "yes").start();
    let ward = Ward::of(&server);
    ward.is_well("append-only-file").await;
    let (files, aside) = (folder(&server).join("appendonlydir"), folder(&server).join("aside"));
    fs::rename(&files, &aside).unwrap();
    fs::write(&files, "no folder").unwrap();
    drop(server.raw().try_command(&["BGREWRITEAOF"]));
    ward.falls_sick("append-only-file", Severity::Critical, "BGREWRITEAOF").await;
    fs::remove_file(&files).unwrap();
    fs::rename(&aside, &files).unwrap();
    server.raw().command(&["BGREWRITEAOF"]);
    ward.recovers("append-only-file").await;
}

#[tokio::test]
async fn connections_that_run_out_and_are_refused() {
    let mut server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_well("clients").await;
    let open = number(&server, "connected_clients");
    let mut taken: Vec<Raw> = (0..30).map(|_| server.raw()).collect();
    server.config_set("maxclients", &(open + 34).to_string());
    ward.is_sick("clients", Severity::Warning, "maxclients").await;
    let is_admitted = |raw: &mut Raw| matches!(raw.try_command(&["PING"]), Ok(Reply::Text(_)));
    let mut refused = 0;
    while refused < 10 {
        let mut raw = Raw::connect(server.address()).unwrap();
        if is_admitted(&mut raw) { taken.push(raw) } else { refused += 1 }
    }
    ward.is_sick("clients", Severity::Critical, "maxclients").await;
    ward.pass(Duration::from_secs(61)).await;
    ward.is_sick("rejected-connections", Severity::Warning, "Raise maxclients").await;
    taken.clear();
    eventually(GUARD, async || Raw::connect(server.address()).is_ok_and(|mut raw| is_admitted(&mut raw)))
        .await;
    server.config_set("maxclients", "10000");
    ward.forget().await;
    ward.is_well("clients").await;
    ward.is_well("rejected-connections").await;
}

#[tokio::test]
async fn clients_that_nobody_serves() {
    let server = RedisServer::start();
    let ward = Ward::of(&server);
    ward.is_well("blocked-clients").await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut raw = server.raw();
        waiting.push(std::thread::spawn(move || raw.try_command(&["BLPOP", "nobody", "9"])));
    }
    ward.falls_sick("blocked-clients", Severity::Advice, "CLIENT UNBLOCK").await;
    let clients = server.raw().command(&["CLIENT", "LIST"]).text();
    for line in clients.lines().filter(|line| line.contains("cmd=blpop")) {
        let id = line.strip_prefix("id=").unwrap().split(' ').next().unwrap();
        server.raw().command(&["CLIENT", "UNBLOCK", id]);
    }
    ward.recovers("blocked-clients").await;
    for thread in waiting {
        assert_eq!(thread.join().unwrap().unwrap(), Reply::Nil);
    }
}

#[tokio::test]
async fn user_who_may_not_ask_gets_facts_and_no_errors() {
    let rules = "~* &* +@read +@write +@connection -@dangerous -@admin +ping +hello -memory -time";
    let server = RedisServer::configure().user("shop", "a-password", rules).start();
    let ward = Ward::with(&config(&server));
    let (facts, health) = ward.monitor.report().await;
    assert!(health.reachable && facts.server.is_none(), "{:?}", facts.cause);
    assert!(health.issues.iter().any(|issue| issue.rule == "no-info"), "{:?}", health.issues);
    server.raw().command(&["ACL", "SETUSER", "shop", "+info"]);
    ward.is_well("no-info").await;
}
