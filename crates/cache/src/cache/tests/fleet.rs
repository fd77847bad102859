//! One load for all; here two caches of one store stand for two processes.

use std::io;

use super::*;
use crate::{
    cache::{bring::Permit, fleet::BELIEVED},
    event::{Change, Event},
    flight::Flight,
    operations::{Release, Released, Take},
    single_flight::SingleFlight,
};

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

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_and_does_not_find_out_by_looking() {
    for fails in [false, true] {
        let (left, right, _) = two();
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (began, gate) = (Arc::clone(&started), Arc::clone(&go));
        let loading = spawn(async move {
            let slow = || async move {
                began.notify_one();
                gate.notified().await;
                if fails { Err(io::Error::other("away")) } else { Ok(Some("a".to_owned())) }
            };
            left.get_or_load(&1, slow).await.map(drop)
        });
        started.notified().await;
        let waiting = spawn(async move { right.get_or_load(&1, || load("b")).await.map(drop) });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        // This clock moves only when nobody has anything to do: who has to look waits for half a second.
        let told = tokio::time::timeout(Duration::from_millis(100), waiting).await.expect("it is told");
        assert_eq!(told.expect("no panic").is_err(), fails);
        assert_eq!(loading.await.expect("no panic").is_err(), fails);
    }
}

#[tokio::test(start_paused = true)]
async fn news_from_another_process_wakes_who_waits() {
    let (left, right, store) = two();
    let inner = &*left.0;
    let place = inner.place(&1);
    let flight = Arc::new(Flight::new(inner.instant()));
    let permit = inner.fleet_permit(&place, &inner.terms, Some(&flight)).await;
    let Permit::Load { token: Some(token), .. } = permit else { panic!("nobody was there before") };
    let waiting = spawn(async move { read(&right, "b").await });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    // What the other does when its load has come to nothing, and what the stream tells then.
    let released = store.run(&Release::new(place.key.clone(), token)).await.expect("memory answers");
    assert_eq!(released, Released::Awaited);
    let change = Change::Settled(place.name.clone());
    let event = Event { entity: Some(inner.space.label()), change, stamp: None };
    inner.registry.apply(&event, inner.instant());
    let told = tokio::time::timeout(Duration::from_millis(100), waiting).await.expect("it is told");
    assert_eq!(told.expect("no panic"), ("b".into(), Source::Loaded));
}

#[tokio::test]
async fn who_takes_a_ticket_looks_whether_the_value_has_come_meanwhile() {
    let (left, right, store) = two();
    read(&left, "a").await;
    // It missed before that, and takes its ticket after it.
    let inner = &*right.0;
    let place = inner.place(&1);
    let flight = Arc::new(Flight::new(inner.instant()));
    let permit = inner.fleet_permit(&place, &inner.terms, Some(&flight)).await;
    assert!(matches!(permit, Permit::Found(..)), "nobody loads what is there");
    let take = Take::new(vec![place.key.clone()], inner.space.sequencer.clone(), BELIEVED);
    let ticket = store.run(&take).await.expect("memory answers").tickets.remove(0).expect("one ticket");
    assert!(ticket.is_new, "the one that was not needed was given back");
}

#[tokio::test(start_paused = true)]
async fn load_of_a_process_that_crashed_is_taken_over_and_a_slow_one_is_not() {
    for crashes in [false, true] {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000));
        let store = Store::memory_with(clock.clone());
        let fleet = || Users::builder(&store, &USER).single_flight(SingleFlight::fleet()).build();
        let (left, right) = (fleet(), fleet());
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let mut loading = None;
        if crashes {
            // What is left of it: a ticket that nobody prolongs.
            let place = left.0.place(&1);
            let flight = Arc::new(Flight::new(clock.instant()));
            let permit = left.0.fleet_permit(&place, &left.0.terms, Some(&flight)).await;
            assert!(matches!(permit, Permit::Load { token: Some(_), .. }));
        } else {
            loading = Some(spawn(held_load(left, Arc::clone(&started), Arc::clone(&go), "a")));
            started.notified().await;
        }
        let waiting = spawn(async move { read(&right, "b").await });
        // Five seconds, in steps that both clocks take.
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(Duration::from_millis(100));
        }
        assert_eq!(waiting.is_finished(), crashes);
        go.notify_one();
        let expected = if crashes { ("b", Source::Loaded) } else { ("a", Source::L2) };
        let (value, source) = waiting.await.expect("no panic");
        assert_eq!((value.as_str(), source), expected);
        if let Some(loading) = loading {
            assert_eq!(loading.await.expect("no panic"), "a");
        }
    }
}
