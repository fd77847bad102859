use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use redstart_connection::{Clock, Config, Timestamp};
use redstart_keys::Category;
use tokio::{sync::Notify, task::JoinSet};

use super::*;
use crate::{builder::L1, cached::Source, error::LoadError, operations::Read, registry::caches};

mod batch;
mod fleet;
mod fresh;
mod scheduled;
mod verbs;

pub(super) const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
pub(super) const NOTE: Entity<u64> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();

pub(super) type Users = Cache<u64, String>;

fn users() -> Users {
    Users::new(&Store::memory(), &USER)
}

#[expect(clippy::disallowed_methods, reason = "a test ends its own tasks")]
pub(super) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(work)
}

pub(super) async fn load(value: &str) -> Result<Option<String>, Infallible> {
    Ok(Some(value.to_owned()))
}

pub(super) async fn read(users: &Users, or: &str) -> (String, Source) {
    let cached =
        users.get_or_load(&1, || load(or)).await.expect("the loader succeeds").expect("it brings something");
    (String::clone(&cached), cached.source())
}

#[tokio::test]
async fn loaded_once_then_cached() {
    let users = users();
    assert_eq!(read(&users, "a").await, ("a".into(), Source::Loaded));
    assert_eq!(read(&users, "b").await, ("a".into(), Source::L1));
    let stats = users.stats();
    assert_eq!((stats.misses, stats.loads, stats.l1_hits), (1, 1, 1));
    assert_eq!(stats.hit_rate(), Some(0.5));
}

#[tokio::test]
async fn without_l1_the_store_answers() {
    let users = Users::builder(&Store::memory(), &USER).l1(L1::off()).build();
    read(&users, "a").await;
    assert_eq!(read(&users, "b").await, ("a".into(), Source::L2));
}

#[tokio::test]
async fn thousand_callers_load_once() {
    let (users, loads) = (users(), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let (users, loads) = (users.clone(), Arc::clone(&loads));
        callers.spawn(async move {
            let count = || async move {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                load("a").await
            };
            users.get_or_load(&1, count).await.expect("it loads").expect("something").into_value()
        });
    }
    while let Some(value) = callers.join_next().await {
        assert_eq!(value.expect("no panic").as_str(), "a");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert_eq!(users.0.near.flights(), 0);
}

/// A load that waits until it is let go.
pub(super) async fn held_load(
    users: Users,
    started: Arc<Notify>,
    go: Arc<Notify>,
    value: &'static str,
) -> String {
    let slow = || async move {
        started.notify_one();
        go.notified().await;
        load(value).await
    };
    users
        .get_or_load(&1, slow)
        .await
        .expect("it loads")
        .map(|cached| String::clone(&cached))
        .expect("something")
}

#[tokio::test]
async fn refill_never_undoes_an_invalidation() {
    for l1 in [L1::entries(10), L1::off()] {
        let users = Users::builder(&Store::memory(), &USER).l1(l1).build();
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
        started.notified().await;
        users.invalidate(&1).await.expect("memory answers");
        go.notify_one();
        assert_eq!(old.await.expect("no panic"), "old");
        assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
        assert_eq!(users.stats().rejected_fills, 1);
    }
}

#[tokio::test]
async fn caller_after_an_invalidation_does_not_join_an_older_load() {
    let users = users();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
    started.notified().await;
    users.invalidate(&1).await.expect("memory answers");
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
    go.notify_one();
    assert_eq!(old.await.expect("no panic"), "old");
    // What the old load brought may have been newer than what this process held.
    assert_eq!(read(&users, "other").await, ("new".into(), Source::L2));
}

#[tokio::test]
async fn cancelled_leader_hands_over() {
    let users = users();
    let started = Arc::new(Notify::new());
    let never = spawn(held_load(users.clone(), Arc::clone(&started), Arc::new(Notify::new()), "never"));
    started.notified().await;
    let (next, _) = tokio::join!(read(&users, "next"), async {
        tokio::task::yield_now().await;
        never.abort();
    });
    assert_eq!(next, ("next".into(), Source::Loaded));
    assert_eq!(users.0.near.flights(), 0);
}

#[tokio::test]
async fn panicking_leader_hands_over() {
    let users = users();
    let started = Arc::new(Notify::new());
    let (theirs, signal) = (users.clone(), Arc::clone(&started));
    let bad = spawn(async move {
        let boom = || async move {
            signal.notify_one();
            tokio::task::yield_now().await;
            assert!(!theirs_panics(), "boom");
            load("never").await
        };
        theirs.get_or_load(&1, boom).await.map(drop)
    });
    started.notified().await;
    assert_eq!(read(&users, "next").await.0, "next");
    assert!(bad.await.expect_err("it panicked").is_panic());
}

fn theirs_panics() -> bool {
    true
}

#[tokio::test]
async fn failure_is_shared_and_rests() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let users = Users::new(&Store::memory_with(clock.clone()), &USER);
    let loads = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let (users, loads) = (users.clone(), Arc::clone(&loads));
        callers.spawn(async move {
            let fail = || async move {
                loads.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Err::<Option<String>, _>(std::io::Error::other("the database is away"))
            };
            users.get_or_load(&1, fail).await.map(drop)
        });
    }
    while let Some(outcome) = callers.join_next().await {
        let error = outcome.expect("no panic").expect_err("the loader failed");
        assert_eq!(error.loader().expect("of this type").to_string(), "the database is away");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    // Who asks a moment later gets the same error; when the pause is over the loader is asked again.
    let again = users.get_or_load(&1, || load("early")).await;
    assert!(matches!(again, Err(LoadError::Elsewhere(_))), "of another type: {again:?}");
    clock.advance(Duration::from_millis(100));
    assert_eq!(read(&users, "back").await.0, "back");
}

#[tokio::test]
async fn absence_is_remembered_for_its_own_time() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let store = Store::memory_with(clock.clone());
    let users = Users::builder(&store, &USER).negative(Ttl::seconds(10)).jitter(0.0).build();
    let absent = || async { Ok::<Option<String>, Infallible>(None) };
    assert!(users.get_or_load(&1, absent).await.expect("it loads").is_none());
    clock.advance(Duration::from_secs(9));
    assert!(users.get_or_load(&1, || load("a")).await.expect("it loads").is_none());
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&users, "a").await, ("a".into(), Source::Loaded));
}

#[tokio::test]
async fn value_ends_with_its_ttl_in_both_tiers() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let users = Users::builder(&Store::memory_with(clock.clone()), &USER).jitter(0.0).build();
    read(&users, "a").await;
    clock.advance(Duration::from_secs(29));
    let cached = users.get(&1).await.expect("memory answers").expect("it is there");
    assert_eq!((cached.source(), cached.ttl()), (Source::L1, Some(Duration::from_secs(3571))));
    assert_eq!(cached.age(), Some(Duration::from_secs(29)));
    clock.advance(Duration::from_secs(1));
    assert_eq!(read(&users, "b").await, ("a".into(), Source::L2));
    clock.advance(Duration::from_secs(3570));
    assert_eq!(read(&users, "c").await, ("c".into(), Source::Loaded));
}

#[tokio::test]
async fn undecodable_value_is_a_counted_miss() {
    let store = Store::memory();
    let numbers = Cache::<u64, u32>::builder(&store, &USER).l1(L1::off()).build();
    let texts = Users::builder(&store, &USER).l1(L1::off()).build();
    read(&texts, "not a number").await;
    let seven = || async { Ok::<_, Infallible>(Some(7)) };
    let cached = numbers.get_or_load(&1, seven).await.expect("it loads").expect("something");
    assert_eq!((*cached, cached.source()), (7, Source::Loaded));
    assert_eq!(numbers.stats().decode_failures, 1);
}

#[tokio::test]
async fn batch_loads_what_is_missing_once() {
    let users = Users::builder(&Store::memory(), &USER).l1(L1::off()).build();
    read(&users, "one").await;
    let mut asked = Vec::new();
    let found = users
        .get_many_or_load(&[1, 2, 3, 2], |missing| {
            asked.clone_from(&missing);
            async move { Ok::<_, Infallible>(vec![(2, "two".to_owned())]) }
        })
        .await
        .into_result()
        .expect("it loads");
    assert_eq!(asked, [2, 3]);
    assert_eq!((found[&1].as_str(), found[&1].source()), ("one", Source::L2));
    assert_eq!((found[&2].as_str(), found[&2].source()), ("two", Source::Loaded));
    assert!(!found.contains_key(&3));
    // What it did not bring is remembered as absent.
    let absent = users.get_or_load(&3, || load("three")).await.expect("it is cached");
    assert!(absent.is_none());
}

#[tokio::test]
async fn batch_load_never_undoes_an_invalidation() {
    let users = users();
    let theirs = users.clone();
    users
        .get_many_or_load(&[1, 2], |missing| {
            let theirs = theirs.clone();
            async move {
                theirs.invalidate(&1).await.expect("memory answers");
                Ok::<_, Infallible>(missing.into_iter().map(|id| (id, "old".to_owned())).collect())
            }
        })
        .await
        .into_result()
        .expect("it loads");
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
    let second = users.get_or_load(&2, || load("new")).await.expect("it is cached").expect("something");
    assert_eq!(second.as_str(), "old");
}

#[tokio::test]
async fn plain_entities_hold_plain_json() {
    let store = Store::memory();
    let notes = Cache::<u64, Vec<u8>>::builder(&store, &NOTE).l1(L1::off()).build();
    notes.set(&1, &vec![1, 2]).await.expect("memory answers");
    let raw = store.run(&Read::new(vec![NOTE.key(&1)])).await.expect("memory answers");
    assert_eq!(raw[0].as_deref(), Some(b"[1,2]".as_slice()));
    let cached = notes.get(&1).await.expect("memory answers").expect("it is there");
    assert_eq!((cached.as_slice(), cached.ttl()), ([1, 2].as_slice(), None));
}

#[tokio::test]
async fn loader_answers_while_the_store_is_away() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let config = Config::from_url(&format!("redis://{}", port.expect("loopback has ports")))
        .expect("an address")
        .with_standby(false);
    let users =
        Users::builder(&Store::lazy(&config).expect("it is right"), &USER).l1(L1::entries(10)).build();
    assert_eq!(read(&users, "a").await, ("a".into(), Source::Loaded));
    assert_eq!(read(&users, "b").await, ("b".into(), Source::Loaded));
    assert!(users.invalidate(&1).await.is_err());
    assert!(users.stats().store_errors > 0);
}

#[tokio::test]
async fn caches_of_a_store_are_listed() {
    let store = Store::memory();
    let _users = Users::new(&store, &USER);
    drop(Cache::<u64, u32>::new(&store, &NOTE));
    let names: Vec<_> = caches(&store).into_iter().map(|stats| stats.name).collect();
    assert_eq!(names, ["user"]);
}

#[tokio::test]
async fn value_that_has_ended_holds_no_other_up() {
    // A plain value that was loaded has a stamp, and one that was read from the store has none.
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let notes = Cache::<u64, String>::new(&Store::memory_with(clock.clone()), &NOTE);
    let source = async || {
        let cached = notes.get_or_load(&1, || load("a")).await;
        cached.expect("it loads").expect("something").source()
    };
    assert_eq!((source().await, source().await), (Source::Loaded, Source::L1));
    clock.advance(Duration::from_secs(30));
    assert_eq!((source().await, source().await), (Source::L2, Source::L1));
}
