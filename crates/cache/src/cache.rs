//! The cache: what it is made of, and what all its verbs share.

mod change;
mod load;

use std::{any::Any, fmt, hash::Hash, sync::Arc, time::Duration};

use bytes::Bytes;
use redstart_connection::{Answer, Result, Store, Timestamp};
use redstart_keys::{Entity, Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};

pub use self::change::Applied;
use crate::{
    builder::CacheBuilder,
    cached::Source,
    l1::Near,
    operations::{Read, Take},
    registry::{AnyCache, Registry, Siblings},
    stats::{Stats, Tallies},
    value::{Birth, Form, Held},
};

/// A cache of values of one declared entity.
///
/// Clones share everything. Caches of one entity on one store, which may hold values of different
/// types, hear of each other's changes.
pub struct Cache<K, V>(pub(crate) Arc<Inner<K, V>>);

pub(crate) struct Inner<K, V> {
    pub(crate) store: Store,
    pub(crate) near: Near<K, V>,
    pub(crate) tallies: Tallies,
    pub(crate) form: Form,
    pub(crate) ttl: Ttl,
    pub(crate) negative: Option<Ttl>,
    entity: Entity<K>,
    sequencer: Key,
    siblings: Arc<Siblings>,
    jitter: f64,
    max_load: Ttl,
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

    pub(crate) fn assemble(settings: CacheBuilder<K, V>, near: Near<K, V>) -> Self {
        let CacheBuilder { store, entity, ttl, negative, jitter, max_load, .. } = settings;
        let form = if entity.is_plain() { Form::Plain } else { Form::Own };
        let sequencer = Key::namespace(entity.category(), entity.name(), "seq");
        let tallies = Tallies::new(entity.name());
        let registry = store.shared::<Registry>();
        registry.listen(&store);
        let siblings = registry.siblings(&entity);
        let inner = Arc::new(Inner {
            store,
            near,
            tallies,
            form,
            ttl,
            negative,
            entity,
            sequencer,
            siblings,
            jitter,
            max_load,
        });
        let whole: Arc<dyn AnyCache> = inner.clone();
        inner.siblings.add(Arc::downgrade(&whole));
        Self(inner)
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
    pub(crate) fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    pub(crate) fn key(&self, id: &K) -> Key {
        self.entity.key(id)
    }

    pub(crate) fn take(&self, keys: Vec<Key>) -> Take {
        Take::new(keys, self.sequencer.clone(), self.max_load)
    }

    /// A loaded value, and how long it is kept; not at all when nothing is to be remembered.
    pub(crate) fn born(&self, value: Option<V>, as_of: u64) -> (Held<V>, Option<Ttl>) {
        let ttl = if value.is_some() { Some(self.ttl) } else { self.negative };
        let ttl = ttl.map(|ttl| self.jittered(ttl));
        let now = self.now();
        let fresh_for = ttl.unwrap_or(self.ttl).as_duration();
        let held = Held {
            value: value.map(Arc::new),
            as_of,
            created: Some(now),
            expires_at: Some(now.saturating_add(fresh_for)),
        };
        (held, ttl)
    }

    fn jittered(&self, ttl: Ttl) -> Ttl {
        ttl.jittered(self.jitter.clamp(0.0, 0.5), fastrand::u64(..))
    }

    pub(crate) fn encoded(&self, held: &Held<V>, ttl: Ttl, took: Duration) -> Option<Bytes> {
        let birth = Birth {
            as_of: held.as_of,
            created: held.created.unwrap_or_default(),
            fresh_for: ttl.as_duration(),
            load_time: took,
        };
        match self.form.encode(held.value.as_deref(), &birth) {
            Ok(bytes) => bytes.map(Bytes::from),
            Err(error) => {
                tracing::warn!(cache = self.entity.name(), %error, "a value can't be encoded and is not cached");
                None
            }
        }
    }

    /// Reads the store; an undecodable value is a miss.
    async fn look(&self, id: &K) -> Result<Option<(Held<V>, Source)>> {
        let answer = self.store.ask(&Read::new(vec![self.key(id)])).await;
        let Answer { output, by, .. } = answer.inspect_err(|_| self.tallies.store_errors.add())?;
        let held = output.into_iter().next().flatten().and_then(|bytes| self.decoded(&bytes));
        Ok(held.map(|held| (held, Source::of(by))))
    }

    pub(crate) fn decoded(&self, bytes: &Bytes) -> Option<Held<V>> {
        let held = self.form.decode(bytes);
        if held.is_none() {
            self.tallies.decode_failures.add();
        }
        held.filter(|held| held.is_fresh(self.now()))
    }

    /// A step whose failure costs a miss later, and nothing now.
    pub(crate) fn told<T>(&self, step: Result<T>) -> Option<T> {
        step.inspect_err(|error| {
            self.tallies.store_errors.add();
            tracing::debug!(cache = self.entity.name(), %error, "a step of the cache failed");
        })
        .ok()
    }
}

impl<K, V> AnyCache for Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn stats(&self) -> Stats {
        self.tallies.snapshot(self.near.len())
    }

    fn forget(&self) {
        self.near.clear();
    }

    fn forget_id(&self, id: &dyn Any) -> bool {
        let Some(id) = id.downcast_ref() else {
            // A sibling whose ids are of another type can't say which of these it means.
            self.near.clear();
            return false;
        };
        self.near.invalidate(id)
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
