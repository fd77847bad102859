//! Hostile names, crowds, and work that breaks down.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Bench, GUARD, key, until};
use crate::Locks;

#[tokio::test]
async fn name_of_a_process_is_bounded_and_cannot_pass_for_another_part_of_the_token() {
    let bench = Bench::new();
    let hostile = format!("\n\u{0}a-b:{{c}}*\r\n-{}", "x".repeat(1_000));
    let locks = Locks::named(bench.store.clone(), &hostile);
    let guard = locks.lock(&key()).acquire().await.expect("it is free");
    let holder = bench.locks.holder(&key()).await.expect("memory answers").expect("it is held");
    assert_eq!(holder.owner, format!("a-b:{{c}}*-{}", "x".repeat(64 - 9)));
    drop(guard);
}

#[tokio::test]
async fn ten_thousand_waiters_of_which_every_other_goes_away_all_get_it_in_turn() {
    const CROWD: usize = 10_000;
    let bench = Bench::new();
    let guard = bench.hold().await;
    let mut staying = JoinSet::new();
    let mut going = JoinSet::new();
    for waiter in 0..CROWD {
        let request = bench.lock().wait(GUARD * 6);
        let wait = async move { request.acquire().await.expect("its turn comes").release().await };
        let crowd = if waiter % 2 == 0 { &mut staying } else { &mut going };
        crowd.spawn(wait);
    }
    until(async || bench.locks.waiting().iter().map(|(_, tasks)| tasks).sum::<usize>() == CROWD).await;
    going.shutdown().await;
    guard.release().await.expect("memory answers");
    let served = staying.join_all().await;
    assert_eq!(served.into_iter().filter(Result::is_ok).count(), CROWD / 2);
    assert!(bench.locks.waiting().is_empty() && bench.locks.held().is_empty());
    until(async || bench.locks.pending_releases() == 0).await;
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn closure_that_panics_before_there_is_any_work_gives_the_lock_back() {
    let bench = Bench::new();
    let request = bench.lock();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let broken = |_| -> std::future::Ready<()> { panic!("there will be no work") };
        request.with(broken).await
    });
    assert!(tasks.join_next().await.expect("there is a task").expect_err("it panicked").is_panic());
    bench.becomes_free().await;
    assert!(bench.locks.held().is_empty());
}

#[tokio::test]
async fn waiter_that_is_dropped_with_the_lock_in_its_hands_gives_it_back() {
    let bench = Bench::new();
    let guard = bench.hold().await;
    let request = bench.lock();
    let mut waiting = Box::pin(request.acquire());
    let asks = tokio::time::timeout(Duration::from_millis(1), &mut waiting);
    assert!(asks.await.is_err());
    // From here on the lock is the waiter's, which is not polled any more.
    guard.release().await.expect("memory answers");
    drop(waiting);
    bench.becomes_free().await;
}
