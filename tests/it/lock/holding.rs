//! Held, dropped, lost and given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_connection::Store;
use redstart_keys::Ttl;
use redstart_lock::{LockError, Locks};
use redstart_testkit::{eventually, shared};
use tokio::task::JoinSet;

use super::PAYOUT;
use crate::support::{GUARD, config, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_hold_it_and_fences_rise() {
    let config = config();
    let instances = [0, 1, 2].map(|_| Locks::new(Store::lazy(&config).unwrap()));
    let (inside, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    let mut actors = JoinSet::new();
    for turn in 0..30 {
        let (locks, inside, last) = (instances[turn % 3].clone(), Arc::clone(&inside), Arc::clone(&last));
        actors.spawn(async move {
            for _ in 0..5 {
                let guard = locks.lock(&PAYOUT.key(&1)).wait(GUARD).acquire().await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                let fence = guard.fence().get();
                assert!(last.swap(fence, Ordering::SeqCst) < fence, "a fence went back");
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                guard.release().await.unwrap();
            }
        });
    }
    while let Some(actor) = actors.join_next().await {
        actor.unwrap();
    }
}

#[tokio::test]
async fn dropped_guard_gives_the_lock_back() {
    let store = store();
    let locks = Locks::new(store.clone());
    drop(locks.lock(&PAYOUT.key(&1)).acquire().await.unwrap());
    eventually(GUARD, async || !locks.is_locked(&PAYOUT.key(&1)).await.unwrap()).await;
}

#[tokio::test]
async fn cancelled_and_panicking_work_gives_the_lock_back() {
    let locks = Locks::new(store());
    let free = async || eventually(GUARD, async || !locks.is_locked(&PAYOUT.key(&1)).await.unwrap()).await;
    let request = locks.lock(&PAYOUT.key(&1));
    let endless = request.with(|_| std::future::pending::<()>());
    assert!(tokio::time::timeout(Duration::from_millis(100), endless).await.is_err());
    free().await;
    let mut panicking = JoinSet::new();
    let theirs = locks.clone();
    panicking.spawn(async move {
        let work = theirs.lock(&PAYOUT.key(&1));
        let work = work.with(|_| async { panic!("boom") });
        drop::<Result<(), LockError>>(work.await);
    });
    assert!(panicking.join_next().await.unwrap().unwrap_err().is_panic());
    free().await;
}

#[tokio::test]
async fn long_work_keeps_its_lease() {
    let config = config();
    let (holder, other) =
        (Locks::new(Store::lazy(&config).unwrap()), Locks::new(Store::lazy(&config).unwrap()));
    let guard = holder.lock(&PAYOUT.key(&1)).ttl(Ttl::seconds(2)).acquire().await.unwrap();
    // More than two leases long nobody else gets it.
    for _ in 0..18 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert!(other.lock(&PAYOUT.key(&1)).try_acquire().await.unwrap().is_none());
    }
    assert!(guard.valid_for() > Duration::ZERO);
    guard.release().await.unwrap();
    assert!(other.lock(&PAYOUT.key(&1)).try_acquire().await.unwrap().is_some());
}

#[tokio::test]
async fn lost_lock_drops_the_work() {
    let store = store();
    let locks = Locks::new(store.clone());
    let request = locks.lock(&PAYOUT.key(&1)).ttl(Ttl::millis(600));
    let prefix = store.prefix().as_str().to_owned();
    let outcome = tokio::time::timeout(
        GUARD,
        request.with(|_| async move {
            // Somebody deletes the lock behind our back.
            shared().raw().delete_keys(&prefix);
            std::future::pending::<()>().await;
        }),
    );
    let error = outcome.await.expect("the renewal finds out").expect_err("the work did not end by itself");
    assert!(matches!(error, LockError::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn shutdown_gives_held_locks_back() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    let locks = Locks::new(store.clone());
    let guard = locks.lock(&PAYOUT.key(&1)).acquire().await.unwrap();
    assert!(store.shutdown(GUARD).await.is_clean());
    drop(guard);
    let other = Locks::new(Store::lazy(&config).unwrap());
    assert!(other.lock(&PAYOUT.key(&1)).try_acquire().await.unwrap().is_some());
}

#[tokio::test]
async fn every_key_of_a_lock_ends() {
    let store = store();
    let locks = Locks::new(store.clone());
    let guard = locks.lock(&PAYOUT.key(&1)).acquire().await.unwrap();
    assert!(shared().raw().keys_without_ttl(store.prefix().as_str()).is_empty());
    guard.release().await.unwrap();
    assert!(shared().raw().keys_without_ttl(store.prefix().as_str()).is_empty());
}
