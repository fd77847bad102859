//! Too little memory, and the wrong use of it.

use std::time::Duration;

use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::Locks;
use redstart_monitor::Severity;
use redstart_testkit::RedisServer;

use super::{Ward, number};

const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));

/// Bounds the memory so that so many percent of it are in use.
fn fill_to(server: &mut RedisServer, percent: u64) {
    let used = number(server, "used_memory");
    server.config_set("maxmemory", &(used * 100 / percent).to_string());
}

#[tokio::test]
async fn memory_near_its_bound() {
    let mut server = RedisServer::start();
    // So much that what clients come and go with makes no difference.
    server.raw().command(&["SETRANGE", "ballast", "80000000", "x"]);
    let ward = Ward::of(&server);
    ward.is_well("memory").await;
    fill_to(&mut server, 81);
    ward.is_sick("memory", Severity::Warning, "Raise maxmemory").await;
    fill_to(&mut server, 86);
    ward.is_sick("memory", Severity::Critical, "Raise maxmemory").await;
    fill_to(&mut server, 50);
    ward.is_well("memory").await;
}

#[tokio::test]
async fn policy_that_throws_locks_out() {
    let server =
        RedisServer::configure().option("maxmemory", "100mb").option("maxmemory-policy", "allkeys-lru");
    let mut server = server.start();
    let ward = Ward::of(&server);
    Locks::new(ward.store.clone()).lock(&PAYOUT.key(&1)).with(async |_| ()).await.unwrap();
    ward.is_sick("evicts-coordination", Severity::Warning, "maxmemory-policy to noeviction").await;
    server.config_set("maxmemory-policy", "noeviction");
    ward.is_well("evicts-coordination").await;
}

#[tokio::test]
async fn keys_thrown_out_for_want_of_memory() {
    let mut server = RedisServer::configure().option("maxmemory-policy", "allkeys-lru").start();
    let ward = Ward::of(&server);
    ward.is_well("evictions").await;
    let bound = number(&server, "used_memory") + 300_000;
    server.config_set("maxmemory", &bound.to_string());
    let write = |server: &RedisServer| {
        let script = "for i = 1, 2000 do redis.call('SET', 'v' .. i, string.rep('x', 1000), 'EX', 600) end";
        for _ in 0..3 {
            server.raw().command(&["EVAL", script, "0"]);
        }
    };
    // Inside a script nothing is thrown out, so single commands follow.
    write(&server);
    for number in 0..200 {
        server.raw().command(&["SET", &format!("w{number}"), &"x".repeat(1_000), "EX", "600"]);
    }
    assert!(number(&server, "evicted_keys") > 200, "{}", number(&server, "evicted_keys"));
    ward.pass(Duration::from_secs(61)).await;
    ward.is_sick("evictions", Severity::Warning, "Raise maxmemory").await;
    server.config_set("maxmemory", "100mb");
    write(&server);
    ward.forget().await;
    ward.is_well("evictions").await;
}

#[tokio::test]
async fn memory_in_pieces() {
    let mut server = RedisServer::start();
    let ward = Ward::of(&server);
    let script = "for i = ARGV[1], ARGV[1] + 9999 do redis.call('SET', 'v' .. i, string.rep('x', 1000)) end";
    for part in 0..24 {
        server.raw().command(&["EVAL", script, "0", &(part * 10_000).to_string()]);
    }
    ward.is_well("fragmentation").await;
    let script = "for i = ARGV[1], ARGV[1] + 9999 do if i % 3 > 0 then redis.call('DEL', 'v' .. i) end end";
    for part in 0..24 {
        server.raw().command(&["EVAL", script, "0", &(part * 10_000).to_string()]);
    }
    ward.falls_sick("fragmentation", Severity::Warning, "restart the server").await;
    server.restart();
    ward.recovers("fragmentation").await;
}
