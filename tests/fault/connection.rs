//! The door while the server or the way to it fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redstart_connection::{
    Certainty, Cmd, Effect, Error, ErrorKind, Event, Memory, Operation, Outage, Redis, Store, Timestamp,
};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually};
use tokio::{task::JoinSet, time::timeout};

use crate::support::{Count, GUARD, HITS, Hit, Tally, recovered, store, store_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_server_under_load_hangs_nobody_and_its_return_needs_no_restart() {
    let mut server = RedisServer::start();
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for _ in 0..64 {
        let (store, stop) = (store.clone(), Arc::clone(&stop));
        callers.spawn(async move {
            let mut failures = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let call =
                    timeout(GUARD, store.run(&Count)).await.expect("no call outlives its deadline by far");
                if let Err(error) = call {
                    assert!(error.is_transient(), "{error:?}");
                    failures += 1;
                    tokio::task::yield_now().await;
                }
            }
            failures
        });
    }
    server.kill();
    eventually(
        GUARD,
        async || matches!(store.run(&Count).await, Err(error) if error.kind() == ErrorKind::Unavailable),
    )
    .await;
    server.restart();
    recovered(&store).await;
    stop.store(true, Ordering::Relaxed);
    let mut failures = 0;
    while let Some(caller) = callers.join_next().await {
        failures += caller.expect("no caller panics");
    }
    assert!(failures > 0);
}

#[tokio::test]
async fn frozen_server_is_an_unknown_outcome_at_the_deadline() {
    let mut server = RedisServer::start();
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    server.freeze();
    let error = timeout(GUARD, store.within(Duration::from_millis(100)).run(&Hit(Effect::Once))).await;
    let error = error.expect("the call ends").expect_err("nobody answers");
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::Timeout, Certainty::Unknown));
    assert_eq!(error.to_string(), "test.hit: no answer within 100ms");
    server.thaw();
    recovered(&store).await;
}

#[tokio::test]
async fn half_open_connections_are_replaced() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    let mut events = store.events();
    store.run(&Hit(Effect::Once)).await.unwrap();
    proxy.stall_existing();
    recovered(&store).await;
    let mut lost = 0;
    while let Ok(Some(event)) = timeout(Duration::from_millis(10), events.next()).await {
        lost += usize::from(matches!(event, Event::Lost { .. }));
    }
    assert!(lost > 0, "the silent connections were given up");
}

#[tokio::test]
async fn idle_half_open_connections_are_replaced_before_anybody_calls() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    let mut events = store.events();
    store.run(&Hit(Effect::Once)).await.unwrap();
    eventually(GUARD, async || store.status().connected == 2).await;
    proxy.stall_existing();
    let mut replaced = 0;
    while replaced < 2 {
        let event =
            timeout(GUARD, events.next()).await.expect("the heartbeat finds out").expect("the store lives");
        replaced += usize::from(matches!(event, Event::Reconnected { .. }));
    }
    store.run(&Hit(Effect::Once)).await.expect("nobody has to notice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_connections_fail_no_read_and_double_no_increment() {
    let server = RedisServer::start();
    let proxy = Arc::new(Proxy::start(server.address()).await);
    let store = store_at(&server, proxy.address());
    store.run(&Hit(Effect::Once)).await.unwrap();
    let tally = Arc::new(Tally::default());
    tally.note(Ok(1));
    let mut callers = JoinSet::new();
    for _ in 0..16 {
        let (store, tally) = (store.clone(), Arc::clone(&tally));
        callers.spawn(async move {
            for _ in 0..300 {
                tally.note(store.run(&Hit(Effect::Once)).await);
            }
        });
    }
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        proxy.reset_existing();
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    recovered(&store).await;
    let count = store.run(&Count).await.unwrap();
    tally.check(count);
    assert!(tally.most() > tally.acknowledged(), "the resets hit something");
}

#[tokio::test]
async fn lost_reply_of_work_that_must_not_repeat_is_reported_and_not_repeated() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address());
    store.run(&Hit(Effect::Once)).await.unwrap();
    for round in 0..20 {
        let before = store.run(&Count).await.unwrap();
        proxy.set(Fault::CutReplies(2));
        let error = store.run(&Hit(Effect::Once)).await.expect_err("the reply was cut");
        assert_eq!(error.certainty(), Certainty::Unknown, "{error:?}");
        proxy.set(Fault::None);
        recovered(&store).await;
        let done = store.run(&Count).await.unwrap() - before;
        assert!((0..=1).contains(&done), "round {round}: done {done} times");
    }
}

#[tokio::test]
async fn read_whose_reply_was_lost_is_tried_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address()).within(GUARD);
    store.run(&Hit(Effect::Once)).await.unwrap();
    proxy.reset_existing();
    assert_eq!(store.run(&Count).await.expect("it may be asked again"), 1);
}

#[tokio::test]
async fn demoted_server_is_left_and_taken_again() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    let (host, port) = (other.address().ip().to_string(), other.address().port().to_string());
    server.raw().command(&["REPLICAOF", &host, &port]);
    eventually(GUARD, async || {
        let refused = store.run(&Hit(Effect::Once)).await.err();
        refused.is_some_and(|error| error.certainty() < Certainty::Failed)
    })
    .await;
    server.raw().command(&["REPLICAOF", "NO", "ONE"]);
    eventually(GUARD, async || store.run(&Hit(Effect::Once)).await.is_ok()).await;
}

#[tokio::test]
async fn black_hole_after_accept_ends_at_the_deadline() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    proxy.set(Fault::BlackHole);
    let store = store_at(&server, proxy.address());
    let error = timeout(GUARD, store.run(&Count)).await.expect("the call ends").expect_err("nobody answers");
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout), "{error:?}");
    assert_eq!(error.certainty(), Certainty::NotSent);
    proxy.set(Fault::None);
    recovered(&store).await;
}

#[tokio::test]
async fn full_server_refuses_writes_and_answers_reads() {
    let mut server = RedisServer::start();
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    server.config_set("maxmemory", "1");
    let error = store.run(&Hit(Effect::Once)).await.expect_err("there is no memory");
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::OutOfMemory, Certainty::Refused));
    assert_eq!(store.run(&Count).await.unwrap(), 1);
}

#[tokio::test]
async fn changed_and_restored_password_poisons_nothing() {
    let server = RedisServer::configure().password("first").start();
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    // One connection for the whole test: the harness would log in with the old password.
    let mut admin = server.raw();
    admin.command(&["CONFIG", "SET", "requirepass", "second"]);
    admin.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    eventually(
        GUARD,
        async || matches!(store.run(&Count).await, Err(error) if error.kind() == ErrorKind::Auth),
    )
    .await;
    admin.command(&["CONFIG", "SET", "requirepass", "first"]);
    recovered(&store).await;
}

#[test]
fn store_outlives_its_runtime() {
    let server = RedisServer::start();
    let store: Store = store(&server);
    for round in 1..=3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(store.run(&Hit(Effect::Once))).unwrap(), round);
    }
}

/// A pipeline of one write, which fails inside an answer that as a whole succeeds.
struct PipedHit;

impl Operation for PipedHit {
    type Output = ();
    const NAME: &'static str = "test.piped_hit";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "hit"
    }

    async fn on_redis(&self, redis: &Redis) -> redstart_connection::Result<()> {
        redis.pipeline(vec![Cmd::new("INCR").key(&HITS.key(&1))]).await.map(drop)
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> redstart_connection::Result<()> {
        Err(Error::unsupported("this one is for a server"))
    }
}

#[tokio::test]
async fn demotion_seen_inside_a_pipeline_replaces_the_connection() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let store = store(&server);
    store.run(&PipedHit).await.unwrap();
    let mut events = store.events();
    let (host, port) = (other.address().ip().to_string(), other.address().port().to_string());
    server.raw().command(&["REPLICAOF", &host, &port]);
    store.run(&PipedHit).await.expect_err("a replica takes no writes");
    let lost = timeout(GUARD, async {
        loop {
            if let Some(Event::Lost { reason, .. }) = events.next().await {
                return reason;
            }
        }
    });
    assert_eq!(lost.await.expect("the lane is given up"), "readonly");
}

#[tokio::test]
async fn later_refusal_does_not_hide_that_an_earlier_attempt_may_have_worked() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store = store_at(&server, proxy.address()).within(GUARD);
    store.run(&Hit(Effect::Idempotent)).await.unwrap();
    // The first attempt's reply is lost, and no connection can be made for a second one.
    proxy.set(Fault::CutReplies(1));
    let error = store.run(&Hit(Effect::Idempotent)).await.expect_err("no reply comes back");
    assert_eq!(error.certainty(), Certainty::Unknown, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_still_loads_is_no_connection() {
    let mut server =
        RedisServer::configure().option("appendonly", "yes").option("key-load-delay", "100").start();
    let store = store(&server);
    store.run(&Hit(Effect::Once)).await.unwrap();
    let fill = "for i = 1, ARGV[1] do redis.call('SET', '{1}ballast:' .. i, i) end";
    server.raw().command(&["EVAL", fill, "1", "{1}ballast", "5000"]);
    let mut events = store.events();
    let mut callers = JoinSet::new();
    callers.spawn(async move {
        loop {
            // How it fails is no matter: the breaker is to have something to judge by.
            drop(store.run(&Hit(Effect::Once)).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    tokio::task::block_in_place(|| server.restart());
    let mut was_told = false;
    loop {
        match timeout(GUARD, events.next()).await.expect("it is used again").expect("the store lives") {
            // A breaker that opened because of it would stay so for longer than the loading lasts.
            Event::BreakerOpened { cause, .. } => assert!(!cause.contains("LOADING"), "{cause}"),
            Event::ConnectFailed { cause, .. } => was_told |= cause.contains("is loading its data"),
            Event::BreakerClosed { .. } => break,
            _ => {}
        }
    }
    assert!(was_told, "nobody looked while it was loading");
    callers.abort_all();
}
