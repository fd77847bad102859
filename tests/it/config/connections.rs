//! How many connections there may be, for how long, and how long is waited for them.

use std::time::Duration;

use redstart_connection::{BreakerState, Cmd, Delivery, ErrorKind, Feed, Store};
use redstart_keys::{Category, Key};
use redstart_monitor::Monitor;
use redstart_testkit::{Fault, Proxy, RedisServer, eventually};

use super::{connections, read, store_on, works};
use crate::support::GUARD;

/// A reader of a stream, which has a connection for itself.
async fn reader(store: &Store) -> Feed {
    let mut feed = Feed::open(store, Key::namespace(Category::Cache, "item", "inv"));
    assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
    feed
}

#[tokio::test]
async fn one_connection_too_many_is_refused_until_another_is_closed() {
    let server = RedisServer::start();
    let url = server.url();
    let config = read(&[
        ("REDIS_URL", &url),
        ("REDIS_LANES", "1"),
        ("REDIS_POOL_SIZE", "1"),
        ("REDIS_MAX_CONNECTIONS", "2"),
    ]);
    let first = Store::connect(&config).await.unwrap();
    let reader = reader(&first).await;
    let status = first.status();
    assert_eq!((status.connections, status.connections_max), (2, 2));
    // Clones of one configuration have one bound.
    let second = Store::lazy(&config.clone()).unwrap();
    let error = second.within(Duration::from_millis(300)).command(Cmd::new("PING")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error:?}");
    let told = "all 2 connections that REDIS_MAX_CONNECTIONS allows are open";
    assert!(error.to_string().contains(told), "{error}");
    assert_eq!(connections(&server), 2);
    drop((reader, first));
    eventually(GUARD, async || works(&second).await).await;
    assert_eq!(second.status().connections, 1);
}

#[tokio::test]
async fn lanes_are_as_many_as_asked_for() {
    let server = RedisServer::start();
    let store = store_on(&server, &[("REDIS_LANES", "5")]);
    assert!(works(&store).await);
    eventually(GUARD, async || store.status().connected == 5 && connections(&server) == 5).await;
}

#[tokio::test]
async fn pool_has_its_bound_and_says_who_waited_in_vain() {
    let server = RedisServer::start();
    let store = store_on(&server, &[("REDIS_POOL_SIZE", "1"), ("REDIS_HANDSHAKE_TIMEOUT", "300ms")]);
    let _reader = reader(&store).await;
    let mut second = Feed::open(&store, Key::namespace(Category::Cache, "item", "inv"));
    let error = second.next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error:?}");
    assert!(error.to_string().contains("no exclusive connection within 300ms: 1 of 1 in use"), "{error}");
    let status = store.status();
    assert_eq!((status.exclusive_in_use, status.exclusive_size, status.exclusive_exhausted), (1, 1, 1));
}

#[tokio::test]
async fn pool_in_use_is_judged_by_the_threshold() {
    let server = RedisServer::start();
    for (threshold, is_told) in [("20", true), ("80", false)] {
        let variables = [("REDIS_POOL_SIZE", "4"), ("REDIS_POOL_UTILIZATION_THRESHOLD", threshold)];
        let store = store_on(&server, &variables);
        let _reader = reader(&store).await;
        let health = Monitor::new(store.clone()).health().await;
        let told = health.issues.iter().any(|issue| issue.rule == "pool");
        assert_eq!(told, is_told, "a quarter of the pool at {threshold} %: {:?}", health.issues);
    }
}

#[tokio::test]
async fn idle_and_old_connections_are_closed() {
    let server = RedisServer::start();
    for name in ["REDIS_CONNECTION_IDLE_TIMEOUT", "REDIS_CONNECTION_MAX_AGE"] {
        // The default of the one and of the other is far more than the test waits.
        let store = store_on(&server, &[("REDIS_LANES", "1"), (name, "1")]);
        assert!(works(&store).await);
        drop(reader(&store).await);
        assert_eq!(connections(&server), 2, "the lane, and one that waits to be used again");
        eventually(GUARD, async || connections(&server) == 1).await;
        drop(store);
        eventually(GUARD, async || connections(&server) == 0).await;
    }
}

#[tokio::test]
async fn calls_wait_as_long_as_they_are_told() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let url = server.url_at(proxy.address());
    let store = Store::lazy(&read(&[
        ("REDIS_URL", &url),
        ("REDIS_READ_TIMEOUT", "70"),
        ("REDIS_CONNECT_TIMEOUT", "60"),
    ]))
    .unwrap();
    eventually(GUARD, async || works(&store).await).await;
    proxy.set(Fault::BlackHole);
    let error = store.command(Cmd::new("PING")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Timeout && error.to_string().contains("70ms"), "{error}");
    let fresh = Store::lazy(&read(&[("REDIS_URL", &url), ("REDIS_CONNECT_TIMEOUT", "60")])).unwrap();
    let error = fresh.command(Cmd::new("PING")).await.unwrap_err();
    assert!(error.to_string().contains("60ms"), "{error}");
}

#[tokio::test]
async fn breaker_opens_when_it_is_told_to() {
    let server = RedisServer::start();
    for (variables, opens) in [
        (
            vec![("REDIS_BREAKER_MIN", "3"), ("REDIS_BREAKER_OPEN", "1h"), ("REDIS_BREAKER_OPEN_MAX", "1h")],
            true,
        ),
        (vec![("REDIS_BREAKER_MIN", "1000")], false),
        (vec![("REDIS_BREAKER_MIN", "3"), ("REDIS_BREAKER", "false")], false),
    ] {
        let proxy = Proxy::start(server.address()).await;
        let url = server.url_at(proxy.address());
        let own = [("REDIS_URL", &*url), ("REDIS_READ_TIMEOUT", "50"), ("REDIS_FALLBACK", "none")];
        let store = Store::lazy(&read(&[&own[..], &variables].concat())).unwrap();
        eventually(GUARD, async || works(&store).await).await;
        proxy.set(Fault::BlackHole);
        for _ in 0..6 {
            assert!(!works(&store).await);
        }
        assert_eq!(store.status().breaker == BreakerState::Open, opens, "{variables:?}");
    }
}
