//! Values that refuse to be overwritten by a holder of the past.

use bytes::Bytes;
use redstart_connection::{Result, Store};
use redstart_keys::{Key, Ttl};

use crate::{
    Fence,
    operations::{ReadFenced, WriteFenced},
};

/// A value on the store that keeps the largest fence under which it was written, and refuses smaller ones.
///
/// So it is safe even from a holder that was paused, lost its lock without knowing, and goes on to write.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_lock::{FencedCell, Locks, Written};
///
/// const TOTAL: Entity<u64> = Entity::new(Category::Lock, "total").ttl(Ttl::hours(24));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::memory();
/// let locks = Locks::new(store.clone());
/// let total = FencedCell::new(store, &TOTAL.key(&2026), Ttl::hours(24));
///
/// let late = locks.lock(&TOTAL.key(&2026)).with(|lease| async move { lease.fence() }).await?;
/// let now = locks.lock(&TOTAL.key(&2026)).with(|lease| async move { lease.fence() }).await?;
/// assert_eq!(total.write(now, "1").await?, Written::Stored);
/// assert_eq!(total.write(late, "2").await?, Written::Refused { newest: now });
/// assert_eq!(total.read().await?.map(|(_, value)| value), Some("1".into()));
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// It remembers the fence for its TTL after the last write: let that be longer than any holder may be
/// paused. A server that evicts forgets it sooner.
#[derive(Clone, Debug)]
pub struct FencedCell {
    store: Store,
    key: Key,
    ttl: Ttl,
}

/// What became of a value that was written under a fence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Written {
    /// It is the value now.
    Stored,
    /// A later holder has written already.
    Refused {
        /// The largest fence that has written.
        newest: Fence,
    },
}

impl FencedCell {
    /// The cell beside `key`, which may be the lock's own; it lives for `ttl` after each write.
    #[must_use]
    pub fn new(store: Store, key: &Key, ttl: Ttl) -> Self {
        Self { store, key: key.companion("cell"), ttl }
    }

    /// Stores the value unless one was written under a larger fence.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the value may have been stored.
    pub async fn write(&self, fence: Fence, value: impl Into<Bytes>) -> Result<Written> {
        self.store.run(&WriteFenced::new(&self.key, fence, value.into(), self.ttl)).await
    }

    /// The value and the fence under which it was written; none before the first.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn read(&self) -> Result<Option<(Fence, Bytes)>> {
        self.store.run(&ReadFenced::new(&self.key)).await
    }
}
