//! How many different visitors there were.

use std::{fmt, time::Duration};

use redstart_connection::{Error, Store};
use redstart_keys::{Entity, Id, Key, Ttl};

use super::Bucket;
use crate::{
    Digest,
    operations::{CountVisitors, SeeVisitors},
};

/// Counts different visitors, about: a HyperLogLog with a standard error of 0.81 % for each bucket.
///
/// It takes 12 KiB at most for each id and bucket, however many visitors there are, and no visitor can be
/// found in it. Unlike [`Counters`](super::Counters) each call asks the store, since nobody counts twice.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_state::Visitors;
///
/// const SEEN: Entity<u64> = Entity::new(Category::Counter, "visitors").ttl(Ttl::days(7));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let visitors = Visitors::new(&Store::memory(), &SEEN);
/// for visitor in ["ada", "eve", "ada"] {
///     visitors.see(&42, &[visitor]).await?;
/// }
/// assert_eq!(visitors.count(&42, Duration::from_secs(3600)).await?, 2);
/// # Ok(()) }
/// ```
pub struct Visitors<I> {
    store: Store,
    entity: Entity<I>,
    bucket: Bucket,
    retention: Ttl,
}

impl<I: Id + Sync> Visitors<I> {
    /// Visitors kept in `store` under the keys of `entity`, by the day, for as long as its TTL says; a day
    /// where it has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<I>) -> Self {
        let retention = entity.ttl().unwrap_or(Ttl::days(1));
        Self { store: store.clone(), entity: *entity, bucket: Bucket::Day, retention }
    }

    /// Keeps them apart by the minute, the hour or the day. Defaults to the day.
    #[must_use]
    pub const fn by(mut self, bucket: Bucket) -> Self {
        self.bucket = bucket;
        self
    }

    /// Notes visitors of what has this id, at most some thousand at once.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; whoever comes again is noted then.
    pub async fn see(&self, id: &I, visitors: &[&str]) -> Result<(), Error> {
        let key = self.key(id, self.bucket.at(self.store.clock().now()));
        let visitors = visitors.iter().map(|visitor| Digest::of(&[visitor.as_bytes()])).collect();
        let keep = self.retention.as_duration().saturating_add(self.bucket.length());
        let keep = Ttl::new(keep).unwrap_or(self.retention);
        self.store.run(&SeeVisitors::new(key, visitors, keep)).await.map(drop)
    }

    /// How many different visitors there were within `span` until now, about, in whole buckets.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn count(&self, id: &I, span: Duration) -> Result<u64, Error> {
        let now = self.store.clock().now();
        let newest = self.bucket.at(now);
        let oldest = newest.saturating_sub(self.bucket.covering(self.retention.as_duration()));
        let from = self.bucket.at(now.saturating_sub(span)).max(oldest);
        let keys = (from..=newest).map(|bucket| self.key(id, bucket)).collect();
        self.store.run(&CountVisitors::new(keys)).await
    }

    fn key(&self, id: &I, bucket: u64) -> Key {
        self.entity.key(id).numbered("seen", bucket)
    }
}

impl<I> Clone for Visitors<I> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), ..*self }
    }
}

impl<I> fmt::Debug for Visitors<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Visitors({:?}, by the {:?})", self.entity, self.bucket)
    }
}
