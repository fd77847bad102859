//! A lock that its holder hands to who waits for it in another process.

use redstart_lock::Locks;
use redstart_testkit::{Raw, RedisServer, Reply, eventually};
use tokio::task::JoinSet;

use super::{key, process, request};
use crate::support::{GUARD, config_for};

const HANDS: u64 = 50;

async fn is_waited_for(locks: &Locks) {
    eventually(GUARD, async || locks.holder(&key()).await.unwrap().is_some_and(|held| held.waiting == 1))
        .await;
}

pub(super) fn scripts(raw: &mut Raw) -> u64 {
    let stats = raw.command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handing_a_lock_over_takes_no_question() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let processes = [process(&config), process(&config)];
    let mut raw = server.raw();
    // Both listen before it is counted.
    for (holder, waiter) in [(0, 1), (1, 0)] {
        let held = request(&processes[holder]).acquire().await.unwrap();
        let late = request(&processes[waiter]);
        let (got, ()) = tokio::join!(late.acquire(), async {
            is_waited_for(&processes[holder]).await;
            eventually(GUARD, async || subscribers(&server) == waiter_count(holder)).await;
            held.release().await.unwrap();
        });
        got.unwrap().release().await.unwrap();
    }
    let mut held = request(&processes[0]).acquire().await.unwrap();
    let before = scripts(&mut raw);
    for turn in 1..=HANDS {
        let (holder, waiter) = if turn % 2 == 1 { (0, 1) } else { (1, 0) };
        let late = request(&processes[waiter]);
        let (next, ()) = tokio::join!(late.acquire(), async {
            is_waited_for(&processes[holder]).await;
            held.release().await.unwrap();
        });
        held = next.unwrap();
    }
    let took = scripts(&mut raw) - before;
    // A question that is refused and a release; a few ask again because a second went by.
    assert!(took < 2 * HANDS + HANDS / 2, "{took} scripts for {HANDS} hands");
    held.release().await.unwrap();
}

fn subscribers(server: &RedisServer) -> usize {
    match server.raw().command(&["PUBSUB", "CHANNELS"]) {
        Reply::Array(channels) => channels.len(),
        other => panic!("{other:?}"),
    }
}

/// In the first turn one process has waited by now, in the second both.
const fn waiter_count(holder: usize) -> usize {
    holder + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_message_of_a_lease_that_has_ended_grants_nothing() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (holder, waiter) = (process(&config), process(&config));
    let held = request(&holder).acquire().await.unwrap();
    let late = request(&waiter);
    let mut waits = JoinSet::new();
    waits.spawn(async move { late.acquire().await });
    is_waited_for(&holder).await;
    eventually(GUARD, async || subscribers(&server) == 1).await;
    let mut raw = server.raw();
    let mut one = |command: &[&str]| match raw.command(command) {
        Reply::Array(replies) => replies.into_iter().next().expect("there is one").text(),
        other => panic!("{other:?}"),
    };
    let (queue, channel) = (one(&["KEYS", "*:queue"]), one(&["PUBSUB", "CHANNELS"]));
    let token = one(&["ZRANGE", &queue, "0", "0"]);
    let before = scripts(&mut raw);
    // As if the waiter had been handed the lock before the present holder got it.
    let message = format!("{} {token}", held.fence());
    raw.command(&["PUBLISH", &channel, &message]);
    eventually(GUARD, async || before < scripts(&mut server.raw())).await;
    assert!(waiter.held().is_empty(), "two hold the lock");
    assert!(!held.valid_for().is_zero());
    held.release().await.unwrap();
    waits.join_next().await.unwrap().unwrap().unwrap().release().await.unwrap();
}
