//! Locks of a store that is shut down.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::{Bench, GUARD, PAYOUT, key};
use crate::{Fence, LockError, Locks, Loss, successor::Handed, waiting::Asking};

#[tokio::test]
async fn shutdown_ends_the_work_and_releases_everything() {
    let bench = Bench::new();
    let request = bench.locks.lock(&PAYOUT.key(&8)).wait(GUARD);
    let (started, was_started) = oneshot::channel();
    let work = request.with(|_| async move {
        started.send(()).expect("the test waits for it");
        pending::<()>().await;
    });
    let idle = bench.hold().await;
    let shutdown = async {
        was_started.await.expect("the work starts");
        bench.store.shutdown(GUARD).await
    };
    let (ended, report) = tokio::join!(work, shutdown);
    assert!(matches!(ended, Err(LockError::Lost { cause: Loss::Shutdown, .. })));
    assert!(report.is_clean());
    assert_eq!(idle.lost().await, Loss::Shutdown);
    assert!(matches!(bench.lock().try_acquire().await, Err(LockError::ShuttingDown)));
    drop(idle);
}

#[tokio::test]
async fn lock_that_is_granted_while_the_handle_closes_is_given_back() {
    let bench = Bench::new();
    let (inner, request) = (&bench.locks.0, bench.lock());
    let place = inner.queues.line_up(&Arc::new(key()), false);
    let asking = Asking::begin(inner, &request);
    inner.closing.begin();
    let handed = Handed { fence: Fence::new(1), sent_at: bench.clock.instant() };
    assert!(matches!(asking.take(handed, &place), Err(LockError::ShuttingDown)));
    assert_eq!(bench.locks.pending_releases(), 1);
}

#[tokio::test]
async fn closed_store_says_that_it_does_not_answer() {
    let bench = Bench::new();
    assert!(bench.store.shutdown(Duration::ZERO).await.is_clean());
    let locks = Locks::new(bench.store.clone());
    assert!(matches!(locks.lock(&key()).try_acquire().await, Err(LockError::Unavailable(_))));
    assert!(matches!(locks.is_locked(&key()).await, Err(LockError::Unavailable(_))));
}
