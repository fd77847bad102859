//! Invalidations that are due at a moment to come, kept by the store.

mod keeper;
mod work;

use std::{hash::Hash, time::Duration};

use bytes::Bytes;
use redstart_connection::{Error, Result, Timestamp, names};
use redstart_keys::{Id, Key};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::keeper::Keeper;
use self::work::Work;
use crate::{
    cache::Cache,
    operations::{CountWaiting, Schedule, Scheduling, Unschedule},
    tag::Tag,
    value::Form,
};

/// How many invalidations of an entity may wait.
const MOST: u32 = 100_000;
/// How far ahead a moment may be, in days.
const FARTHEST_DAYS: u64 = 366;
const FARTHEST: Duration = Duration::from_secs(FARTHEST_DAYS * 24 * 60 * 60);

/// What waits for its moment; from [`Cache::scheduled`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Scheduled {
    /// How many invalidations of the entity wait, those that are being done included.
    pub waiting: u64,
    /// When the next is due by the store's clock; for what is being done, when another process would do it.
    pub next: Option<Timestamp>,
}

/// What is to be invalidated, as the queue has it, and what the embedded store knows it by.
type What = (Bytes, Option<Key>);

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Invalidates a value at a moment to come, by the store's clock; at once when it has passed.
    ///
    /// The store keeps it, so it is done whatever becomes of this process: by any that has a cache of this
    /// entity on this prefix, and if none runs or the server is away at that moment, as soon as that is over.
    /// It is what [`Cache::invalidate`] does, at least once and at most a second late while the server
    /// answers; if the process that does it dies amid that, another follows within 6 seconds. Each moment
    /// counts: an id can wait for several, and for each it waits once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redstart_cache::Cache;
    /// use redstart_connection::{Clock, Store, Timestamp};
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const PRICE: Entity<u64> = Entity::new(Category::Cache, "price").ttl(Ttl::hours(24));
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Store::memory();
    /// let prices = Cache::<u64, u32>::new(&store, &PRICE);
    ///
    /// let sale_ends = store.clock().now().saturating_add(Duration::from_secs(3_600));
    /// prices.invalidate_at(&7, sale_ends).await?;
    /// assert_eq!(prices.scheduled().await?.next, Some(sale_ends));
    ///
    /// assert!(prices.cancel_invalidation(&7, sale_ends).await?, "the sale goes on");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, since then nobody keeps it; when 100,000 invalidations of the
    /// entity wait; and when the moment is more than 366 days ahead.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway it may be kept or not.
    ///
    /// # Limits
    ///
    /// Values in other processes go within [`max_staleness`](crate::CacheBuilder::max_staleness) of that. The
    /// embedded store keeps it as long as this process lives. A server that evicts may evict what waits, and
    /// a failover loses what the new server had not heard of. What many values await at the same moment is
    /// better a tag of theirs, see [`Cache::invalidate_tag_at`].
    pub async fn invalidate_at(&self, id: &K, at: Timestamp) -> Result<()> {
        let at = |queue, (what, key)| Schedule::at(queue, at, what, key);
        self.put_off(at, self.what_one(id)).await.map(drop)
    }

    /// Invalidates a value after `delay`; answers when that is, by the store's clock.
    ///
    /// For a moment that is known when a value is loaded, [`Loaded::ttl`](crate::Loaded::ttl) is simpler.
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate_at`].
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate_at`].
    pub async fn invalidate_after(&self, id: &K, delay: Duration) -> Result<Timestamp> {
        let after = |queue, (what, key)| Schedule::after(queue, delay, what, key);
        self.put_off(after, self.what_one(id)).await
    }

    /// Invalidates every value that bears `tag` at a moment to come, as [`Cache::invalidate_at`] does with
    /// one.
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate_at`], and for plain entities, whose values bear no tags.
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate_at`].
    pub async fn invalidate_tag_at(&self, tag: &Tag, at: Timestamp) -> Result<()> {
        let at = |queue, (what, key)| Schedule::at(queue, at, what, key);
        self.put_off(at, self.what_many(&Work::Tag(tag.clone()))?).await.map(drop)
    }

    /// Invalidates every value that bears `tag` after `delay`; answers when that is, by the store's clock.
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate_tag_at`].
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate_at`].
    pub async fn invalidate_tag_after(&self, tag: &Tag, delay: Duration) -> Result<Timestamp> {
        let after = |queue, (what, key)| Schedule::after(queue, delay, what, key);
        self.put_off(after, self.what_many(&Work::Tag(tag.clone()))?).await
    }

    /// Invalidates every value of this entity at a moment to come, as [`Cache::invalidate_at`] does with one.
    ///
    /// # Errors
    ///
    /// As [`Cache::invalidate_at`], and for plain entities, whose values would have to be removed one by one.
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate_at`].
    pub async fn clear_at(&self, at: Timestamp) -> Result<()> {
        let at = |queue, (what, key)| Schedule::at(queue, at, what, key);
        self.put_off(at, self.what_many(&Work::Clear)?).await.map(drop)
    }

    /// Invalidates every value of this entity after `delay`; answers when that is, by the store's clock.
    ///
    /// # Errors
    ///
    /// As [`Cache::clear_at`].
    ///
    /// # Cancel safety
    ///
    /// As [`Cache::invalidate_at`].
    pub async fn clear_after(&self, delay: Duration) -> Result<Timestamp> {
        let after = |queue, (what, key)| Schedule::after(queue, delay, what, key);
        self.put_off(after, self.what_many(&Work::Clear)?).await
    }

    /// Takes back that a value is invalidated at a moment; answers whether that was to come.
    ///
    /// What a process is doing at this very moment it may do all the same.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway it may be taken back or not.
    pub async fn cancel_invalidation(&self, id: &K, at: Timestamp) -> Result<bool> {
        self.take_back(&self.what_one(id).0, at).await
    }

    /// Takes back that a tag is invalidated at a moment; answers whether that was to come.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway it may be taken back or not.
    pub async fn cancel_tag_invalidation(&self, tag: &Tag, at: Timestamp) -> Result<bool> {
        self.take_back(&Work::Tag(tag.clone()).written(), at).await
    }

    /// Takes back that everything is invalidated at a moment; answers whether that was to come.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway it may be taken back or not.
    pub async fn cancel_clear(&self, at: Timestamp) -> Result<bool> {
        self.take_back(&Work::Clear.written(), at).await
    }

    /// What waits for its moment, of this entity and from all processes.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn scheduled(&self) -> Result<Scheduled> {
        let inner = &*self.0;
        let (waiting, next) = inner.store.run(&CountWaiting::new(inner.space.queue.clone())).await?;
        Ok(Scheduled { waiting, next })
    }

    async fn put_off(&self, schedule: impl FnOnce(Key, What) -> Schedule, what: What) -> Result<Timestamp> {
        let inner = &*self.0;
        let schedule = schedule(inner.space.queue.clone(), what).bounded(MOST, FARTHEST);
        let schedule = schedule.kept(inner.judged_for()).entity(inner.space.label());
        let name = inner.entity.name();
        match inner.store.run(&schedule).await? {
            Scheduling::Waits { at, wait } => {
                inner.registry.keeper.look_at(inner.store.clock().instant(), wait);
                inner.registry.keep_due(&inner.store);
                metrics::counter!(names::CACHE_SCHEDULED, "cache" => name, "outcome" => "put_off")
                    .increment(1);
                Ok(at)
            }
            Scheduling::Full => Err(Error::overloaded(format!(
                "{MOST} invalidations of '{name}' wait for their moment, the most that may: \
                 let values that await the same moment bear a tag, and put that off"
            ))),
            Scheduling::TooFar => Err(Error::unsupported(format!(
                "an invalidation of '{name}' is to be done too far ahead: at most {FARTHEST_DAYS} days from now"
            ))),
        }
    }

    async fn take_back(&self, what: &[u8], at: Timestamp) -> Result<bool> {
        let inner = &*self.0;
        inner.store.run(&Unschedule::new(inner.space.queue.clone(), at, what)).await
    }

    fn what_one(&self, id: &K) -> What {
        let key = self.0.entity.key(id);
        (Work::of(&self.0.store, &key).written(), Some(key))
    }

    /// What concerns many values, which only their stamps can tell.
    fn what_many(&self, work: &Work) -> Result<What> {
        if self.0.form == Form::Plain {
            return Err(Error::unsupported("the values of a plain entity bear no tags, and no stamps"));
        }
        Ok((work.written(), None))
    }
}
