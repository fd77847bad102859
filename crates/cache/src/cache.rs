//! The cache: what it is made of, and what all its verbs share.

mod background;
mod bring;
mod change;
mod count;
mod fetch;
mod fill;
mod fleet;
mod load;
mod look;
mod many;
mod write;

use std::{
    fmt,
    hash::Hash,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use redstart_connection::{Result, Store};
use redstart_keys::{Entity, Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use self::background::Background;
pub use self::write::{Version, WriteError, Written};
pub(crate) use self::{count::Reader, fill::Filling};
use crate::{
    builder::CacheBuilder,
    l1::{Moment, Near, Spot},
    registry::Registry,
    single_flight::SingleFlight,
    space::{AnyCache, Space},
    stats::{Stats, Tallies},
    terms::Terms,
    value::Form,
    watch::Watch,
};

/// A cache of values of one declared entity.
///
/// Clones share everything. Caches of one entity on one store, which may hold values of different
/// types, hear of each other's changes; so do those of other processes, by a stream on the server.
pub struct Cache<K, V>(pub(crate) Arc<Inner<K, V>>);

pub(crate) struct Inner<K, V> {
    pub(crate) store: Store,
    pub(crate) near: Near<K, V>,
    pub(crate) tallies: Tallies,
    pub(crate) form: Form,
    pub(crate) ttl: Ttl,
    pub(crate) negative: Option<Ttl>,
    pub(crate) terms: Terms,
    pub(crate) flight: SingleFlight,
    background: Arc<Background<V>>,
    pub(crate) space: Arc<Space>,
    pub(crate) registry: Arc<Registry>,
    /// Who wants to know of each read; mostly nobody.
    pub(crate) watch: Option<Box<Watch<K>>>,
    pub(crate) entity: Entity<K>,
    jitter: f64,
    max_load: Ttl,
    max_staleness: Duration,
}

/// An id with its names.
pub(crate) struct Place<'a, K> {
    pub(crate) key: Key,
    pub(crate) name: Bytes,
    pub(crate) spot: Spot<'a, K>,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// A cache with the default settings.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<K>) -> Self {
        Self::builder(store, entity).build()
    }

    /// A cache with settings of one's own.
    #[must_use]
    pub fn builder(store: &Store, entity: &Entity<K>) -> CacheBuilder<K, V> {
        CacheBuilder::new(store, entity)
    }

    pub(crate) fn assemble(
        mut settings: CacheBuilder<K, V>,
        near: Near<K, V>,
        registry: Arc<Registry>,
    ) -> Self {
        let watch = Watch::new(&mut settings);
        let CacheBuilder {
            store,
            entity,
            ttl,
            negative,
            jitter,
            max_load,
            max_staleness,
            codec,
            compression,
            freshness,
            flight,
            background,
            ..
        } = settings;
        let form = if entity.is_plain() { Form::Plain } else { Form::Own(codec, compression) };
        registry.listen(&store);
        let inner = Arc::new(Inner {
            tallies: Tallies::new(entity.name(), store.clock().now(), near.evictions()),
            near,
            form,
            ttl,
            negative,
            terms: Terms::new(freshness),
            flight,
            background: Arc::new(Background::new(background)),
            space: registry.space(&entity),
            registry,
            entity,
            jitter,
            max_load,
            max_staleness,
            watch,
            store,
        });
        let whole: Arc<dyn AnyCache> = inner.clone();
        inner.space.add(Arc::downgrade(&whole));
        inner.listen();
        Self(inner)
    }

    /// Waits until this process hears what others change; at once on the embedded store.
    ///
    /// Before that every read goes to the store, so this matters to whoever counts on reads from this
    /// process, such as a service that reports that it is ready.
    pub async fn ready(&self) {
        let inner = &*self.0;
        inner.listen();
        if inner.listens() {
            inner.registry.coherence.attached().await;
        }
    }

    /// What this cache has done.
    #[must_use]
    pub fn stats(&self) -> Stats {
        AnyCache::stats(&*self.0)
    }

    /// The entity's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.entity.name()
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn now(&self) -> Moment {
        let clock = self.store.clock();
        Moment { instant: clock.instant(), timestamp: clock.now() }
    }

    pub(crate) fn place<'a>(&self, id: &'a K) -> Place<'a, K> {
        let key = self.entity.key(id);
        let name = self.store.name_of(&key);
        Place { spot: self.near.spot(id, &name), name: Bytes::from(name), key }
    }

    /// What the server calls an id.
    pub(crate) fn name_of(&self, id: &K) -> Vec<u8> {
        self.store.name_of(&self.entity.key(id))
    }

    /// A step whose failure costs a miss later, and nothing now.
    pub(crate) fn told<T>(&self, step: Result<T>) -> Option<T> {
        step.inspect_err(|error| {
            self.tallies.store_errors.add();
            tracing::debug!(cache = self.entity.name(), %error, "a step of the cache failed");
        })
        .ok()
    }

    /// Whether it matters to this cache what other processes change.
    fn follows_changes(&self) -> bool {
        self.near.keeps_values() || self.flight.is_fleet()
    }

    /// Sees to it that changes of other processes are heard, where that matters.
    fn listen(&self) {
        if self.follows_changes() {
            self.registry.keep_reading(&self.store);
        }
        // What the embedded store keeps for later this process has put off itself.
        if !self.store.is_memory() {
            self.registry.keep_due(&self.store);
        }
    }

    /// How long a stamp must be kept that judges values of this cache.
    pub(crate) fn judged_for(&self) -> Ttl {
        const SPARE: Duration = Duration::from_secs(3600);
        let stale_for = self.terms.freshness.stale_for();
        Ttl::new(self.ttl.as_duration() + stale_for + self.max_load.as_duration() + SPARE).unwrap_or(Ttl::MAX)
    }
}

impl<K, V> AnyCache for Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn stats(&self) -> Stats {
        let mut stats = self.tallies.snapshot(self.near.len());
        stats.scheduled = self.space.waiting.load(Ordering::Relaxed);
        stats
    }

    fn forget(&self) {
        self.near.clear();
    }

    fn doubt(&self) {
        self.near.doubt();
    }

    fn forget_name(&self, name: &[u8], stamp: Option<u64>) -> bool {
        self.near.forget(name, stamp)
    }

    fn supersede(&self, stamp: u64) {
        self.near.supersede(stamp);
    }

    fn wake(&self, name: &[u8]) {
        self.near.wake(name);
    }

    fn judgement_ttl(&self) -> Ttl {
        self.judged_for()
    }

    fn listens(&self) -> bool {
        self.follows_changes() && !self.store.is_memory()
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("entity", &self.0.entity.name())
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
