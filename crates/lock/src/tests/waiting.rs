//! Waiting for a lock that another holds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_keys::Ttl;
use tokio::{task::JoinSet, time::timeout};

use super::{Bench, GUARD, key};
use crate::{
    LockError, Locks, Release,
    operations::{Acquire, Token},
};

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order_and_woken_at_once() {
    let bench = Bench::new();
    let guard = bench.hold().await;
    let order = Arc::new(AtomicU64::new(0));
    let mut waiters = JoinSet::new();
    for turn in 0..5 {
        let (request, order) = (bench.lock(), Arc::clone(&order));
        waiters.spawn(async move {
            let guard = request.acquire().await.expect("its turn comes");
            assert_eq!(order.fetch_add(1, Ordering::SeqCst), turn);
            guard.release().await.expect("memory answers");
        });
        tokio::task::yield_now().await;
    }
    // Long enough that a poll would come late.
    tokio::time::advance(Duration::from_secs(2)).await;
    guard.release().await.expect("memory answers");
    timeout(Duration::from_millis(2), waiters.join_all()).await.expect("nobody waits for a poll");
    assert!(bench.locks.0.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_its_deadline_and_leaves_the_line() {
    let bench = Bench::new();
    let _held = bench.hold().await;
    let waited = bench.lock().wait(Duration::from_secs(3)).acquire().await;
    assert!(matches!(waited, Err(LockError::TimedOut { waited, .. }) if waited == Duration::from_secs(3)));
    assert!(bench.locks.0.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn lock_whose_holder_died_is_asked_for_when_its_lease_ends() {
    let bench = Bench::new();
    let lease = Ttl::millis(100);
    bench.store.run(&Acquire::new(&key(), Token::new("dead"), lease)).await.expect("memory answers");
    let (request, longest) = (bench.lock(), lease.as_duration() + Duration::from_millis(2));
    let (got, ()) = tokio::join!(timeout(longest, request.acquire()), async {
        tokio::time::sleep(lease.as_duration()).await;
        bench.clock.advance(lease.as_duration());
    });
    assert!(got.expect("it waits for no poll").is_ok());
}

#[tokio::test]
async fn waiter_of_another_handle_gets_the_lock() {
    let bench = Bench::new();
    let other = Locks::new(bench.store.clone());
    let held = other.lock(&key()).try_acquire().await.expect("memory answers").expect("it is free");
    let request = bench.lock();
    let (waited, released) = tokio::join!(timeout(GUARD, request.acquire()), held.release());
    assert_eq!(released.expect("memory answers"), Release::Released);
    assert!(waited.expect("it is got").is_ok());
}
