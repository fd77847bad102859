//! A lock over several stores.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Clock, Store, Timestamp};
use tokio::{task::JoinSet, time::timeout};

use crate::{Fence, LockError, Locks, Loss, QuorumLocks, Release};

use super::{GUARD, TTL, key, until};

struct Site {
    clock: Clock,
    stores: Vec<Store>,
}

impl Site {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        Self { stores: (0..3).map(|_| Store::memory_with(clock.clone())).collect(), clock }
    }

    fn locks(&self) -> QuorumLocks {
        QuorumLocks::new(self.stores.iter().cloned())
    }

    /// Takes the lock of one store for somebody else.
    async fn occupy(&self, store: usize) -> crate::Guard {
        let locks = Locks::new(self.stores[store].clone());
        locks.lock(&key()).ttl(TTL).try_acquire().await.expect("memory answers").expect("it is free")
    }
}

#[tokio::test]
async fn majority_is_enough_and_less_is_not() {
    let site = Site::new();
    let request = site.locks().lock(&key()).ttl(TTL).wait(Duration::ZERO);
    let _one = site.occupy(0).await;
    let guard = request.acquire().await.expect("two of three are free");
    assert!(matches!(request.acquire().await, Err(LockError::Busy { .. })));
    assert_eq!(guard.release().await.expect("memory answers"), Release::Released);
    let _two = site.occupy(1).await;
    assert!(matches!(request.acquire().await, Err(LockError::Busy { .. })));
    // What the minority granted was given back, or the next would not find it free.
    let third = Locks::new(site.stores[2].clone());
    // rslock leaves it to its TTL.
    until(async || !third.is_locked(&key()).await.expect("memory answers")).await;
}

#[tokio::test]
async fn fences_rise_though_each_majority_is_another() {
    let site = Site::new();
    let locks = site.locks();
    // One store's fences are far ahead of the others'.
    let ahead = Store::memory_with(Clock::manual(Timestamp::from_micros(1_900_000_000_000_000)));
    let mixed = QuorumLocks::new([site.stores[0].clone(), site.stores[1].clone(), ahead]);
    let mut last = Fence::new(0);
    for (round, busy) in [2_usize, 1, 0, 2].into_iter().enumerate() {
        let which = if round % 2 == 0 { &mixed } else { &locks };
        let occupied = if busy < 2 { Some(site.occupy(busy).await) } else { None };
        let guard = which.lock(&key()).ttl(TTL).acquire().await.expect("a majority is free");
        assert!(last < guard.fence(), "round {round}");
        last = guard.fence();
        guard.release().await.expect("memory answers");
        if let Some(occupied) = occupied {
            occupied.release().await.expect("memory answers");
        }
    }
}

#[tokio::test]
async fn lock_is_renewed_on_a_majority_and_lost_without_one() {
    let site = Site::new();
    let guard = site.locks().lock(&key()).ttl(TTL).acquire().await.expect("it is free");
    let operator = |store: usize| Locks::new(site.stores[store].clone());
    operator(0).force_release(&key()).await.expect("memory answers");
    site.clock.advance(Duration::from_secs(10));
    // Two of three keep it.
    until(async || Duration::from_secs(29) <= guard.valid_for()).await;
    operator(1).force_release(&key()).await.expect("memory answers");
    site.clock.advance(Duration::from_secs(10));
    assert_eq!(timeout(GUARD, guard.lost()).await.expect("it is told"), Loss::Gone);
    assert_eq!(guard.release().await.expect("memory answers"), Release::Expired);
}

#[tokio::test]
async fn stores_that_are_away_are_told_from_those_that_are_busy() {
    let site = Site::new();
    let request = site.locks().lock(&key()).ttl(TTL).wait(Duration::ZERO);
    assert!(site.stores[0].shutdown(Duration::ZERO).await.is_clean());
    let guard = request.acquire().await.expect("two of three answer");
    assert_eq!(guard.release().await.expect("most answer"), Release::Released);
    assert!(site.stores[1].shutdown(Duration::ZERO).await.is_clean());
    assert!(matches!(request.acquire().await, Err(LockError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_hold_a_majority() {
    let site = Site::new();
    let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (locks, inside) = (site.locks(), Arc::clone(&inside));
        tasks.spawn(async move {
            for _ in 0..5 {
                let guard =
                    locks.lock(&key()).ttl(TTL).wait(GUARD * 3).acquire().await.expect("its turn comes");
                assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0, "two holders");
                tokio::task::yield_now().await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                guard.release().await.expect("memory answers");
            }
        });
    }
    tasks.join_all().await;
}
