//! Counters: what happened how often, and when.

mod bucket;
mod buffer;
mod flush;
#[cfg(test)]
mod tests;
mod visitors;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use metrics::counter;
use redstart_connection::{BoxFuture, Error, Store, Timestamp, names};
use redstart_keys::{Entity, Id, Key, Ttl};

use self::buffer::Buffer;
pub use self::{bucket::Bucket, flush::Flushed, visitors::Visitors};
use crate::{
    operations::{ReadCounts, ReadTop},
    secret::unique,
};

/// The most keys of which something may wait to be sent.
const MOST_KEYS: usize = 100_000;

/// Counts what happens, by its id and its time.
///
/// [`add`](Self::add) only adds up in this process, and costs no round trip; every second all that was added
/// is sent, and what is sent twice counts once. Counts are kept apart by the minute, the hour or the day
/// ([`Bucket`]), for as long as the TTL of the declaration says.
///
/// # What may be lost
///
/// A process that crashes loses what it counted in the last second, or since Redis went away. While Redis is
/// away counts wait in the process, for at most 100,000 ids; those of further ids are dropped, which the
/// metric `redstart_counter_dropped_total` tells. A shutdown of the store sends what waits.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_state::Counters;
///
/// const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let views = Counters::new(&Store::memory(), &VIEWS).with_top(100);
/// views.add(&42, 2);
/// views.add(&7, 1);
/// views.flush().await;
/// assert_eq!(views.total(&42, Duration::from_secs(3600)).await?, 2);
/// assert_eq!(views.top(1, Duration::from_secs(3600)).await?, [("42".to_owned(), 2)]);
/// # Ok(()) }
/// ```
pub struct Counters<I>(Arc<Inner<I>>);

pub(crate) struct Inner<I> {
    store: Store,
    entity: Entity<I>,
    bucket: Bucket,
    retention: Ttl,
    every: Duration,
    most: u32,
    writer: String,
    waiting: Mutex<Waiting>,
    /// Held while batches are sent: those of one writer come one after the other.
    sending: tokio::sync::Mutex<()>,
    is_sending: AtomicBool,
}

/// What has been counted and not been sent.
pub(crate) struct Waiting {
    counts: Buffer<u64>,
    tops: Buffer<String>,
}

impl<I: Id + Sync + 'static> Counters<I> {
    /// Counters kept in `store` under the keys of `entity`, by the hour, for as long as its TTL says; a day
    /// where it has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<I>) -> Self {
        let waiting = Waiting { counts: Buffer::new(MOST_KEYS), tops: Buffer::new(MOST_KEYS) };
        Self(Arc::new(Inner {
            store: store.clone(),
            entity: *entity,
            bucket: Bucket::Hour,
            retention: entity.ttl().unwrap_or(Ttl::days(1)),
            every: Duration::from_secs(1),
            most: 0,
            writer: unique(),
            waiting: Mutex::new(waiting),
            sending: tokio::sync::Mutex::new(()),
            is_sending: AtomicBool::new(false),
        }))
    }

    /// Counts apart by the minute, the hour or the day. Defaults to the hour.
    #[must_use]
    pub fn by(self, bucket: Bucket) -> Self {
        self.with(|inner| inner.bucket = bucket)
    }

    /// Sends what was counted every so often. Defaults to a second.
    #[must_use]
    pub fn flushing_every(self, every: Duration) -> Self {
        self.with(|inner| inner.every = every.max(Duration::from_millis(1)))
    }

    /// Keeps a ranking of the `most` ids that were counted most in each bucket. Defaults to none.
    ///
    /// With more different ids than that in a bucket, those at the end of the ranking come and go, and have
    /// counts that are too small: let it be several times what is asked for. There is no ranking of
    /// sensitive ids, which the server must not see.
    #[must_use]
    pub fn with_top(self, most: u32) -> Self {
        self.with(|inner| inner.most = most)
    }

    /// Counts something that happened just now.
    pub fn add(&self, id: &I, count: u64) {
        let inner = &*self.0;
        if count == 0 {
            return;
        }
        let (key, bucket) = (inner.entity.key(id), inner.bucket.at(inner.store.clock().now()));
        let member = key.id().filter(|_| inner.most > 0).and_then(redstart_keys::unescape).map(Into::into);
        let has_room = {
            let mut waiting = inner.waiting();
            if let Some(member) = member {
                waiting.tops.add(inner.top_key(bucket), member, count);
            }
            waiting.counts.add(key, bucket, count)
        };
        if !has_room {
            counter!(names::COUNTER_DROPPED, "counter" => inner.entity.name()).increment(count);
        }
        self.ensure_sending();
    }

    /// How often something happened within `span` until now, in whole buckets: the present one and as many
    /// before it as `span` reaches into.
    ///
    /// What no process has sent yet is not in it.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn total(&self, id: &I, span: Duration) -> Result<u64, Error> {
        let now = self.0.store.clock().now();
        let counts = self.range(id, now.saturating_sub(span), now).await?;
        Ok(counts.into_iter().map(|(_, count)| count).fold(0, u64::saturating_add))
    }

    /// The count of each bucket between two moments, each with when it began, the oldest first.
    ///
    /// What is older than the counts are kept is left out.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn range(
        &self,
        id: &I,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, u64)>, Error> {
        let inner = &*self.0;
        let (from, to) = inner.buckets(from, to);
        if to < from {
            return Ok(Vec::new());
        }
        let counts = inner.store.run(&ReadCounts::new(inner.entity.key(id), from, to)).await?;
        Ok(counts.into_iter().map(|(bucket, count)| (inner.bucket.begin(bucket), count)).collect())
    }

    /// The ids that were counted most within `span` until now, as texts, the most counted first.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn top(&self, most: u32, span: Duration) -> Result<Vec<(String, u64)>, Error> {
        let inner = &*self.0;
        let now = inner.store.clock().now();
        let (from, to) = inner.buckets(now.saturating_sub(span), now);
        let reads =
            (from..=to).map(|bucket| {
                let key = inner.top_key(bucket);
                // One bucket alone decides; of several, one that is second in each may be first in all.
                async move {
                    inner.store.run(&ReadTop::new(key, if from == to { most } else { inner.most })).await
                }
            });
        let mut all = std::collections::HashMap::<String, u64>::new();
        for top in futures_util::future::join_all(reads).await {
            for (member, count) in top? {
                *all.entry(member).or_default() += count;
            }
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        all.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(all)
    }

    /// Changes what was just made, and nobody else has.
    fn with(mut self, change: impl FnOnce(&mut Inner<I>)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Sends in the background from the first count on, and at the shutdown.
    fn ensure_sending(&self) {
        let inner = &self.0;
        if inner.is_sending.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        let (weak, every) = (Arc::downgrade(inner), inner.every);
        let sends = inner.store.tasks().spawn("counter.flush", async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(inner) = weak.upgrade() else { return };
                inner.flush().await;
            }
        });
        if !sends {
            // Outside a runtime; the next count tries again.
            inner.is_sending.store(false, std::sync::atomic::Ordering::SeqCst);
            return;
        }
        let weak = Arc::downgrade(inner);
        inner.store.on_shutdown(move || {
            let flush: BoxFuture<'static, ()> = Box::pin(async move {
                if let Some(inner) = weak.upgrade() {
                    inner.flush().await;
                }
            });
            flush
        });
    }
}

impl<I: Id> Inner<I> {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Every change under this lock is complete before anything could panic.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn top_key(&self, bucket: u64) -> Key {
        Key::namespace(self.entity.category(), self.entity.name(), "top").numbered("at", bucket)
    }

    /// The oldest bucket that is kept.
    fn oldest(&self) -> u64 {
        let newest = self.bucket.at(self.store.clock().now());
        newest.saturating_sub(self.bucket.covering(self.retention.as_duration()))
    }

    /// How long a key lives after it was written: its newest bucket is kept to its end.
    fn keep(&self) -> Ttl {
        let keep = self.retention.as_duration().saturating_add(self.bucket.length());
        Ttl::new(keep).unwrap_or(self.retention)
    }

    fn buckets(&self, from: Timestamp, to: Timestamp) -> (u64, u64) {
        let newest = self.bucket.at(self.store.clock().now());
        (self.bucket.at(from).max(self.oldest()), self.bucket.at(to).min(newest))
    }
}

impl<I> Clone for Counters<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I> fmt::Debug for Counters<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counters({:?}, by the {:?})", self.0.entity, self.0.bucket)
    }
}
