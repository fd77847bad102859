use std::{
    convert::Infallible,
    net::TcpListener,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Pattern, Ttl};
use serde::{Deserialize, Deserializer, Serializer};
use tokio::sync::Notify;

use super::*;
use crate::{
    builder::L1,
    cache::tests::{NOTE, USER, Users, held_load, load, read, spawn},
    cached::Source,
    operations::TICKET,
    sweep::{SweepPage, sweep},
};

/// A value whose encoding is a moment at which something else happens: between the steps of a `set`.
struct Meddled(&'static str, Box<dyn Fn() + Send + Sync>);

impl Serialize for Meddled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.1)();
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Meddled {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("these are only written")
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The outcome of what the embedded store answers without waiting.
fn now<T>(work: impl Future<Output = T>) -> T {
    match poll(pin!(work)) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the embedded store does not wait"),
    }
}

/// Sets "set" while `meanwhile` happens; answers whether it was stored and what is there afterwards.
async fn set_while(entity: Entity<u64>, meanwhile: fn(&Users)) -> (bool, Option<String>) {
    let store = Store::memory();
    let cache = Cache::<u64, Meddled>::new(&store, &entity);
    let users = Users::builder(&store, &entity).l1(L1::off()).build();
    users.set(&1, &"before".to_owned()).await.expect("memory answers");
    let theirs = users.clone();
    let value = Meddled("set", Box::new(move || meanwhile(&theirs)));
    let applied = cache.set(&1, &value).await.expect("memory answers");
    let cached = users.get(&1).await.expect("memory answers");
    (applied.l2, cached.map(|cached| String::clone(&cached)))
}

#[tokio::test]
async fn set_never_undoes_an_invalidation_that_came_between() {
    let invalidate = |users: &Users| {
        let _done = now(users.invalidate(&1)).expect("memory answers");
    };
    for entity in [USER, NOTE] {
        assert_eq!(set_while(entity, invalidate).await, (false, None));
    }
}

#[tokio::test]
async fn set_never_undoes_a_sweep_that_came_between() {
    let sweep = |users: &Users| {
        let _done = now(sweep(&users.0.store, &Pattern::all())).expect("memory answers");
    };
    for entity in [USER, NOTE] {
        assert_eq!(set_while(entity, sweep).await, (false, None));
    }
}

#[tokio::test]
async fn later_set_wins() {
    let set = |users: &Users| {
        let _done = now(users.set(&1, &"later".to_owned())).expect("memory answers");
    };
    assert_eq!(set_while(USER, set).await, (false, Some("later".to_owned())));
    // Plain values have no stamps: which is the later one nobody can tell, and the loader will say.
    assert_eq!(set_while(NOTE, set).await, (false, None));
}

#[tokio::test]
async fn load_that_begins_during_a_set_is_not_stored() {
    let load = |users: &Users| {
        evict(users, users.0.entity.pattern());
        let cached = now(users.get_or_load(&1, || load("loaded"))).expect("it loads").expect("something");
        assert_eq!((cached.as_str(), cached.source()), ("loaded", Source::Loaded));
        let batch =
            now(users.get_many_or_load(&[1], async |_| Ok::<_, Infallible>(vec![(1, "b".to_owned())])));
        assert_eq!(batch.into_result().expect("it loads")[&1].source(), Source::Loaded);
    };
    for entity in [USER, NOTE] {
        assert_eq!(set_while(entity, load).await, (true, Some("set".to_owned())));
    }
}

#[tokio::test]
async fn evicted_claim_leaves_no_older_value_behind() {
    let evict = |users: &Users| evict(users, users.0.entity.pattern().companions(TICKET));
    for entity in [USER, NOTE] {
        assert_eq!(set_while(entity, evict).await, (false, None));
    }
}

fn evict(users: &Users, pattern: Pattern) {
    let (_, swept) = now(users.0.store.run(&SweepPage::new(pattern))).expect("memory answers");
    assert_eq!(swept.removed, 1);
}

#[tokio::test]
async fn refill_never_undoes_a_sweep_or_a_set() {
    let store = Store::memory();
    let users = Users::new(&store, &USER);
    for round in ["sweep", "set"] {
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
        started.notified().await;
        if round == "sweep" {
            sweep(&store, &Pattern::all()).await.expect("memory answers");
            go.notify_one();
            old.await.expect("no panic");
            assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
            users.invalidate(&1).await.expect("memory answers");
        } else {
            assert!(users.set(&1, &"set".to_owned()).await.expect("memory answers").l2);
            go.notify_one();
            old.await.expect("no panic");
            assert_eq!(read(&users, "new").await, ("set".into(), Source::L2));
        }
    }
}

/// Two caches of one entity on one store, both with a tier of their own in this process.
fn siblings() -> (Users, Users) {
    let store = Store::memory();
    (Users::new(&store, &USER), Users::new(&store, &USER))
}

#[tokio::test]
async fn sibling_does_not_serve_what_another_changed() {
    let (one, two) = siblings();
    read(&one, "old").await;
    assert!(two.invalidate(&1).await.expect("memory answers").l1);
    assert_eq!(read(&one, "new").await, ("new".into(), Source::Loaded));
    two.set(&1, &"set".to_owned()).await.expect("memory answers");
    assert_eq!(read(&one, "other").await, ("set".into(), Source::L2));
}

#[tokio::test]
async fn caller_after_a_siblings_invalidation_does_not_join_an_older_load() {
    let (one, two) = siblings();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let old = spawn(held_load(one.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
    started.notified().await;
    two.invalidate(&1).await.expect("memory answers");
    assert_eq!(read(&one, "new").await, ("new".into(), Source::Loaded));
    go.notify_one();
    assert_eq!(old.await.expect("no panic"), "old");
    // What the old load brought may have been newer than what this process held.
    assert_eq!(read(&one, "other").await, ("new".into(), Source::L2));
}

#[tokio::test]
async fn read_that_began_before_a_siblings_invalidation_is_not_kept() {
    let (one, two) = siblings();
    let inner = &*one.0;
    let place = inner.place(&1);
    let epoch = inner.near.epoch(place.spot);
    let (held, _) = inner.born(b"", Some("old".to_owned()).into(), &inner.terms, 0, Duration::ZERO);
    two.invalidate(&1).await.expect("memory answers");
    inner.near.keep(place.spot, &held, epoch, inner.now());
    assert!(inner.near.get(&1, inner.now().instant).is_none());
}

#[tokio::test]
async fn sibling_with_ids_of_another_type_serves_nothing_old() {
    const SMALL: Entity<u32> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    let store = Store::memory();
    let (users, small) = (Users::new(&store, &USER), Cache::<u32, String>::new(&store, &SMALL));
    read(&users, "old").await;
    small.invalidate(&1).await.expect("memory answers");
    assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded));
}

#[tokio::test]
async fn other_entities_and_versions_keep_theirs() {
    let store = Store::memory();
    let (users, next) = (Users::new(&store, &USER), Users::new(&store, &USER.version(2)));
    read(&users, "kept").await;
    next.invalidate(&1).await.expect("memory answers");
    Users::new(&store, &NOTE).invalidate(&1).await.expect("memory answers");
    assert_eq!(read(&users, "other").await, ("kept".into(), Source::L1));
}

/// A cache on a server that accepts connections and says nothing.
fn on_silence() -> (TcpListener, Users) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let url = format!("redis://{}", listener.local_addr().expect("it is bound"));
    let config = Config::from_url(&url).expect("an address").with_command_timeout(Duration::from_millis(50));
    let store = Store::lazy(&config).expect("it is right");
    (listener, Users::builder(&store, &USER).l1(L1::entries(10)).build())
}

/// Keeps an old value here as a read does that begins and ends while a change is under way.
fn keep_old(users: &Users) {
    let inner = &*users.0;
    let (held, _) = inner.born(b"", Some("old".to_owned()).into(), &inner.terms, 0, Duration::ZERO);
    let place = inner.place(&1);
    inner.near.keep(place.spot, &held, inner.near.epoch(place.spot), inner.now());
    assert!(is_held(users));
}

fn is_held(users: &Users) -> bool {
    users.0.near.get(&1, users.0.now().instant).is_some()
}

/// Lets an old value in while `change` is under way, and drops it midway.
fn cancelled(users: &Users, change: impl Future) {
    let mut change = pin!(change);
    assert!(poll(change.as_mut()).is_pending());
    keep_old(users);
}

/// Lets an old value in while `change` is under way, and waits until it has failed.
async fn failed<T>(users: &Users, change: impl Future<Output = Result<T>>) {
    let mut change = pin!(change);
    assert!(poll(change.as_mut()).is_pending());
    keep_old(users);
    assert!(change.await.is_err());
}

#[tokio::test]
async fn cancelled_change_leaves_no_old_value_here() {
    let (_server, users) = on_silence();
    let (value, all) = ("new".to_owned(), Pattern::all());
    cancelled(&users, users.set(&1, &value));
    assert!(!is_held(&users), "after a set");
    cancelled(&users, users.invalidate(&1));
    assert!(!is_held(&users), "after an invalidation");
    cancelled(&users, sweep(&users.0.store, &all));
    assert!(!is_held(&users), "after a sweep");
}

#[tokio::test]
async fn failed_change_leaves_no_old_value_here() {
    let (_server, users) = on_silence();
    let (value, all) = ("new".to_owned(), Pattern::all());
    failed(&users, users.set(&1, &value)).await;
    assert!(!is_held(&users), "after a set");
    failed(&users, users.invalidate(&1)).await;
    assert!(!is_held(&users), "after an invalidation");
    failed(&users, sweep(&users.0.store, &all)).await;
    assert!(!is_held(&users), "after a sweep");
}

#[tokio::test]
async fn caller_after_a_change_of_many_does_not_join_an_older_load() {
    for by_tag in [true, false] {
        let store = Store::memory();
        let users = Users::new(&store, &USER);
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let old = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
        started.notified().await;
        if by_tag {
            users.invalidate_tag(&Tag::new("all").expect("a tag")).await.expect("memory answers");
        } else {
            users.clear().await.expect("memory answers");
        }
        assert_eq!(read(&users, "new").await, ("new".into(), Source::Loaded), "by tag: {by_tag}");
        go.notify_one();
        assert_eq!(old.await.expect("no panic"), "old");
    }
}
