//! How long a lock is held, and what asking for it may come to.

use std::{future::pending, time::Duration};

use redstart_keys::{Category, Entity, Ttl};

use crate::{LockError, Loss, Outcome, Release};

use super::{Bench, GUARD, TTL, key};

#[tokio::test]
async fn outcomes_are_values() {
    let bench = Bench::new();
    let Outcome::Acquired(held) = bench.lock().outcome().await.expect("memory answers") else {
        panic!("it is free")
    };
    let busy = bench.lock().wait(Duration::ZERO).outcome().await.expect("memory answers");
    assert!(matches!(busy, Outcome::Busy { expires_in: Some(left) } if left == TTL.as_duration()));
    let waited = Duration::from_millis(10);
    let timed_out = bench.lock().wait(waited).outcome().await.expect("memory answers");
    assert!(matches!(timed_out, Outcome::TimedOut { waited: told } if told == waited));
    assert_eq!(held.release().await.expect("memory answers"), Release::Released);
}

#[tokio::test]
async fn errors_name_the_lock_and_no_sensitive_id() {
    const LOGIN: Entity<u64> = Entity::new(Category::Lock, "login").ttl(Ttl::minutes(5)).sensitive();
    let bench = Bench::new();
    for (lock, name) in [(key(), "lock:payout:{7}"), (LOGIN.key(&4711), "lock:login:{***}")] {
        let request = bench.locks.lock(&lock).max_hold(Duration::from_secs(1));
        let held = request.try_acquire().await.expect("memory answers").expect("it is free");
        let busy = request.clone().wait(Duration::ZERO).acquire().await.expect_err("it is held");
        assert_eq!(busy.to_string(), format!("another holds {name}"));
        let late = request.clone().wait(Duration::from_millis(5)).acquire().await.expect_err("it is held");
        assert_eq!(late.to_string(), format!("another held {name} for all of 5ms"));
        drop(held);
        let lost = request.with(|_| async {
            bench.clock.advance(Duration::from_secs(2));
            pending::<()>().await
        });
        let lost = lost.await.expect_err("it may be held for a second");
        assert_eq!(lost.to_string(), format!("{name} was lost while held: held_too_long"));
        assert!(!format!("{busy:?} {late:?} {lost:?}").contains("4711"));
    }
}

#[tokio::test]
async fn lock_is_lost_when_it_was_held_for_as_long_as_it_may_be() {
    let bench = Bench::new();
    let request = bench.lock().max_hold(Duration::from_secs(50));
    let guard = request.acquire().await.expect("it is free");
    for _ in 0..5 {
        assert!(!guard.valid_for().is_zero());
        bench.clock.advance(Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(guard.lost().await, Loss::HeldTooLong);
    assert!(!bench.is_free().await, "until it is given back");
    assert_eq!(guard.release().await.expect("memory answers"), Release::Released);
    let stuck = request.with(|_| async {
        bench.clock.advance(Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
        bench.clock.advance(Duration::from_secs(29));
        tokio::time::sleep(Duration::from_millis(20)).await;
        bench.clock.advance(Duration::from_secs(1));
        pending::<()>().await;
    });
    let stuck = tokio::time::timeout(GUARD, stuck).await.expect("it is ended");
    assert!(matches!(stuck, Err(LockError::Lost { cause: Loss::HeldTooLong, .. })), "{stuck:?}");
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn held_and_waited_for_locks_are_listed() {
    let bench = Bench::new();
    assert!(bench.locks.held().is_empty() && bench.locks.waiting().is_empty());
    let guard = bench.hold().await;
    bench.clock.advance(Duration::from_secs(3));
    let held = bench.locks.held();
    assert_eq!((held.len(), &held[0].lock, held[0].fence), (1, &key(), guard.fence()));
    assert_eq!(held[0].held_for, Duration::from_secs(3));
    let request = bench.lock();
    let mut waiting = std::pin::pin!(request.acquire());
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(bench.locks.waiting(), [(key(), 1)]);
    let holder = bench.locks.holder(&key()).await.expect("memory answers").expect("it is held");
    assert_eq!((holder.owner.as_str(), holder.waiting), (bench.locks.name(), 1));
    guard.release().await.expect("memory answers");
    drop(waiting.await.expect("its turn comes"));
}
