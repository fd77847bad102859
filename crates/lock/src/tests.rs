mod attacked;
mod closing;
mod handing;
mod holding;
mod interleavings;
mod limits;
mod quorum;
mod waiting;
mod work;

use std::time::Duration;

use redstart_connection::{Clock, Config, Store, Timestamp};
use redstart_keys::{Category, Entity, Key, Ttl};
use tokio::{task::yield_now, time::timeout};

use crate::{Guard, LockRequest, Locks, Release};

const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
pub(crate) const TTL: Ttl = Ttl::seconds(30);
/// What a deadlocked test waits for, far above what any of them takes.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

struct Bench {
    clock: Clock,
    store: Store,
    locks: Locks,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let store = Store::memory_with(clock.clone());
        Self { locks: Locks::new(store.clone()), store, clock }
    }

    fn lock(&self) -> LockRequest {
        self.locks.lock(&key()).ttl(TTL).wait(GUARD)
    }

    async fn hold(&self) -> Guard {
        self.lock().try_acquire().await.expect("memory answers").expect("it is free")
    }

    async fn is_free(&self) -> bool {
        !self.locks.is_locked(&key()).await.expect("memory answers")
    }

    /// Waits in line until the lock is given back.
    async fn becomes_free(&self) {
        let got = self.lock().acquire().await.expect("it is given back");
        assert_eq!(got.release().await.expect("memory answers"), Release::Released);
    }
}

pub(crate) fn key() -> Key {
    PAYOUT.key(&7)
}

/// A store whose server refuses every connection.
pub(crate) fn away() -> Store {
    let config = Config::from_url("redis://127.0.0.1:1").expect("it is a URL");
    Store::lazy(&config).expect("it connects later")
}

/// Lets the others run until `condition` holds.
#[expect(clippy::future_not_send, reason = "the tests await it where they stand")]
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let reached = async {
        while !condition().await {
            yield_now().await;
        }
    };
    timeout(GUARD, reached).await.expect("it comes about");
}
