//! The cache and the limits while the server is away.

use std::{convert::Infallible, time::Duration};

use redstart_cache::{Cache, Source};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_ratelimit::{Limiter, OnOutage, Policy};
use redstart_testkit::{RedisServer, eventually, fresh_prefix};
use tokio::time::timeout;

use crate::support::{GUARD, store};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

#[tokio::test]
async fn loader_answers_through_a_whole_outage() {
    let mut server = RedisServer::start();
    let config = Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix()));
    let store = Store::lazy(&config.unwrap().with_standby(false)).unwrap();
    let users = Cache::<u64, String>::new(&store, &USER);
    let read = async |or: &str| {
        let load = || async { Ok::<_, Infallible>(Some(or.to_owned())) };
        let cached =
            timeout(GUARD, users.get_or_load(&1, load)).await.expect("no read hangs").unwrap().unwrap();
        (String::clone(&cached), cached.source())
    };
    assert_eq!(read("a").await, ("a".into(), Source::Loaded));
    server.kill();
    for _ in 0..50 {
        assert_eq!(read("b").await, ("b".into(), Source::Loaded));
    }
    server.restart();
    eventually(GUARD, async || read("c").await.1 == Source::L2).await;
}

#[tokio::test]
async fn frozen_server_slows_a_read_by_its_deadline_and_no_more() {
    let mut server = RedisServer::start();
    let users = Cache::<u64, String>::new(&store(&server).within(Duration::from_millis(50)), &USER);
    let load = || async { Ok::<_, Infallible>(Some("a".to_owned())) };
    users.get_or_load(&1, load).await.unwrap();
    server.freeze();
    let cached = timeout(GUARD, users.get_or_load(&1, load)).await.expect("no read hangs").unwrap().unwrap();
    assert_eq!(cached.source(), Source::Loaded);
    server.thaw();
}

#[tokio::test]
async fn limits_follow_their_rule_while_the_server_is_away() {
    let mut server = RedisServer::start();
    let limiter = Limiter::new(store(&server));
    let local = Policy::per_hour("local", 2);
    let open = Policy::per_hour("open", 1).on_outage(OnOutage::Allow);
    let closed = Policy::per_hour("closed", 100).on_outage(OnOutage::Deny);
    assert!(limiter.check(&closed, 1_u64).await.is_allowed());
    server.kill();
    let passed = async |policy: &Policy| {
        let mut passed = 0;
        for _ in 0..5 {
            let decision = timeout(GUARD, limiter.check(policy, 1_u64)).await.expect("no check hangs");
            passed += usize::from(decision.is_allowed());
        }
        passed
    };
    assert_eq!((passed(&local).await, passed(&open).await, passed(&closed).await), (2, 5, 0));
    server.restart();
    eventually(GUARD, async || limiter.check(&closed, 1_u64).await.is_allowed()).await;
}

#[tokio::test]
async fn server_that_slows_down_under_a_burst_gives_no_second_limit() {
    let mut server = RedisServer::start();
    let limiter = Limiter::new(store(&server).within(Duration::from_millis(100)));
    let policy = Policy::per_hour("burst", 10);
    for turn in 0..12 {
        assert_eq!(limiter.check(&policy, 1_u64).await.is_allowed(), turn < 10);
    }
    server.freeze();
    for _ in 0..3 {
        let decision = timeout(GUARD, limiter.check(&policy, 1_u64)).await.expect("no check hangs");
        assert!(!decision.is_allowed(), "what the server called used up stays so: {decision:?}");
        assert!(decision.retry_after().is_some());
    }
    // Others are not concerned: they get this process's share.
    assert!(limiter.check(&policy, 2_u64).await.is_allowed());
    server.thaw();
}
