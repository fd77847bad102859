//! One load for all; here two caches of one store stand for two processes.

use std::io;

use super::*;
use crate::single_flight::SingleFlight;

fn two() -> (Users, Users, Store) {
    let store = Store::memory();
    let fleet = || Users::builder(&store, &USER).single_flight(SingleFlight::fleet()).build();
    (fleet(), fleet(), store)
}

#[tokio::test]
async fn second_process_waits_for_the_load_of_the_first() {
    let (left, right, _) = two();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let loading = spawn(held_load(left, Arc::clone(&started), Arc::clone(&go), "a"));
    started.notified().await;
    let waiting = spawn(async move { read(&right, "b").await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished());
    go.notify_one();
    assert_eq!(loading.await.expect("no panic"), "a");
    assert_eq!(waiting.await.expect("no panic"), ("a".into(), Source::L2));
}

#[tokio::test]
async fn failure_is_not_repeated_by_the_others() {
    let (left, right, _) = two();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, gate) = (Arc::clone(&started), Arc::clone(&go));
    let failing = spawn(async move {
        let fail = || async move {
            began.notify_one();
            gate.notified().await;
            Err::<Option<String>, _>(io::Error::other("away"))
        };
        left.get_or_load(&1, fail).await.map(drop)
    });
    started.notified().await;
    let loads = Arc::new(AtomicUsize::new(0));
    let (theirs, count) = (right.clone(), Arc::clone(&loads));
    let waiting = spawn(async move {
        let load = || async move {
            count.fetch_add(1, Ordering::SeqCst);
            load("b").await
        };
        theirs.get_or_load(&1, load).await.map(drop)
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert!(failing.await.expect("no panic").is_err());
    let error = waiting.await.expect("no panic").expect_err("it rests");
    assert!(matches!(error, LoadError::Elsewhere(_)), "{error}");
    assert_eq!(loads.load(Ordering::SeqCst), 0);
    // What has changed is loaded at once.
    right.invalidate(&1).await.expect("memory answers");
    assert_eq!(read(&right, "c").await.0, "c");
}

#[tokio::test(start_paused = true)]
async fn load_that_is_given_up_is_taken_over_at_once() {
    // On this clock the ticket never ends by itself.
    let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_000_000)));
    let fleet = || Users::builder(&store, &USER).single_flight(SingleFlight::fleet()).build();
    let (left, right) = (fleet(), fleet());
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let loading = spawn(held_load(left.clone(), Arc::clone(&started), go, "never"));
    started.notified().await;
    let waiting = spawn(async move { read(&right, "b").await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    loading.abort();
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it takes over");
    assert_eq!(waited.expect("no panic"), ("b".into(), Source::Loaded));
    assert_eq!(read(&left, "c").await.0, "b");
}

#[tokio::test]
async fn invalidation_ends_the_wait() {
    let (left, right, _) = two();
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let loading = spawn(held_load(left.clone(), Arc::clone(&started), Arc::clone(&go), "old"));
    started.notified().await;
    let theirs = right.clone();
    let waiting = spawn(async move { read(&theirs, "new").await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    right.invalidate(&1).await.expect("memory answers");
    assert_eq!(waiting.await.expect("no panic"), ("new".into(), Source::Loaded));
    go.notify_one();
    assert_eq!(loading.await.expect("no panic"), "old");
    assert_eq!(read(&left, "newer").await.0, "new", "the old load is not kept");
}

#[tokio::test]
async fn batches_of_two_processes_share_their_loads() {
    let (left, right, _) = two();
    let loaded = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut callers = JoinSet::new();
    for (users, ids) in [(left, vec![1, 2, 3]), (right, vec![2, 3, 4])] {
        let loaded = Arc::clone(&loaded);
        callers.spawn(async move {
            let load = |missing: Vec<u64>| {
                loaded.lock().expect("no panic").extend(missing.clone());
                async move {
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(missing.into_iter().map(|id| (id, id.to_string())).collect())
                }
            };
            let found = users.get_many_or_load(&ids, load).await.into_result().expect("it loads");
            ids.iter().for_each(|id| assert_eq!(*found[id], id.to_string()));
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("no panic");
    }
    let mut loaded = loaded.lock().expect("no panic").clone();
    loaded.sort_unstable();
    assert_eq!(loaded, [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn slow_load_keeps_its_ticket() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let store = Store::memory_with(clock.clone());
    let users = Users::builder(&store, &USER).single_flight(SingleFlight::fleet()).build();
    let slow = || async {
        // Five seconds, in steps that both clocks take.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(Duration::from_millis(100));
        }
        load("a").await
    };
    users.get_or_load(&1, slow).await.expect("it loads");
    assert_eq!(users.get(&1).await.expect("memory answers").expect("it is kept").as_str(), "a");
}
