//! Many values at once, beside each other and beside single reads.

use std::io;

use super::{super::load::Passenger, *};
use crate::{batch::Batch, freshness::Freshness};

type Loads = Result<Vec<(u64, String)>, io::Error>;

fn named(ids: Vec<u64>) -> Vec<(u64, String)> {
    ids.into_iter().map(|id| (id, format!("user {id}"))).collect()
}

#[tokio::test]
async fn batches_share_their_loads() {
    let (users, loaded) = (users(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let mut callers = JoinSet::new();
    for caller in 0..20_u64 {
        let (users, loaded) = (users.clone(), Arc::clone(&loaded));
        callers.spawn(async move {
            let ids: Vec<u64> = (caller..caller + 10).collect();
            let load = |missing: Vec<u64>| {
                loaded.lock().expect("no panic").extend(missing.clone());
                async move {
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(named(missing))
                }
            };
            let found = users.get_many_or_load(&ids, load).await.into_result().expect("it loads");
            ids.iter().for_each(|id| assert_eq!(*found[id], format!("user {id}")));
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("no panic");
    }
    let mut loaded = loaded.lock().expect("no panic").clone();
    loaded.sort_unstable();
    assert_eq!(loaded, (0..29).collect::<Vec<_>>(), "each id is loaded once");
    assert_eq!(users.0.near.flights(), 0);
}

#[tokio::test]
async fn batch_waits_for_a_single_load_and_single_reads_for_a_batch() {
    let users = users();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let single = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "one"));
    started.notified().await;
    let theirs = users.clone();
    let batch = spawn(async move {
        let load = |missing: Vec<u64>| async move {
            assert_eq!(missing, [2], "somebody loads the first");
            Ok::<_, Infallible>(named(missing))
        };
        theirs.get_many_or_load(&[1, 2], load).await.into_result().expect("it loads")
    });
    tokio::task::yield_now().await;
    go.notify_one();
    assert_eq!(single.await.expect("no panic"), "one");
    let found = batch.await.expect("no panic");
    assert_eq!((found[&1].as_str(), found[&2].as_str()), ("one", "user 2"));
}

#[tokio::test]
async fn batch_takes_over_from_a_load_that_goes_away() {
    let users = users();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let single = spawn(held_load(users.clone(), Arc::clone(&started), Arc::clone(&go), "never"));
    started.notified().await;
    let theirs = users.clone();
    let batch = spawn(async move {
        let load = |missing: Vec<u64>| async move { Ok::<_, Infallible>(named(missing)) };
        theirs.get_many_or_load(&[1, 2], load).await.into_result().expect("it loads")
    });
    tokio::task::yield_now().await;
    single.abort();
    let found = batch.await.expect("no panic");
    assert_eq!((found[&1].as_str(), found[&2].as_str()), ("user 1", "user 2"));
}

#[tokio::test]
async fn crossing_batches_do_not_wait_for_each_other() {
    let users = users();
    let mut callers = JoinSet::new();
    for caller in 0..50_usize {
        let users = users.clone();
        callers.spawn(async move {
            let mut ids = [1, 2, 3, 4];
            ids.rotate_left(caller % 4);
            let load = |missing: Vec<u64>| async move {
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(named(missing))
            };
            // Some go away in the middle, so that others take over.
            let reading = users.get_many_or_load(&ids, load);
            match caller % 3 {
                0 => drop(tokio::time::timeout(Duration::ZERO, reading).await),
                _ => drop(reading.await.into_result().expect("it loads")),
            }
        });
    }
    let all = async {
        while let Some(done) = callers.join_next().await {
            done.expect("no panic");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("nobody waits for ever");
    assert_eq!(users.0.near.flights(), 0);
}

#[tokio::test]
async fn failure_of_some_is_told_of_those() {
    let users = users();
    read(&users, "one").await;
    let load = |missing: Vec<u64>| async move {
        let answer = |id| if id == 3 { Err(io::Error::other("no such shard")) } else { Ok("two".to_owned()) };
        missing.into_iter().map(|id| (id, answer(id))).collect()
    };
    let batch: Batch<u64, String, io::Error> = users.get_many_or_load_each(&[1, 2, 3], load).await;
    assert_eq!(
        (batch.get(&1).map(|v| v.as_str()), batch.get(&2).map(|v| v.as_str())),
        (Some("one"), Some("two"))
    );
    let error = batch.failed()[&3].loader().expect("the loader's own");
    assert_eq!(error.to_string(), "no such shard");
    assert!(batch.into_result().is_err());
    // What came is kept, and what failed rests.
    assert_eq!(users.get(&2).await.expect("memory answers").expect("something").as_str(), "two");
    assert!(users.get_or_load(&3, || super::load("three")).await.is_err());
}

#[tokio::test]
async fn failure_of_all_leaves_what_is_cached_and_what_is_old() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let users = Users::builder(&Store::memory_with(clock.clone()), &USER)
        .jitter(0.0)
        .freshness(Freshness::new().stale_if_error(Ttl::hours(1)))
        .build();
    users.get_or_load(&1, || load("old")).await.expect("it loads");
    clock.advance(Duration::from_secs(3_700));
    users.get_or_load(&2, || load("fresh")).await.expect("it loads");
    let fail = |_| async { Loads::Err(io::Error::other("away")) };
    let batch = users.get_many_or_load(&[1, 2, 3], fail).await;
    assert!(batch.get(&1).is_some_and(|old| old.is_stale()));
    assert!(batch.get(&2).is_some_and(|fresh| !fresh.is_stale()));
    assert_eq!(batch.failed().keys().collect::<Vec<_>>(), [&3]);
}

#[tokio::test]
async fn batches_without_l1_share_a_load() {
    let users = Users::builder(&Store::memory(), &USER).l1(L1::off()).build();
    let (goes_on, loads) = (Notify::new(), AtomicUsize::new(0));
    let batch = || async {
        let load = |missing: Vec<u64>| async {
            loads.fetch_add(1, Ordering::SeqCst);
            goes_on.notified().await;
            Ok::<_, Infallible>(missing.into_iter().map(|id| (id, id.to_string())).collect::<Vec<_>>())
        };
        users.get_many_or_load(&[1, 2], load).await.into_result().expect("it loads")
    };
    let (first, second, ()) = tokio::join!(batch(), batch(), async { goes_on.notify_one() });
    assert_eq!(loads.into_inner(), 1);
    for found in [first, second] {
        assert_eq!((found[&1].as_str(), found[&2].as_str()), ("1", "2"));
    }
}

#[tokio::test]
async fn read_that_began_before_a_batch_is_joined_by_nobody_after_it() {
    let users = Users::builder(&Store::memory(), &USER).l1(L1::off()).build();
    read(&users, "new").await;
    let (inner, place) = (&users.0, users.0.place(&1));
    // Whoever leads this flight may have read the store before the value came to be that the batch shows.
    let earlier = Passenger::join(inner, place.spot, false);
    let nothing = |_| async { Ok::<Vec<(u64, String)>, Infallible>(Vec::new()) };
    let batch = users.get_many_or_load(&[1], nothing).await;
    assert_eq!(batch.get(&1).expect("the store has it").as_str(), "new");
    let later = Passenger::join(inner, place.spot, false);
    assert!(!Arc::ptr_eq(&earlier.flight, &later.flight), "values of a key never go back");
}

#[tokio::test]
async fn load_is_counted_before_its_flight_ends() {
    let users = Users::builder(&Store::memory(), &USER).l1(L1::off()).build();
    let before = users.0.near.loads();
    read(&users, "one").await;
    let after_one = users.0.near.loads();
    assert!(before < after_one, "a batch that read before must read again");
    read(&users, "another").await;
    assert_eq!(users.0.near.loads(), after_one, "what the store has is no load");
}
