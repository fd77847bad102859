//! The door to a real server.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redstart_connection::{
    Certainty, Cmd, Config, Effect, Error, ErrorKind, Event, Memory, Operation, Outage, Redis, Result,
    Script, Store, Timestamp,
};
use redstart_keys::{Category, Entity, Key, TextId, Ttl};
use redstart_tests::{RedisServer, eventually, shared};
use tokio::task::JoinSet;

use crate::support::{GUARD, config, config_for, store};

const ITEM: Entity<u64> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::RateLimit, "login").ttl(Ttl::hours(1)).sensitive();

/// A plain read.
struct Get(Key);

impl Operation for Get {
    type Output = Option<Bytes>;
    const NAME: &'static str = "test.get";

    fn effect(&self) -> Effect {
        Effect::Read
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

/// A script that answers with its argument.
struct Echo(u64);

static ECHO: Script = Script::new("test.echo", "return ARGV[2] + 1");

impl Operation for Echo {
    type Output = i64;
    const NAME: &'static str = "test.echo";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &i64) -> &'static str {
        "echoed"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<i64> {
        redis.script(&ECHO).arg(self.0).invoke().await?.into_int()
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<i64> {
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

#[tokio::test]
async fn scripts_survive_a_flush() {
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    assert_eq!(store.run(&Echo(1)).await.unwrap(), 2);
    server.raw().command(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.run(&Echo(2)).await.unwrap(), 3);
}

#[tokio::test]
async fn sensitive_ids_never_reach_the_server() {
    let store = store();
    let email = TextId::new("ada@example.com").unwrap();
    let cmd = Cmd::new("SET").key(&LOGIN.key(&email)).arg("1").arg("PX").arg(60_000);
    store.command(cmd).await.unwrap();
    let keys = shared().raw().keys(store.prefix().as_str());
    assert_eq!(keys.len(), 1);
    assert!(!keys[0].contains("ada") && keys[0].contains(":ratelimit:login:{"), "{keys:?}");
}

#[tokio::test]
async fn wrong_password_is_named_and_not_repeated() {
    let server = RedisServer::configure().password("right").start();
    let wrong = Config::from_url(&format!("redis://:hunter2@{}", server.address())).unwrap();
    let error = Store::connect(&wrong).await.unwrap_err();
    assert_eq!((error.kind(), error.certainty()), (ErrorKind::Auth, Certainty::Refused));
    let told = format!("{error} {error:?} {wrong:?}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn server_errors_keep_their_code() {
    let store = store();
    let key = ITEM.key(&1);
    store.command(Cmd::new("RPUSH").key(&key).arg("x")).await.unwrap();
    let error = store.command(Cmd::new("INCR").key(&key)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.certainty()),
        (ErrorKind::WrongType, Some("WRONGTYPE"), Certainty::Failed)
    );
    store.command(Cmd::new("DEL").key(&key)).await.unwrap();
    let unknown = store.command(Cmd::new("NOSUCH").arg("hunter2")).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Unsupported);
    assert!(!unknown.to_string().contains("hunter2"));
}

#[tokio::test]
async fn replica_is_refused() {
    let (master, mut replica) = (RedisServer::start(), RedisServer::start());
    let (host, port) = (master.address().ip().to_string(), master.address().port().to_string());
    replica.raw().command(&["REPLICAOF", &host, &port]);
    let error = Store::connect(&config_for(&replica)).await.unwrap_err();
    assert!(error.to_string().contains("replica") || error.kind() == ErrorKind::Unavailable, "{error}");
    replica.kill();
}

#[tokio::test]
async fn last_handle_closes_the_connections() {
    let server = RedisServer::start();
    let count = || server.raw().command(&["CLIENT", "LIST"]).text().lines().count();
    let before = count();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    eventually(GUARD, async || count() == before + 2).await;
    drop(store);
    eventually(GUARD, async || count() == before).await;
}

#[tokio::test]
async fn shutdown_waits_for_what_is_under_way() {
    let store = Store::connect(&config()).await.unwrap();
    let mut events = store.events();
    let mut calls = JoinSet::new();
    for id in 0..500 {
        let store = store.clone();
        calls.spawn(async move {
            set(&store, id).await;
        });
    }
    tokio::task::yield_now().await;
    assert!(store.shutdown(GUARD).await.is_clean());
    assert_eq!(store.command(Cmd::new("PING")).await.unwrap_err().kind(), ErrorKind::Shutdown);
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event.clone());
        if event == Event::ShutDown {
            break;
        }
    }
    assert_eq!(seen.last(), Some(&Event::ShutDown));
    while let Some(call) = calls.join_next().await {
        // A call came before the door closed and was carried out, or after and was refused.
        drop(call);
    }
    let left = shared().raw().keys(store.prefix().as_str()).len();
    assert!(left <= 500);
}
