//! What is left on the server, and for how long.

use std::time::Duration;

use bytes::Bytes;
use redstart_connection::Store;
use redstart_keys::{Category, Entity, TextId, Ttl};
use redstart_state::{
    Begun, Codes, Counters, Fingerprint, FlagRule, Flags, Idempotency, OnceTokens, ReplayGuard, Sessions,
    Visitors,
};
use redstart_testkit::{RedisServer, TimeMachine, fresh_prefix};

use crate::support::config_for;

const WORK: Entity<u64> = Entity::new(Category::Idempotency, "work").ttl(Ttl::hours(24));
const JTI: Entity<TextId> = Entity::new(Category::Idempotency, "jti").ttl(Ttl::hours(24));
const RESET: Entity<TextId> = Entity::new(Category::Verification, "reset").ttl(Ttl::minutes(30));
const EMAIL: Entity<u64> = Entity::new(Category::Verification, "email").ttl(Ttl::minutes(10)).sensitive();
const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
const FEATURE: Entity<TextId> = Entity::new(Category::Flag, "feature").persistent();

/// Leaves behind whatever can be left behind.
async fn use_everything(store: &Store) -> Flags {
    let work = Idempotency::new(store, &WORK);
    for id in 0..3 {
        let Begun::New(run) = work.begin(&id, &Fingerprint::of(&[])).await.unwrap() else { panic!() };
        match id {
            0 => drop(run.complete(Bytes::new()).await.unwrap()),
            1 => drop(run.abandon().await.unwrap()),
            // As a process that dies.
            _ => std::mem::forget(run),
        }
    }
    let expires_at = store.clock().now().saturating_add(Duration::from_secs(3600));
    ReplayGuard::new(store, &JTI).first_use("iss", "1", expires_at).await.unwrap();
    let tokens = OnceTokens::<u64>::new(store, &RESET);
    let token = tokens.issue(&1).await.unwrap();
    tokens.issue_for("7", &1).await.unwrap();
    tokens.redeem(&token).await.unwrap();
    let codes = Codes::new(store, &EMAIL, b"secret of the service");
    for subject in 0..3 {
        codes.issue(&subject).await.unwrap();
        codes.verify(&subject, "wrong").await.unwrap();
    }
    let sessions = Sessions::<u64>::new(store, &WEB);
    let session = sessions.open(1).await.unwrap();
    sessions.open_for("7", 1).await.unwrap();
    let _renewed = sessions.renew_for("8", &session).await.unwrap();
    let counters = Counters::new(store, &VIEWS).with_top(10);
    counters.add(&1, 1);
    counters.flush().await;
    Visitors::new(store, &VIEWS).see(&1, &["ada"]).await.unwrap();
    let flags = Flags::new(store, &FEATURE).with("checkout", FlagRule::OFF);
    flags.set("checkout", &FlagRule::ON).await.unwrap();
    flags
}

#[tokio::test]
async fn every_key_ends_by_itself_or_is_declared_persistent_and_none_is_left() {
    let server = RedisServer::start();
    let mut time = TimeMachine::new(&server, &fresh_prefix());
    let config = config_for(&server).with_prefix(time.prefix()).unwrap();
    let store = Store::lazy_with(&config, time.clock()).unwrap();
    let flags = use_everything(&store).await;
    let mut raw = server.raw();
    let names = raw.keys(time.prefix());
    for kind in
        ["idempotency:work", "idempotency:jti", "verification:reset", "verification:email", "session:web"]
    {
        assert!(names.iter().any(|name| name.contains(kind)), "{kind} of {names:?}");
    }
    let persistent: Vec<String> = raw.keys_without_ttl(time.prefix());
    assert_eq!(persistent.len(), 1, "{persistent:?}");
    assert!(persistent[0].ends_with("flag:feature:{checkout}"), "{persistent:?}");
    assert!(flags.remove("checkout").await.unwrap());
    // Two days at most: a day of counters by the day, and the day before it.
    time.advance(Duration::from_secs(2 * 24 * 3600));
    assert_eq!(raw.keys(time.prefix()), Vec::<String>::new());
}
