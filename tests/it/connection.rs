//! The door to a real server.

use redstart_connection::{
    Certainty, Cmd, Config, Effect, Error, ErrorKind, Event, Memory, Operation, Outage, Redis, Result,
    Script, Store, Timestamp,
};
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_testkit::{RedisServer, eventually, shared};
use tokio::task::JoinSet;

use crate::support::{GUARD, config, config_for, store};

const ITEM: Entity<u64> = Entity::new(Category::Cache, "item").ttl(Ttl::hours(1));
const LOGIN: Entity<TextId> = Entity::new(Category::RateLimit, "login").ttl(Ttl::hours(1)).sensitive();

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
