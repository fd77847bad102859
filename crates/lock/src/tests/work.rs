//! Work under a lock, and how it ends.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::oneshot, task::JoinSet, time::timeout};

use super::{Bench, GUARD, key};
use crate::{LockError, Loss};

#[tokio::test]
async fn work_gets_the_lock_and_gives_it_back() {
    let bench = Bench::new();
    let fence = bench.lock().with(|lease| async move { (lease.fence(), lease.is_valid()) }).await;
    let (fence, is_valid) = fence.expect("it is free");
    assert!(is_valid && bench.is_free().await);
    assert!(fence < bench.hold().await.fence());
}

#[tokio::test]
async fn failed_work_gives_the_lock_back() {
    let bench = Bench::new();
    let outcome = bench.lock().with(|_| async { Err::<(), _>("no money") }).await;
    assert_eq!(outcome.expect("the lock was got"), Err("no money"));
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn panicking_work_gives_the_lock_back() {
    let bench = Bench::new();
    let request = bench.lock();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { request.with(|_| async { panic!("the work panics") }).await });
    let panicked: Result<Result<(), _>, _> = tasks.join_next().await.expect("there is a task");
    assert!(panicked.expect_err("it panicked").is_panic());
    bench.becomes_free().await;
}

#[tokio::test]
async fn cancelled_work_is_dropped_and_gives_the_lock_back() {
    let bench = Bench::new();
    let (alive, dropped) = alive();
    let (started, was_started) = oneshot::channel();
    let request = bench.lock();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let work = |_| async move {
            let _alive = alive;
            started.send(()).expect("the test waits for it");
            pending::<()>().await;
        };
        request.with(work).await
    });
    was_started.await.expect("the work starts");
    tasks.shutdown().await;
    assert!(dropped.load(Ordering::SeqCst));
    bench.becomes_free().await;
}

/// A value that tells when it is dropped.
fn alive() -> (impl Send, Arc<AtomicBool>) {
    struct Alive(Arc<AtomicBool>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    (Alive(Arc::clone(&dropped)), dropped)
}

/// Runs work that never ends under the lock while `harm` is done; answers how the work was ended.
async fn lose(bench: &Bench, harm: impl AsyncFnOnce()) -> Loss {
    let (alive, dropped) = alive();
    let (started, was_started) = oneshot::channel();
    let request = bench.lock();
    let work = request.with(|lease| async move {
        let _alive = alive;
        started.send(lease).expect("the test waits for it");
        pending::<()>().await;
    });
    let harm = async {
        let lease = was_started.await.expect("the work starts");
        harm().await;
        let told = lease.lost().await;
        assert!(!lease.is_valid());
        told
    };
    let (ended, told) = timeout(GUARD, async { tokio::join!(work, harm) }).await.expect("the work is ended");
    assert!(dropped.load(Ordering::SeqCst));
    let Err(LockError::Lost { cause, .. }) = ended else {
        panic!("the lock was lost, but the work got {ended:?}")
    };
    assert_eq!(cause, told);
    cause
}

#[tokio::test]
async fn work_is_dropped_when_the_lock_was_taken_away() {
    let bench = Bench::new();
    let cause = lose(&bench, async || {
        assert!(bench.locks.force_release(&key()).await.expect("memory answers").is_some());
        bench.clock.advance(Duration::from_secs(10));
    });
    assert_eq!(cause.await, Loss::Gone);
}

#[tokio::test]
async fn work_is_dropped_when_the_lease_ended_during_a_pause() {
    let bench = Bench::new();
    let cause = lose(&bench, async || bench.clock.advance(Duration::from_secs(30)));
    assert_eq!(cause.await, Loss::Expired);
}

#[tokio::test]
async fn work_that_is_ready_is_not_polled_after_the_lease() {
    let bench = Bench::new();
    let clock = bench.clock.clone();
    let request = bench.lock();
    let outcome = request.with(|_| async move {
        clock.advance(Duration::from_secs(30));
        tokio::task::yield_now().await;
        panic!("the lease is over");
    });
    let outcome: Result<(), _> = outcome.await;
    assert!(matches!(outcome, Err(LockError::Lost { cause: Loss::Expired, .. })));
}
