//! Batches of a cache that keeps nothing in this process: what happens between their read of the server and
//! their loads.
//!
//! A batch is polled by hand: its read is answered by the server, and then it stands still while something else
//! happens from beginning to end.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Mutex,
    task::Poll,
};

use redstart_cache::{Cache, Cached, L1, SingleFlight};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Cluster, RedisServer, eventually, fresh_prefix};

use crate::support::{GUARD, config_for};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

type Users = Cache<u64, String>;

/// A process that keeps nothing.
fn far(config: &Config) -> Users {
    Users::builder(&Store::lazy(config).unwrap(), &USER).l1(L1::off()).build()
}

/// The values of a batch whose loader brings `value` for each id, and the ids that it was asked for.
async fn batch(users: &Users, ids: &[u64], value: &str) -> (HashMap<u64, String>, Vec<u64>) {
    let asked = Mutex::new(Vec::new());
    let load = |missing: Vec<u64>| async {
        asked.lock().unwrap().extend(missing.clone());
        Ok::<_, Infallible>(missing.into_iter().map(|id| (id, value.to_owned())).collect::<Vec<_>>())
    };
    let found = users.get_many_or_load(ids, load).await.into_result().unwrap();
    let found = found.into_iter().map(|(id, cached)| (id, String::clone(&cached))).collect();
    let mut asked = asked.into_inner().unwrap();
    asked.sort_unstable();
    (found, asked)
}

async fn read(users: &Users, id: u64, value: &str) -> String {
    let load = || async { Ok::<_, Infallible>(Some(value.to_owned())) };
    let cached: Cached<String> = users.get_or_load(&id, load).await.unwrap().unwrap();
    String::clone(&cached)
}

fn all(value: &str) -> HashMap<u64, String> {
    [1, 2].map(|id| (id, value.to_owned())).into()
}

/// How often the server has read values.
fn reads(server: &RedisServer) -> u64 {
    let stats = server.raw().command(&["INFO", "commandstats"]).text();
    let calls = |line: &str| {
        let (command, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let is_read = matches!(command, "get" | "mget");
        is_read.then(|| figures.split(',').next()?.parse::<u64>().ok()).flatten()
    };
    stats.lines().filter_map(calls).sum()
}

/// Makes everything untrue.
async fn change(users: &Users, clears: bool) {
    if clears {
        users.clear().await.unwrap();
    } else {
        for id in [1, 2] {
            users.invalidate(&id).await.unwrap();
        }
    }
}

/// Lets `work` go on for a moment; answers whether it waits for something.
async fn waits(mut work: Pin<&mut impl Future>) -> bool {
    poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending())).await
}

/// Lets `work` send its read, and stops it where it would take in the answer.
async fn until_read(server: &RedisServer, work: Pin<&mut impl Future>) {
    let before = reads(server);
    assert!(waits(work).await, "for the server");
    eventually(GUARD, async || before < reads(server)).await;
}

/// Two processes on a server of their own, whose connections and stamps are there.
async fn two() -> (RedisServer, Users, Users) {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (left, right) = (far(&config), far(&config));
    for users in [&left, &right] {
        batch(users, &[98, 99], "warm").await;
    }
    (server, left, right)
}

#[tokio::test]
async fn load_that_ends_after_the_read_of_a_batch_is_not_repeated() {
    let (server, users, _) = two().await;
    let mut reading = Box::pin(batch(&users, &[1, 2], "late"));
    until_read(&server, reading.as_mut()).await;
    assert_eq!(read(&users, 1, "early").await, "early");
    let (found, asked) = reading.await;
    assert_eq!((found[&1].as_str(), found[&2].as_str()), ("early", "late"));
    assert_eq!(asked, [2], "somebody else has loaded the first");
}

#[tokio::test]
async fn load_that_is_under_way_after_the_read_of_a_batch_is_shared() {
    let (server, users, _) = two().await;
    let mut reading = Box::pin(batch(&users, &[1, 2], "late"));
    until_read(&server, reading.as_mut()).await;
    let batch = reading.as_mut();
    let load = || async move {
        // The batch comes to join while this load goes on; it loads the other, and waits for this one.
        assert!(waits(batch).await);
        Ok::<_, Infallible>(Some("early".to_owned()))
    };
    users.get_or_load(&1, load).await.unwrap();
    let (found, asked) = reading.await;
    assert_eq!((found[&1].as_str(), found[&2].as_str()), ("early", "late"));
    assert_eq!(asked, [2]);
}

/// What another process brought before the ticket was there to wait for.
#[tokio::test]
async fn load_of_another_process_that_ends_after_a_read_is_not_repeated_in_a_fleet() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let process = || {
        let store = Store::lazy(&config).unwrap();
        Users::builder(&store, &USER).l1(L1::off()).single_flight(SingleFlight::fleet()).build()
    };
    let (users, others) = (process(), process());
    for users in [&users, &others] {
        users.ready().await;
        batch(users, &[98, 99], "warm").await;
    }
    let mut reading = Box::pin(batch(&users, &[1, 2], "twice"));
    until_read(&server, reading.as_mut()).await;
    assert_eq!(batch(&others, &[1, 2], "once").await.1, [1, 2]);
    assert_eq!(reading.await, (all("once"), Vec::new()));

    let mut reading = Box::pin(read(&users, 3, "twice"));
    until_read(&server, reading.as_mut()).await;
    assert_eq!(read(&others, 3, "once").await, "once");
    assert_eq!(reading.await, "once");
    assert_eq!(server.raw().command(&["KEYS", "*}:g"]).array().len(), 0, "no ticket is left to wait for");
}

#[tokio::test]
async fn change_after_the_read_of_a_batch_is_seen_by_the_next_one() {
    for clears in [false, true] {
        let (server, users, others) = two().await;
        assert_eq!(batch(&others, &[1, 2], "old").await.0, all("old"));
        let mut reading = Box::pin(batch(&users, &[1, 2], "new"));
        until_read(&server, reading.as_mut()).await;
        change(&others, clears).await;
        let (_, asked) = reading.await;
        assert!(asked.is_empty(), "it was answered before the change");
        assert_eq!(batch(&users, &[1, 2], "new").await, (all("new"), vec![1, 2]), "clears: {clears}");
        assert_eq!(batch(&others, &[1, 2], "newer").await, (all("new"), Vec::new()));
    }
}

#[tokio::test]
async fn batch_that_missed_before_a_change_stores_nothing_older() {
    for clears in [false, true] {
        let (server, users, others) = two().await;
        let mut reading = Box::pin(async {
            let load = |missing: Vec<u64>| async {
                // What this has read of the database is outdated before it is stored.
                change(&others, clears).await;
                Ok::<_, Infallible>(missing.into_iter().map(|id| (id, "old".to_owned())).collect::<Vec<_>>())
            };
            users.get_many_or_load(&[1, 2], load).await.into_result().unwrap()
        });
        until_read(&server, reading.as_mut()).await;
        others.invalidate(&1).await.unwrap();
        assert_eq!(reading.await.len(), 2);
        assert_eq!(batch(&users, &[1, 2], "new").await, (all("new"), vec![1, 2]), "clears: {clears}");
    }
}

#[tokio::test]
async fn clear_whose_stamp_is_lost_is_still_true_for_a_batch() {
    let (server, users, others) = two().await;
    batch(&users, &[1, 2], "old").await;
    users.clear().await.unwrap();
    let mut raw = server.raw();
    for floor in raw.command(&["KEYS", "*#floor"]).array() {
        raw.command(&["DEL", &floor.text()]);
    }
    // The other process has heard of nothing: what it reads must tell it.
    assert_eq!(batch(&others, &[1, 2], "new").await, (all("new"), vec![1, 2]));
    assert_eq!(batch(&others, &[1, 2], "newer").await, (all("new"), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stamp_of_another_node_judges_a_batch_on_a_cluster() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let (users, others) = (far(&config), far(&config));
    let ids: Vec<u64> = (0..40).collect();
    batch(&others, &ids, "old").await;
    assert_eq!(batch(&users, &ids, "new").await.1, Vec::<u64>::new());
    others.clear().await.unwrap();
    let (found, asked) = batch(&users, &ids, "new").await;
    assert_eq!(asked, ids);
    assert!(found.values().all(|value| value == "new"));
}
