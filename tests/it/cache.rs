//! The cache on a real server, seen by several instances.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use redstart_cache::{Cache, Claim, L1, Put, PutOutcome, Source, survey, sweep, sweep_with};
use redstart_connection::{Cmd, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_testkit::shared;
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{config, store};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const NOTE: Entity<u64> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();

const NAME: Entity<u64> = Entity::new(Category::Cache, "name").ttl(Ttl::hours(1)).plain();

type Users = Cache<u64, String>;

async fn read(users: &Users, id: u64, or: &str) -> (String, Source) {
    let load = || async { Ok::<_, Infallible>(Some(or.to_owned())) };
    let cached = users.get_or_load(&id, load).await.unwrap().unwrap();
    (String::clone(&cached), cached.source())
}

/// Two processes, as far as the server can tell.
fn two() -> (Users, Users) {
    let config = config();
    let instance = || Users::builder(&Store::lazy(&config).unwrap(), &USER).l1(L1::off()).build();
    (instance(), instance())
}

#[tokio::test]
async fn what_one_instance_loads_the_other_finds() {
    let (left, right) = two();
    assert_eq!(read(&left, 1, "a").await, ("a".into(), Source::Loaded));
    assert_eq!(read(&right, 1, "b").await, ("a".into(), Source::L2));
    right.invalidate(&1).await.unwrap();
    assert_eq!(read(&left, 1, "c").await, ("c".into(), Source::Loaded));
}

#[tokio::test]
async fn refill_never_undoes_another_instances_invalidation() {
    let (left, right) = two();
    let theirs = right.clone();
    let load = || async move {
        theirs.invalidate(&1).await.unwrap();
        Ok::<_, Infallible>(Some("old".to_owned()))
    };
    assert_eq!(left.get_or_load(&1, load).await.unwrap().unwrap().as_str(), "old");
    assert_eq!(left.stats().rejected_fills, 1);
    assert_eq!(read(&right, 1, "new").await, ("new".into(), Source::Loaded));
}

/// Sets "set" in its two steps, between which another instance does `meanwhile`; answers what became of
/// it and what is there afterwards.
async fn set_while<F: Future<Output = ()>>(
    meanwhile: impl FnOnce(Users, Store) -> F,
) -> (PutOutcome, Option<String>) {
    let config = config();
    let (mine, theirs) = (Store::lazy(&config).unwrap(), Store::lazy(&config).unwrap());
    let users = Users::new(&theirs, &NAME);
    users.set(&1, &"before".to_owned()).await.unwrap();
    let claim = Claim::new(NAME.key(&1), Key::namespace(Category::Cache, "name", "seq"));
    let token = mine.run(&claim).await.unwrap().token;
    meanwhile(users.clone(), theirs).await;
    let put = Put::new(NAME.key(&1), token, Bytes::from_static(b"\"set\""), Ttl::hours(1));
    let outcome = mine.run(&put).await.unwrap();
    (outcome, users.get(&1).await.unwrap().map(|cached| String::clone(&cached)))
}

#[tokio::test]
async fn set_never_undoes_another_instances_invalidation() {
    let invalidate = |users: Users, _| async move { assert!(users.invalidate(&1).await.unwrap().l2) };
    assert_eq!(set_while(invalidate).await, (PutOutcome::Superseded, None));
}

#[tokio::test]
async fn load_that_begins_during_another_instances_set_does_not_overtake_it() {
    let load = |users: Users, store: Store| async move {
        // The value goes as by an eviction, so that a load begins.
        store.command(Cmd::new("UNLINK").key(&NAME.key(&1))).await.unwrap();
        assert_eq!(read(&users, 1, "loaded").await, ("loaded".into(), Source::Loaded));
    };
    assert_eq!(set_while(load).await, (PutOutcome::Stored, Some("set".into())));
}

#[tokio::test]
async fn evicted_claim_leaves_no_older_value_behind() {
    let evict = |_, store: Store| async move {
        store.command(Cmd::new("UNLINK").key(&NAME.key(&1).companion("g"))).await.unwrap();
    };
    assert_eq!(set_while(evict).await, (PutOutcome::Superseded, None));
}

#[tokio::test]
async fn of_sets_at_once_the_last_claim_is_what_all_read() {
    let (left, right) = two();
    for round in 0..100 {
        let (ours, theirs) = (format!("left {round}"), format!("right {round}"));
        let applied = tokio::join!(left.set(&1, &ours), right.set(&1, &theirs));
        let stored = (applied.0.unwrap().l2, applied.1.unwrap().l2);
        let found = left.get(&1).await.unwrap().map(|cached| String::clone(&cached));
        assert_eq!(found, right.get(&1).await.unwrap().map(|cached| String::clone(&cached)));
        // What was there before neither says.
        match found {
            Some(found) => assert!((found == ours && stored.0) || (found == theirs && stored.1), "{found}"),
            None => assert!(!stored.0 || !stored.1),
        }
    }
}

#[tokio::test]
async fn refill_never_undoes_a_sweep() {
    let (left, store) = (two().0, store());
    let prefixed = left.clone();
    let pattern = USER.pattern();
    drop(store);
    let config = config();
    let (users, sweeper) = (Users::new(&Store::lazy(&config).unwrap(), &USER), Store::lazy(&config).unwrap());
    let load = || async {
        sweep(&sweeper, &pattern).await.unwrap();
        Ok::<_, Infallible>(Some("old".to_owned()))
    };
    users.get_or_load(&1, load).await.unwrap();
    assert_eq!(users.stats().rejected_fills, 1);
    assert_eq!(read(&users, 1, "new").await, ("new".into(), Source::Loaded));
    drop(prefixed);
}

#[tokio::test]
async fn sweep_stays_within_pattern_and_prefix() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    let users = Users::builder(&store, &USER).l1(L1::off()).build();
    let notes = Cache::<u64, String>::builder(&store, &NOTE).l1(L1::off()).build();
    let (others, _) = two();
    for id in 0..1_200 {
        users.set(&id, &"x".to_owned()).await.unwrap();
    }
    notes.set(&1, &"kept".to_owned()).await.unwrap();
    read(&others, 1, "theirs").await;
    let before = survey(&store, &USER.pattern()).await.unwrap();
    assert_eq!((before.matched, before.examples.len()), (1_200, 20), "it is counted and stays");
    let mut seen = Vec::new();
    let swept = sweep_with(&store, &USER.pattern(), |so_far| seen.push(so_far.removed)).await.unwrap();
    assert_eq!(swept.removed, 1_200);
    assert!(seen.len() > 1 && seen.is_sorted() && seen.last() == Some(&1_200), "{seen:?}");
    assert!(notes.get(&1).await.unwrap().is_some());
    assert_eq!(read(&others, 1, "gone").await.0, "theirs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_misses_are_one_load() {
    let users = Users::new(&store(), &USER);
    let (loads, start) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(1_000)));
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let (users, loads, start) = (users.clone(), Arc::clone(&loads), Arc::clone(&start));
        callers.spawn(async move {
            start.wait().await;
            let load = || async move {
                loads.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Some("a".to_owned()))
            };
            users.get_or_load(&1, load).await.unwrap().unwrap().into_value()
        });
    }
    while let Some(value) = callers.join_next().await {
        assert_eq!(value.unwrap().as_str(), "a");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn plain_values_are_shared_with_other_programs() {
    let store = store();
    let notes = Cache::<u64, Vec<u32>>::new(&store, &NOTE);
    let name = format!("{}:cache:note:7", store.prefix());
    shared().raw().command(&["SET", &name, "[1, 2]", "PX", "60000"]);
    assert_eq!(notes.get(&7).await.unwrap().unwrap().as_slice(), [1, 2]);
    notes.set(&7, &vec![3]).await.unwrap();
    assert_eq!(shared().raw().command(&["GET", &name]).text(), "[3]");
}

#[tokio::test]
async fn no_key_is_without_a_ttl_and_none_is_left_over() {
    let store = store();
    let users = Users::new(&store, &USER);
    for id in 0..50 {
        read(&users, id, "x").await;
        users.invalidate(&id).await.unwrap();
    }
    let mut raw = shared().raw();
    assert!(raw.keys_without_ttl(store.prefix().as_str()).is_empty());
    let prefix = store.prefix().as_str();
    let left = ["cache:redstart:#inv", "cache:user:#floor", "cache:user:#seq"];
    assert_eq!(raw.keys(prefix), left.map(|name| format!("{prefix}:{name}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_end_fresh() {
    // The database is a number; every change is followed by an invalidation. Whatever the interleaving of
    // readers and writers on two instances, afterwards both must read the last number.
    for round in 0..30_u64 {
        let (left, right) = two();
        let database = Arc::new(AtomicUsize::new(0));
        let mut actors = JoinSet::new();
        for turn in 0..24_u64 {
            let users = if (turn + round) % 2 == 0 { left.clone() } else { right.clone() };
            let database = Arc::clone(&database);
            actors.spawn(async move {
                for step in 0..4_u64 {
                    if (turn * 7 + step * 3 + round) % 4 == 0 {
                        database.fetch_add(1, Ordering::SeqCst);
                        users.invalidate(&1).await.unwrap();
                    } else {
                        let load = || async {
                            let value = database.load(Ordering::SeqCst);
                            tokio::task::yield_now().await;
                            Ok::<_, Infallible>(Some(value.to_string()))
                        };
                        users.get_or_load(&1, load).await.unwrap();
                    }
                }
            });
        }
        while let Some(actor) = actors.join_next().await {
            actor.unwrap();
        }
        let last = database.load(Ordering::SeqCst).to_string();
        for users in [&left, &right] {
            let fresh = || async { Ok::<_, Infallible>(Some(last.clone())) };
            let value = users.get_or_load(&1, fresh).await.unwrap().unwrap();
            assert_eq!(value.as_str(), last, "round {round}");
        }
    }
}
