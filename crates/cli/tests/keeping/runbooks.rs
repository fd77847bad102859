//! Every runbook is followed on a system that is broken that way.

use std::{fs, path::PathBuf, time::Duration};

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_lock::Locks;
use redstart_ratelimit::{Limiter, Policy};
use redstart_testkit::{Raw, RedisServer, Sentinels};

use crate::matching::follow_page;

const PREFIX: &str = "prod:ecom";

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks").join(name)
}

/// Follows a runbook: each command must print what stands there.
fn follow(name: &str, variables: &[(&str, &str)]) {
    let steps = follow_page(&fs::read_to_string(docs(name)).unwrap(), name, variables, ".");
    assert!(steps > 3, "{name} has {steps} steps");
}

fn at(server: &RedisServer) -> [(&'static str, String); 2] {
    [("REDIS_URL", format!("redis://{}", server.address())), ("REDIS_KEY_PREFIX", PREFIX.to_owned())]
}

fn follow_at(name: &str, server: &RedisServer, more: &[(&str, &str)]) {
    let variables = at(server);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    follow(name, &[&variables[..], more].concat());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn store(server: &RedisServer) -> Store {
    Store::lazy(&Config::from_url(&server.url()).unwrap().with_prefix(PREFIX).unwrap()).unwrap()
}

#[test]
fn failover() {
    let mut sentinels = Sentinels::start();
    let old = sentinels.kill_master();
    runtime().block_on(sentinels.wait_until_stable());
    sentinels.restart(old);
    runtime().block_on(sentinels.wait_until_stable());
    let port = sentinels.sentinel_addresses()[0].port().to_string();
    follow("failover.md", &[("SENTINEL_PORT", &port), ("MASTER", sentinels.master_name())]);
}

#[test]
fn cache_corruption() {
    let server = RedisServer::start();
    for id in 1..=50 {
        let name = format!("{PREFIX}:cache:user:{{{id}}}");
        server.raw().command(&["SET", &name, "\u{1}nonsense", "EX", "3600"]);
    }
    follow_at("cache-corruption.md", &server, &[]);
}

#[test]
fn performance_degradation() {
    let mut server = RedisServer::start();
    server.config_set("slowlog-log-slower-than", "1000");
    let everybody = format!("{PREFIX}:session:everybody:{{1}}");
    let grow = "for i = 1, 60000 do redis.call('SADD', KEYS[1], 'a visitor of the shop ' .. i) end";
    let mut raw = server.raw();
    raw.command(&["EVAL", grow, "1", &everybody]);
    raw.command(&["SMEMBERS", &everybody]);
    follow_at("performance-degradation.md", &server, &[]);
}

#[test]
fn memory_full() {
    let mut server = RedisServer::start();
    let grow = "for i = 1, 400 do redis.call('SET', ARGV[1] .. ':cache:report:{' .. i .. '}', string.rep('x', 10000), 'EX', 3600) end";
    server.raw().command(&["EVAL", grow, "0", PREFIX]);
    server.config_set("maxmemory-policy", "noeviction");
    server.config_set("maxmemory", "3mb");
    follow_at("memory-full.md", &server, &[]);
}

#[test]
fn connection_storm() {
    let mut server = RedisServer::start();
    server.config_set("maxclients", "100");
    let storm: Vec<Raw> = (0..80)
        .map(|_| {
            let mut raw = server.raw();
            raw.command(&["CLIENT", "SETNAME", "runaway-batch"]);
            raw
        })
        .collect();
    follow_at("connection-storm.md", &server, &[]);
    drop(storm);
}

#[test]
fn credential_leak() {
    let server = RedisServer::configure().password("admin").user("shop", "leaked", "~prod:* +@all").start();
    let mut thief = Raw::connect(server.address()).unwrap();
    thief.command(&["AUTH", "shop", "leaked"]);
    let more =
        [("REDISCLI_AUTH", "admin"), ("REDIS_USERNAME", "shop"), ("OLD", "leaked"), ("NEW", "a new secret")];
    follow_at("credential-leak.md", &server, &more);
    assert!(thief.try_command(&["PING"]).is_err(), "who came in by the old one is sent away");
}

#[test]
fn stuck_lock() {
    const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
    let server = RedisServer::start();
    let runtime = runtime();
    let (holder, other) = (store(&server), store(&server));
    let fence = runtime.block_on(async {
        let locks = Locks::named(holder.clone(), "batch-host-3");
        let guard = locks.lock(&PAYOUT.key(&7)).ttl(Ttl::minutes(5)).acquire().await.unwrap();
        let fence = guard.fence();
        // The holder hangs: it neither works nor gives the lock back.
        std::mem::forget(guard);
        fence
    });
    follow_at("stuck-lock.md", &server, &[]);
    runtime.block_on(async {
        let locks = Locks::new(other);
        let guard = locks.lock(&PAYOUT.key(&7)).wait(Duration::from_secs(5)).acquire().await.unwrap();
        assert!(fence < guard.fence(), "fences rise across it");
    });
    drop(holder);
}

#[test]
fn limiter_misfire() {
    const API: Policy = Policy::per_hour("api", 5);
    let server = RedisServer::start();
    let runtime = runtime();
    let store = store(&server);
    let caller = || TextId::new("203.0.113.7").unwrap().to_string();
    let allowed = |limiter: &Limiter| {
        let (limiter, caller) = (limiter.clone(), caller());
        runtime.block_on(async move { limiter.check(&API, caller.as_str()).await.is_allowed() })
    };
    let limiter = Limiter::new(store.clone());
    assert_eq!((0..6).filter(|_| allowed(&limiter)).count(), 5);
    follow_at("limiter-misfire.md", &server, &[]);
    let other = Limiter::new(store).without_deny_cache();
    assert!(allowed(&other));
}

#[test]
fn every_runbook_is_followed() {
    let pages = fs::read_dir(docs("")).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    let this = include_str!("runbooks.rs");
    for page in pages.filter(|page| page != "README.md") {
        assert!(this.contains(&format!("\"{page}\"")), "{page} is followed by no test");
        assert!(fs::read_to_string(docs("README.md")).unwrap().contains(&page), "{page} is listed nowhere");
    }
}
