//! Limits while the server is away, slow, or killed.

use std::time::Duration;

use redstart_connection::{BreakerState, Config, Store};
use redstart_ratelimit::{Limiter, OnOutage, Policy, Source};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::task::JoinSet;

use crate::support::{GUARD, store_at};

const LOCAL: Policy = Policy::per_hour("local", 10).on_outage(OnOutage::Local { share: 0.5 });
const OPEN: Policy = Policy::per_hour("open", 10).on_outage(OnOutage::Allow);
const CLOSED: Policy = Policy::per_hour("closed", 10).on_outage(OnOutage::Deny);

/// Of so many calls, how many were admitted, and who answered the last.
async fn admitted(limiter: &Limiter, policy: &Policy, calls: usize) -> (usize, Source) {
    let (mut admitted, mut source) = (0, Source::Redis);
    for _ in 0..calls {
        let decision = limiter.check(policy, 1).await;
        admitted += usize::from(decision.is_allowed());
        source = decision.source();
    }
    (admitted, source)
}

#[tokio::test]
async fn black_hole_ends_in_each_policy_as_declared() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let limiter = Limiter::new(store_at(&server, proxy.address()));
    for policy in [LOCAL, OPEN, CLOSED] {
        assert_eq!(limiter.check(&policy, 2).await.source(), Source::Redis);
    }
    proxy.set(Fault::BlackHole);
    proxy.stall_existing();
    assert_eq!(admitted(&limiter, &LOCAL, 20).await, (5, Source::Standby));
    assert_eq!(admitted(&limiter, &OPEN, 20).await, (20, Source::Unavailable));
    assert_eq!(admitted(&limiter, &CLOSED, 20).await, (0, Source::Unavailable));
}

#[tokio::test]
async fn server_that_is_back_counts_again_from_where_it_was() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let limiter = Limiter::new(store_at(&server, proxy.address()));
    assert_eq!(admitted(&limiter, &LOCAL, 3).await, (3, Source::Redis));
    proxy.set(Fault::BlackHole);
    proxy.stall_existing();
    assert_eq!(admitted(&limiter, &LOCAL, 20).await, (5, Source::Standby));
    proxy.set(Fault::None);
    proxy.reset_existing();
    eventually(GUARD, async || limiter.peek(&LOCAL, 1).await.source() == Source::Redis).await;
    // What this process gave meanwhile was its share, and the server knows nothing of it.
    assert_eq!(admitted(&limiter, &LOCAL, 20).await.0, 7);
}

#[tokio::test]
async fn once_the_breaker_is_open_no_call_waits() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    let limiter = Limiter::new(store.clone()).with_adaptive_deadline();
    assert_eq!(limiter.check(&LOCAL, 2).await.source(), Source::Redis);
    proxy.set(Fault::BlackHole);
    proxy.stall_existing();
    eventually(GUARD, async || {
        drop(limiter.check(&LOCAL, 1).await);
        store.status().breaker == BreakerState::Open
    })
    .await;
    // A thousand calls that each waited for the deadline would take longer than the guard.
    let calls = async {
        for _ in 0..1_000 {
            drop(limiter.check(&OPEN, 1).await);
        }
    };
    tokio::time::timeout(GUARD, calls).await.expect("no call waits");
}

#[tokio::test]
async fn policy_that_adapts_gives_up_on_a_slow_server_and_one_that_does_not_waits() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let config = Config::from_url(&server.url_at(proxy.address())).unwrap();
    let config = config.with_prefix(&fresh_prefix()).unwrap().with_command_timeout(GUARD);
    let limiter = Limiter::new(Store::lazy(&config).unwrap());
    let patient = Policy::per_hour("patient", 1_000_000).burst(1_000_000);
    let hasty = Policy::per_hour("hasty", 1_000_000).burst(1_000_000).adaptive_deadline();
    for _ in 0..300 {
        drop(limiter.check(&hasty, 1).await);
    }
    proxy.set(Fault::Delay(GUARD / 8));
    assert_eq!(limiter.check(&hasty, 1).await.source(), Source::Standby);
    assert_eq!(limiter.check(&patient, 1).await.source(), Source::Redis);
    // Of several the least patient decides.
    let both = [(&patient, 1.into()), (&hasty, 1.into())];
    assert_eq!(limiter.check_all(&both).await.source(), Source::Standby);
}

#[tokio::test]
async fn what_the_server_refused_stays_refused_while_it_is_away() {
    let mut server = RedisServer::start();
    let limiter = Limiter::new(store_at(&server, server.address()));
    assert_eq!(admitted(&limiter, &LOCAL, 20).await.0, 10);
    server.kill();
    assert_eq!(admitted(&limiter, &LOCAL, 20).await.0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_scripts_are_known_again_without_an_error() {
    let server = RedisServer::start();
    let config =
        Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let limiter = Limiter::new(Store::lazy(&config).unwrap()).without_deny_cache();
    let policy = Policy::per_hour("flushed", 100);
    let mut calls = JoinSet::new();
    for caller in 0..300 {
        if caller % 50 == 0 {
            server.raw().command(&["SCRIPT", "FLUSH"]);
        }
        let limiter = limiter.clone();
        calls.spawn(async move { limiter.check(&policy, 1).await });
    }
    let decisions = calls.join_all().await;
    assert!(decisions.iter().all(|decision| decision.source() == Source::Redis));
    assert_eq!(decisions.iter().filter(|decision| decision.is_allowed()).count(), 100);
}

#[tokio::test]
async fn limits_survive_a_kill_of_every_process_but_the_server() {
    let server = RedisServer::start();
    let config =
        Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(Duration::from_secs(20)).with_connect_timeout(GUARD);
    let mut all = 0;
    for _ in 0..3 {
        let limiter = Limiter::new(Store::lazy(&config).unwrap());
        all += admitted(&limiter, &LOCAL, 7).await.0;
    }
    assert_eq!(all, 10);
}
