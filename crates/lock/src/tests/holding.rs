//! Locks that are held, and given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{Renewal, Store};
use tokio::task::JoinSet;

use super::{Bench, GUARD, PAYOUT, TTL, key, until};
use crate::{
    Fence, LockError, Locks, Release,
    operations::{Acquire, Acquired, Extend, GiveBack, Token},
};

#[tokio::test]
async fn held_lock_is_refused_and_released_lock_can_be_taken() {
    let bench = Bench::new();
    let first = bench.hold().await;
    assert!(bench.lock().try_acquire().await.expect("memory answers").is_none());
    assert!(matches!(bench.lock().wait(Duration::ZERO).acquire().await, Err(LockError::Busy { .. })));
    assert_eq!(bench.locks.remaining(&key()).await.expect("memory answers"), Some(TTL.as_duration()));
    let fence = first.fence();
    assert_eq!(first.release().await.expect("memory answers"), Release::Released);
    assert_eq!(bench.locks.remaining(&key()).await.expect("memory answers"), None);
    assert!(fence < bench.hold().await.fence());
}

#[tokio::test]
async fn other_locks_stay_free() {
    let bench = Bench::new();
    let _held = bench.hold().await;
    assert!(bench.locks.lock(&PAYOUT.key(&8)).try_acquire().await.expect("memory answers").is_some());
}

#[tokio::test]
async fn dropped_guard_gives_the_lock_back() {
    let bench = Bench::new();
    drop(bench.hold().await);
    bench.becomes_free().await;
}

#[test]
fn guard_may_be_dropped_outside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let bench = Bench::new();
    let guard = runtime.block_on(bench.hold());
    drop(guard);
    runtime.block_on(bench.becomes_free());
}

#[test]
fn guard_may_outlive_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let bench = Bench::new();
    let first = runtime();
    let guard = first.block_on(bench.hold());
    drop(first);
    drop(guard);
    runtime().block_on(async {
        let other = bench.locks.lock(&PAYOUT.key(&8)).try_acquire().await.expect("memory answers");
        bench.becomes_free().await;
        drop(other);
    });
}

#[tokio::test]
async fn guard_may_outlive_its_locks() {
    let Bench { store, locks, .. } = Bench::new();
    let guard = locks.lock(&key()).try_acquire().await.expect("memory answers");
    drop(locks);
    drop(guard);
    let locks = Locks::new(store.clone());
    let again = locks.lock(&key()).wait(GUARD).acquire().await.expect("the janitor gave it back");
    assert_eq!(again.release().await.expect("memory answers"), Release::Released);
    drop(locks);
    // Only the renewer of the store goes on.
    until(async || store.tasks().running() <= 1).await;
}

#[tokio::test]
async fn held_lock_is_renewed_as_long_as_it_is_held() {
    let bench = Bench::new();
    let guard = bench.hold().await;
    for _ in 0..10 {
        bench.clock.advance(Duration::from_secs(10));
        until(async || Duration::from_secs(29) <= guard.valid_for()).await;
    }
    assert!(!bench.is_free().await);
    assert_eq!(guard.release().await.expect("memory answers"), Release::Released);
}

#[tokio::test]
async fn expired_guard_does_not_release_the_next_holder() {
    let bench = Bench::new();
    let late = bench.hold().await;
    bench.clock.advance(Duration::from_secs(30));
    let next = bench.hold().await;
    assert_eq!(late.release().await.expect("memory answers"), Release::Taken);
    assert_eq!(next.release().await.expect("memory answers"), Release::Released);

    let late = bench.hold().await;
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(late.release().await.expect("memory answers"), Release::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_two_holders_and_fences_rise() {
    let store = Store::memory();
    let processes = [Locks::new(store.clone()), Locks::new(store.clone()), Locks::new(store)];
    let (inside, last) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for task in 0..60 {
        let request = processes[task % processes.len()].lock(&key()).wait(Duration::from_secs(60));
        let (inside, last) = (Arc::clone(&inside), Arc::clone(&last));
        tasks.spawn(async move {
            let work = |fence: Fence| async move {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                tokio::task::yield_now().await;
                assert!(last.swap(fence.get(), Ordering::SeqCst) < fence.get(), "a fence that does not rise");
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1, "two holders");
            };
            if task % 3 == 0 {
                let guard = request.acquire().await.expect("its turn comes");
                work(guard.fence()).await;
            } else {
                request.with(|lease| work(lease.fence())).await.expect("its turn comes");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn steps_sent_again_do_the_same() {
    let bench = Bench::new();
    let (ours, theirs) = (Token::new("ours"), Token::new("theirs"));
    let acquire = Acquire::new(&key(), ours.clone(), TTL);
    let granted = async || match bench.store.run(&acquire).await.expect("memory answers") {
        Acquired::Granted { fence } => fence,
        busy @ Acquired::Busy { .. } => panic!("nobody else holds it: {busy:?}"),
    };
    let first = granted().await;
    bench.clock.advance(Duration::from_secs(1));
    // The first question may not have got as far as the fence.
    let fence = granted().await;
    assert!(first < fence);

    let release = GiveBack::new(&key(), ours.clone(), Some(fence));
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Released);
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Expired);
    let extend = Extend::new(&key(), ours, TTL);
    assert_eq!(bench.store.run(&extend).await.expect("memory answers"), [Renewal::Lost]);

    let next = bench.store.run(&Acquire::new(&key(), theirs, TTL)).await.expect("memory answers");
    assert!(matches!(next, Acquired::Granted { fence: next } if fence < next));
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Taken);
}
