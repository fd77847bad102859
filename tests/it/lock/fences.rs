//! Fences rise whatever the server forgets.

use redstart_connection::Store;
use redstart_keys::Ttl;
use redstart_lock::{
    Fence, Locks,
    operations::{Acquire, Acquired, Keeping, Token},
};
use redstart_monitor::Monitor;
use redstart_testkit::{RedisServer, TimeMachine, eventually, fresh_prefix};
use std::time::Duration;

use super::{key, process, request};
use crate::support::{GUARD, config_for};

async fn next(locks: &Locks) -> Fence {
    let mut fence = None;
    eventually(GUARD, async || {
        let Ok(Some(guard)) = request(locks).try_acquire().await else { return false };
        fence = Some(guard.fence());
        guard.release().await.is_ok()
    })
    .await;
    fence.unwrap()
}

#[tokio::test]
async fn fences_rise_after_the_server_forgot_everything() {
    let mut server = RedisServer::start();
    let locks = process(&config_for(&server));
    let mut last = next(&locks).await;
    let mut rises = async |what: &str| {
        let fence = next(&locks).await;
        assert!(last < fence, "{what}");
        last = fence;
    };
    rises("after a release").await;
    server.raw().command(&["FLUSHALL"]);
    rises("after FLUSHALL").await;
    let fences = server.raw().command(&["KEYS", "*fence*"]).array();
    assert_eq!(fences.len(), 1);
    let name = fences[0].clone().text();
    server.raw().command(&["DEL", &name]);
    rises("after eviction of the fence alone").await;
    server.restart();
    rises("after a restart without data").await;
    server.raw().command(&["SCRIPT", "FLUSH"]);
    rises("after SCRIPT FLUSH").await;
}

#[tokio::test]
async fn fences_rise_after_a_failover_that_lost_the_last_ones() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    // What the other server had seen of the fence when the first one died: not the last few.
    let seen = next(&locks).await;
    let name = server.raw().command(&["KEYS", "*fence*"]).array().swap_remove(0).text();
    for lost in [1, 10, 100] {
        let mut last = seen;
        for _ in 0..lost {
            last = next(&locks).await;
        }
        server.raw().command(&["SET", &name, &(last.get() - lost).to_string()]);
        server.raw().command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert!(last < next(&locks).await, "{lost} were lost");
    }
}

#[tokio::test]
async fn fence_is_larger_though_the_first_question_never_got_as_far() {
    let server = RedisServer::start();
    let (config, ours) = (config_for(&server), Token::new("ours"));
    let (locks, store) = (process(&config), Store::lazy(&config).unwrap());
    let last = next(&locks).await;
    let lock = String::from_utf8(store.name_of(&key())).unwrap();
    server.raw().command(&["SET", &lock, ours.as_str(), "PX", "60000"]);
    let again = store.run(&Acquire::new(&key(), ours, Ttl::minutes(1))).await.unwrap();
    assert!(matches!(again, Acquired::Granted { fence } if last < fence), "{last:?}, {again:?}");
}

#[tokio::test]
async fn fence_that_is_counted_from_nothing_ends_some_day() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (locks, store) = (process(&config), Store::lazy(&config).unwrap());
    let lock = String::from_utf8(store.name_of(&key())).unwrap();
    // Who gets nothing counts all the same, unless the machine is so busy that it takes the script.
    eventually(GUARD, async || {
        server.raw().command(&["DEL", &lock]);
        next(&locks).await;
        let name = server.raw().command(&["KEYS", "*fence*"]).array().swap_remove(0).text();
        server.raw().command(&["DEL", &name]);
        server.raw().command(&["SET", &lock, "another", "PX", "60000"]);
        assert!(request(&locks).try_acquire().await.unwrap().is_none());
        server.raw().command(&["EXISTS", &name]).int() == 1
    })
    .await;
    assert_eq!(server.raw().keys_without_ttl(store.prefix().as_str()), Vec::<String>::new());
}

#[tokio::test]
async fn plain_commands_will_do_for_a_moment_after_a_script() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let calls = |command: &str| {
        let stats = server.raw().command(&["INFO", "commandstats"]).text();
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|rest| rest.split(',').next()).map_or(0, |calls| calls.parse::<u64>().unwrap())
    };
    let mut fences = vec![next(&locks).await];
    let (counted, scripts) = (calls("incrby"), calls("evalsha"));
    for _ in 0..100 {
        fences.push(next(&locks).await);
    }
    assert!(fences.is_sorted_by(|one, next| one < next), "{fences:?}");
    let (counted, scripts) = (calls("incrby") - counted, calls("evalsha") - scripts);
    // One script gives each back; a busy machine may need some more to raise the fence.
    assert!(50 < counted && scripts < 150, "{counted} counted, {scripts} scripts");
}

#[tokio::test]
async fn fence_that_somebody_wrote_over_is_minted_anew() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let before = next(&locks).await;
    let name = server.raw().command(&["KEYS", "*fence*"]).array().swap_remove(0).text();
    server.raw().command(&["SET", &name, "no number"]);
    let guard = request(&locks).try_acquire().await.unwrap().expect("nobody holds it");
    assert!(before < guard.fence());
}

#[tokio::test]
async fn fences_rise_after_the_lease_and_the_fence_have_expired() {
    let server = RedisServer::start();
    let mut time = TimeMachine::new(&server, &fresh_prefix());
    let config = config_for(&server).with_prefix(time.prefix()).unwrap();
    let locks = Locks::new(Store::lazy_with(&config, time.clock()).unwrap());
    let abandoned = locks.lock(&key()).ttl(Ttl::seconds(30)).acquire().await.unwrap();
    let first = abandoned.fence();
    std::mem::forget(abandoned);
    time.advance(Duration::from_secs(60));
    let second = next(&locks).await;
    assert!(first < second, "after the lease has expired");
    assert!(0 < time.advance(Duration::from_secs(3 * 24 * 60 * 60)));
    assert!(second < next(&locks).await, "after the fence has expired");
}

#[tokio::test]
async fn server_that_evicts_is_told_from_one_that_keeps() {
    let keeping = async |policy: &str, bound: &str| {
        let server =
            RedisServer::configure().option("maxmemory-policy", policy).option("maxmemory", bound).start();
        process(&config_for(&server)).keeping().await.unwrap()
    };
    assert_eq!(keeping("noeviction", "100mb").await, Keeping::All);
    assert_eq!(keeping("allkeys-lru", "0").await, Keeping::All);
    let evicts = keeping("volatile-ttl", "100mb").await;
    assert!(matches!(&evicts, Keeping::Evicts { policy } if policy == "volatile-ttl"), "{evicts:?}");
}

#[tokio::test]
async fn first_lock_on_a_server_that_evicts_shows_in_its_health() {
    let server = RedisServer::configure();
    let server = server.option("maxmemory-policy", "allkeys-lru").option("maxmemory", "100mb").start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let is_told = async || {
        // A look of its own each time, for a monitor remembers its last one.
        let health = Monitor::new(store.clone()).health().await;
        health.issues.iter().any(|issue| issue.rule == "evicts-coordination")
    };
    assert!(!is_told().await, "a cache may be evicted");
    next(&Locks::new(store.clone())).await;
    assert!(is_told().await);
}

#[tokio::test]
async fn fences_rise_while_the_clock_of_the_server_steps_back() {
    let server = RedisServer::start();
    let prefix = fresh_prefix();
    let config = config_for(&server).with_prefix(&prefix).unwrap();
    let at = |micros| {
        let clock = redstart_connection::Clock::manual(redstart_connection::Timestamp::from_micros(micros));
        Locks::new(Store::lazy_with(&config, clock).unwrap())
    };
    let ahead = next(&at(1_800_000_000_000_000)).await;
    let back = next(&at(1_700_000_000_000_000)).await;
    assert!(ahead < back);
}
