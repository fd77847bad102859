//! Every await point is a place where a caller may go away.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use redstart_testkit::eventually;
use tokio::{task::yield_now, time::sleep};

use super::{key, process, request};
use crate::support::{GUARD, config};

/// Many round trips.
const SETTLED: Duration = Duration::from_millis(20);

/// Runs `work` and drops it when it has to wait for the `n`th time, after `pause`; answers whether it
/// came to its end before.
///
/// Dropped without a pause, a question is not sent; after one, its answer has come and nobody looks at it.
pub(super) async fn ends_before(n: usize, pause: Duration, work: impl Future) -> bool {
    let (mut work, mut waits) = (pin!(work), 0);
    let ended = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending if waits == n => Poll::Ready(false),
        Poll::Pending => {
            waits += 1;
            Poll::Pending
        }
    })
    .await;
    sleep(pause).await;
    ended
}

/// Drops `work` at each await in turn until it comes to its end; each time the lock must be free soon, long
/// before its lease is over.
async fn drop_at_each<T>(work: impl AsyncFn(redstart_lock::Locks) -> T) {
    let config = config();
    for (n, pause) in (0..).flat_map(|n| [(n, Duration::ZERO), (n, SETTLED)]) {
        // A process of its own each time, so that the first await is that for a connection as well.
        let (locks, watch) = (process(&config), process(&config));
        let ended = ends_before(n, pause, work(locks.clone())).await;
        // What was on its way arrives: looked at before, the lock would be free for the wrong reason.
        sleep(SETTLED).await;
        eventually(GUARD, async || !watch.is_locked(&key()).await.unwrap()).await;
        eventually(GUARD, async || locks.held().is_empty() && locks.pending_releases() == 0).await;
        assert!(locks.waiting().is_empty());
        if ended {
            assert!(0 < n, "it never had to wait");
            return;
        }
    }
}

#[tokio::test]
async fn acquire_may_be_dropped_at_every_await() {
    drop_at_each(async |locks| drop(request(&locks).acquire().await.unwrap())).await;
}

#[tokio::test]
async fn try_acquire_may_be_dropped_at_every_await() {
    drop_at_each(async |locks| drop(request(&locks).try_acquire().await.unwrap())).await;
}

#[tokio::test]
async fn release_may_be_dropped_at_every_await() {
    drop_at_each(async |locks| {
        let guard = request(&locks).acquire().await.unwrap();
        guard.release().await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn work_may_be_dropped_at_every_await() {
    drop_at_each(async |locks| {
        let work = async |_| {
            for _ in 0..3 {
                yield_now().await;
            }
        };
        request(&locks).with(work).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn waiting_may_be_dropped_at_every_await() {
    let config = config();
    let holder = process(&config);
    for n in 0..7 {
        let guard = request(&holder).acquire().await.unwrap();
        let waiter = process(&config);
        assert!(!ends_before(n, SETTLED, request(&waiter).fair().acquire()).await);
        sleep(SETTLED).await;
        guard.release().await.unwrap();
        // Neither the lock nor a place in its line is left behind: a fair request gets it at once.
        eventually(GUARD, async || waiter.pending_releases() == 0).await;
        let next = eventually_fair(&holder).await;
        next.release().await.unwrap();
    }
}

async fn eventually_fair(locks: &redstart_lock::Locks) -> redstart_lock::Guard {
    let mut got = None;
    eventually(GUARD, async || {
        got = request(locks).fair().try_acquire().await.unwrap();
        got.is_some()
    })
    .await;
    got.unwrap()
}
