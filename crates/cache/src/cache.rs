//! The cache: reading through, storing, invalidating.

use std::{fmt, future::Future, hash::Hash, sync::Arc};

use bytes::Bytes;
use redstart_connection::{Error, Result, Store, Timestamp};
use redstart_keys::{Entity, Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    builder::CacheBuilder,
    cached::{Cached, Source},
    error::LoadError,
    flight::{Flight, Outcome, Turn},
    l1::Near,
    operations::{Fill, FillEntry, Invalidate, Mint, Put, PutOutcome, Read, Take},
    registry::{AnyCache, Registry},
    stats::{Stats, Tallies},
    value::{Birth, Form, Held},
};

/// A cache of values of one declared entity.
///
/// Clones share everything.
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
    jitter: f64,
    max_load: Ttl,
}

/// What a change reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// Whether this process held a value.
    pub l1: bool,
    /// Whether the store changed.
    pub l2: bool,
}

/// What the store says of a key.
enum Stored<V> {
    Value(Held<V>),
    Nothing,
    /// The store is of no help.
    Unknown,
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
        let inner = Inner { store, near, tallies, form, ttl, negative, entity, sequencer, jitter, max_load };
        let inner = Arc::new(inner);
        let whole: Arc<dyn AnyCache> = inner.clone();
        inner.store.shared::<Registry>().add(Arc::downgrade(&whole));
        Self(inner)
    }

    /// The cached value; none when there is none, or it is known that there is nothing.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn get(&self, id: &K) -> Result<Option<Cached<V>>> {
        let inner = &*self.0;
        let now = inner.now();
        if let Some(held) = inner.near.get(id, now) {
            inner.tallies.l1_hits.add();
            return Ok(Cached::from_held(held, Source::L1, now));
        }
        let passenger = Passenger::join(inner, id);
        // Behind a load under way this reads for itself: a plain look must not wait for a loader.
        let turn = passenger.flight.try_lead();
        let Some(held) = inner.look(id).await? else {
            inner.tallies.misses.add();
            return Ok(None);
        };
        if turn.is_some() {
            inner.near.land(id, &passenger.flight, &held, true, inner.now());
            passenger.flight.finish(Outcome::Brought { held: held.clone(), source: Source::L2 });
        }
        inner.tallies.l2_hits.add();
        Ok(Cached::from_held(held, Source::L2, inner.now()))
    }

    /// The cached value, or what `load` brings; none when there is nothing.
    ///
    /// Of all callers in this process who ask for one id at the same time one loads; the others wait
    /// for it and share its outcome, its error included. When that one goes away the next takes over.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error, and with nothing else: when the store is of no help the loader
    /// answers.
    ///
    /// # Cancel safety
    ///
    /// The loader runs inside this future and ends with it; the next caller starts its own.
    pub async fn get_or_load<E, F, L>(&self, id: &K, load: F) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce() -> L + Send,
        L: Future<Output = Result<Option<V>, E>> + Send,
    {
        let inner = &*self.0;
        let now = inner.now();
        if let Some(held) = inner.near.get(id, now) {
            inner.tallies.l1_hits.add();
            return Ok(Cached::from_held(held, Source::L1, now));
        }
        let passenger = Passenger::join(inner, id);
        let (held, source) = match passenger.flight.turn().await {
            Turn::Done(outcome) => outcome.result()?,
            Turn::Lead(_turn) => inner.lead(id, &passenger.flight, load).await?,
        };
        match source {
            Source::L2 => inner.tallies.l2_hits.add(),
            _ => inner.tallies.misses.add(),
        }
        Ok(Cached::from_held(held, source, inner.now()))
    }

    /// Stores a value that the caller knows to be right, unless a newer one is there.
    ///
    /// Loads that began before can no longer store their result.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when the value can't be encoded; whatever happens, this process
    /// forgets what it held.
    pub async fn set(&self, id: &K, value: &V) -> Result<Applied> {
        let inner = &*self.0;
        let l1 = inner.near.invalidate(id);
        let outcome = inner.put(id, value).await;
        inner.near.invalidate(id);
        Ok(Applied { l1, l2: outcome? == PutOutcome::Stored })
    }

    /// Removes a value everywhere; what was loaded before can't come back.
    ///
    /// # Errors
    ///
    /// Fails when the store does; this process forgets the value all the same.
    pub async fn invalidate(&self, id: &K) -> Result<Applied> {
        let inner = &*self.0;
        inner.tallies.invalidations.add();
        let l1 = inner.near.invalidate(id);
        // The stamp comes first: whoever reads it from now on loads what is there after the change.
        let minted = inner.store.run(&Mint::new(inner.sequencer.clone())).await;
        let removed = inner.store.run(&Invalidate::new(inner.entity.key(id))).await;
        // Again, for reads that began in between and met the old value in the store.
        inner.near.invalidate(id);
        minted?;
        Ok(Applied { l1, l2: removed? })
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
        let token = format!("{:032x}", fastrand::u128(..));
        Take::new(keys, self.sequencer.clone(), token, self.max_load)
    }

    /// The whole work of one load, by the caller who has the turn.
    async fn lead<E, F, L>(
        &self,
        id: &K,
        flight: &Arc<Flight<V>>,
        load: F,
    ) -> Result<(Held<V>, Source), LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce() -> L + Send,
        L: Future<Output = Result<Option<V>, E>> + Send,
    {
        let stored = self.stored(id).await;
        if let Stored::Value(held) = stored {
            self.near.land(id, flight, &held, true, self.now());
            flight.finish(Outcome::Brought { held: held.clone(), source: Source::L2 });
            return Ok((held, Source::L2));
        }
        let tickets = match stored {
            Stored::Unknown => None,
            _ => self.told(self.store.run(&self.take(vec![self.key(id)])).await),
        };
        let started = self.store.clock().instant();
        let loaded = load().await;
        let took = self.store.clock().instant().saturating_duration_since(started);
        let value = match loaded {
            Ok(value) => value,
            Err(error) => {
                self.tallies.load_failures.add();
                let error = Arc::new(error);
                self.near.abandon(id, flight);
                flight.finish(Outcome::failed(Arc::clone(&error)));
                return Err(LoadError::Load(error));
            }
        };
        self.tallies.loaded(took);
        let as_of = tickets.as_ref().map_or(0, |tickets| tickets.as_of);
        let (held, ttl) = self.born(value, as_of);
        let kept = match tickets.and_then(|mut tickets| tickets.tickets.pop()).zip(ttl) {
            Some((ticket, ttl)) => self.fill(id, &held, ticket.token, ttl, took).await,
            None => false,
        };
        self.near.land(id, flight, &held, kept, self.now());
        flight.finish(Outcome::Brought { held: held.clone(), source: Source::Loaded });
        Ok((held, Source::Loaded))
    }

    /// A loaded value, and how long it is kept; not at all when nothing is to be remembered.
    pub(crate) fn born(&self, value: Option<V>, as_of: u64) -> (Held<V>, Option<Ttl>) {
        let ttl = if value.is_some() { Some(self.ttl) } else { self.negative };
        let ttl = ttl.map(|ttl| ttl.jittered(self.jitter.clamp(0.0, 0.5), fastrand::u64(..)));
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

    /// Stores what was loaded; answers whether it may be kept here too.
    async fn fill(&self, id: &K, held: &Held<V>, token: String, ttl: Ttl, took: std::time::Duration) -> bool {
        let Some(bytes) = self.encoded(held, ttl, took) else { return false };
        let fill = Fill::new(vec![FillEntry::new(self.key(id), token, bytes, ttl)]);
        let stored = self.told(self.store.run(&fill).await).is_some_and(|stored| stored == [true]);
        if !stored {
            self.tallies.rejected_fills.add();
        }
        stored
    }

    pub(crate) fn encoded(&self, held: &Held<V>, ttl: Ttl, took: std::time::Duration) -> Option<Bytes> {
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

    async fn put(&self, id: &K, value: &V) -> Result<PutOutcome> {
        let as_of = self.store.run(&Mint::new(self.sequencer.clone())).await?;
        let ttl = self.ttl.jittered(self.jitter.clamp(0.0, 0.5), fastrand::u64(..));
        let birth = Birth {
            as_of,
            created: self.now(),
            fresh_for: ttl.as_duration(),
            load_time: std::time::Duration::ZERO,
        };
        let bytes = self.form.encode(Some(value), &birth);
        let bytes =
            bytes.map_err(|error| Error::unsupported(format!("the value can't be encoded: {error}")))?;
        self.store.run(&Put::new(self.key(id), Bytes::from(bytes.unwrap_or_default()), ttl)).await
    }

    /// Reads the store; an undecodable value is a miss.
    async fn look(&self, id: &K) -> Result<Option<Held<V>>> {
        let bytes = self.store.run(&Read::new(vec![self.key(id)])).await;
        let bytes = bytes.inspect_err(|_| self.tallies.store_errors.add())?;
        Ok(bytes.into_iter().next().flatten().and_then(|bytes| self.decoded(&bytes)))
    }

    async fn stored(&self, id: &K) -> Stored<V> {
        match self.look(id).await {
            Ok(Some(held)) => Stored::Value(held),
            Ok(None) => Stored::Nothing,
            Err(error) => {
                tracing::debug!(cache = self.entity.name(), %error, "the store is of no help; the loader answers");
                Stored::Unknown
            }
        }
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
}

/// A caller of a flight; the last one who leaves without an outcome takes the flight off the list.
struct Passenger<'a, K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    near: &'a Near<K, V>,
    id: &'a K,
    flight: Arc<Flight<V>>,
}

impl<'a, K, V> Passenger<'a, K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn join(inner: &'a Inner<K, V>, id: &'a K) -> Self {
        Self { near: &inner.near, id, flight: inner.near.join(id) }
    }
}

impl<K, V> Drop for Passenger<'_, K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.near.leave(self.id, &self.flight);
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
