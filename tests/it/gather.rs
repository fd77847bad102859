//! Reads that travel together.

use std::{future::Future, pin::pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use redstart_connection::{
    Cmd, Effect, Error, ErrorKind, Memory, Operation, Outage, Redis, Result, Store, Timestamp,
};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_testkit::RedisServer;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::support::{config, config_for, store};

const ITEM: Entity<u64> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));

/// A read that is not tried again, so that a first failure shows.
struct Get(Key);

impl Operation for Get {
    type Output = Option<Bytes>;
    const NAME: &'static str = "test.get";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Option<Bytes>) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<Bytes>> {
        redis.get(&self.0).await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Option<Bytes>> {
        Err(Error::unsupported("this one is for a server"))
    }
}

/// The same, with a second key that all readers share.
struct GetWith(Key, Key);

impl Operation for GetWith {
    type Output = (Option<Bytes>, Option<Bytes>);
    const NAME: &'static str = "test.get_with";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        redis.get_with(&self.0, &self.1).await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(Error::unsupported("this one is for a server"))
    }
}

async fn set(store: &Store, id: u64) {
    let cmd = Cmd::new("SET").key(&ITEM.key(&id)).arg(id).arg("PX").arg(60_000);
    assert!(store.command(cmd).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gathered_reads_bring_each_caller_its_own_value() {
    // A server of its own, so that its command counts are ours.
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    for id in 0..100 {
        set(&store, id).await;
    }
    let mut readers = JoinSet::new();
    for turn in 0..2_000_u64 {
        let store = store.clone();
        readers.spawn(async move {
            let id = turn % 101;
            let expected = (id < 100).then(|| Bytes::from(id.to_string()));
            assert_eq!(store.run(&Get(ITEM.key(&id))).await.unwrap(), expected);
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    let stats = server.raw().command(&["INFO", "commandstats"]).text();
    let calls = |command: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
    };
    assert!((1..1_000).contains(&calls("mget")), "{} MGETs, {} GETs", calls("mget"), calls("get"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shared_key_is_read_once_for_those_who_travel_together() {
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    for id in 0..101 {
        set(&store, id).await;
    }
    let text = |id: u64| Some(Bytes::from(id.to_string()));
    let alone = GetWith(ITEM.key(&1), ITEM.key(&100));
    assert_eq!(store.run(&alone).await.unwrap(), (text(1), text(100)));
    let absent = GetWith(ITEM.key(&1), ITEM.key(&555));
    assert_eq!(store.run(&absent).await.unwrap(), (text(1), None));

    let hits = || {
        let stats = server.raw().command(&["INFO", "stats"]).text();
        let hits = stats.lines().find_map(|line| line.strip_prefix("keyspace_hits:"));
        hits.unwrap().trim().parse::<u64>().unwrap()
    };
    let before = hits();
    let mut readers = JoinSet::new();
    for turn in 0..2_000_u64 {
        let store = store.clone();
        readers.spawn(async move {
            // Two keys are shared, each by every second reader.
            let (own, shared) = (turn % 99, 99 + turn % 2);
            let found = store.run(&GetWith(ITEM.key(&own), ITEM.key(&shared))).await.unwrap();
            assert_eq!(found, (text(own), text(shared)));
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    let shared = hits() - before - 2_000;
    assert!((1..1_000).contains(&shared), "the shared keys were read {shared} times for 2,000 readers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forbidden_shared_key_fails_those_who_want_it_alone() {
    let server =
        RedisServer::configure().password("admin").user("app", "pw", "~*:cache:item:{1}* +@all").start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    set(&store, 1).await;
    let mut readers = JoinSet::new();
    for turn in 0..600_u64 {
        let (store, shared) = (store.clone(), turn % 2);
        let read = GetWith(ITEM.key(&1), ITEM.key(&shared));
        readers.spawn(async move { (shared, store.run(&read).await) });
    }
    while let Some(reader) = readers.join_next().await {
        match reader.unwrap() {
            (1, read) => assert_eq!(read.unwrap().0.as_deref(), Some(b"1".as_slice())),
            (_, refused) => assert_eq!(refused.unwrap_err().kind(), ErrorKind::Permission),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_reader_takes_nobody_elses_answer() {
    let store = Arc::new(store());
    set(&store, 1).await;
    let mut readers = JoinSet::new();
    for turn in 0..2_000_u64 {
        let store = Arc::clone(&store);
        readers.spawn(async move {
            let read = Get(ITEM.key(&1));
            if turn % 3 == 0 {
                // Polled once, then dropped, with its key already in a batch.
                drop(tokio::time::timeout(Duration::ZERO, store.run(&read)).await);
            } else {
                assert_eq!(store.run(&read).await.unwrap().as_deref(), Some(b"1".as_slice()));
            }
        });
    }
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forbidden_key_fails_its_own_reader_alone() {
    let mut server =
        RedisServer::configure().password("admin").user("app", "pw", "~*:cache:item:{1}* +@all").start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    set(&store, 1).await;
    server.thaw();
    let mut readers = JoinSet::new();
    for turn in 0..600_u64 {
        let store = store.clone();
        readers.spawn(async move { (turn % 2, store.run(&Get(ITEM.key(&(turn % 2)))).await) });
    }
    while let Some(reader) = readers.join_next().await {
        match reader.unwrap() {
            (1, read) => assert_eq!(read.unwrap().as_deref(), Some(b"1".as_slice())),
            (_, refused) => assert_eq!(refused.unwrap_err().kind(), ErrorKind::Permission),
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn batch_whose_runtime_ended_holds_up_no_later_reader() {
    let store = Store::lazy(&config().with_lanes(1)).unwrap();
    let home = runtime();
    home.block_on(set(&store, 1));
    let brief = runtime();
    brief.block_on(async {
        let (one, two) = (Get(ITEM.key(&1)), Get(ITEM.key(&2)));
        let mut both = pin!(async { tokio::join!(store.run(&one), store.run(&two)) });
        // Polled once: the second read has opened a batch, whose task has not begun.
        std::future::poll_fn(|cx| {
            let _pending = both.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    });
    drop(brief);
    home.block_on(async {
        let read = |id| {
            let store = store.clone();
            async move { store.run(&Get(ITEM.key(&id))).await }
        };
        let (one, two, three) = tokio::join!(read(1), read(2), read(3));
        assert_eq!(one.unwrap().as_deref(), Some(b"1".as_slice()));
        assert_eq!((two.unwrap(), three.unwrap()), (None, None));
    });
}

#[tokio::test]
async fn batch_waits_as_long_as_its_most_patient_reader() {
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server).with_lanes(1)).unwrap();
    set(&store, 1).await;
    server.raw().command(&["CLIENT", "PAUSE", "300", "ALL"]);
    let read = |store: Store| async move { store.run(&Get(ITEM.key(&1))).await };
    let hasty = store.within(Duration::from_millis(20));
    let (_, given_up, answered) = tokio::join!(read(store.clone()), read(hasty), read(store.clone()));
    assert_eq!(given_up.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(answered.unwrap().as_deref(), Some(b"1".as_slice()));
}
