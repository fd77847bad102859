//! Reading: what is cached, and what a loader brings.

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use redstart_connection::Result;
use redstart_keys::{Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use super::{Cache, Inner};
use crate::{
    cached::{Cached, Source},
    error::LoadError,
    flight::{Flight, Outcome, Turn},
    l1::Near,
    operations::{Fill, FillEntry},
    value::Held,
};

/// What the store says of a key.
enum Stored<V> {
    Value(Held<V>, Source),
    Nothing,
    /// The store is of no help.
    Unknown,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
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
        let Some((held, source)) = inner.look(id).await? else {
            inner.tallies.misses.add();
            return Ok(None);
        };
        if turn.is_some() {
            inner.near.land(id, &passenger.flight, &held, true, inner.now());
            passenger.flight.finish(Outcome::Brought { held: held.clone(), source });
        }
        inner.tallies.l2_hits.add();
        Ok(Cached::from_held(held, source, inner.now()))
    }

    /// The cached value, or what `load` brings; none when there is nothing.
    ///
    /// Of all callers of this cache and its clones who ask for one id at the same time one loads; the
    /// others wait for it and share its outcome, its error included. When that one goes away the next
    /// takes over.
    ///
    /// A loader must not ask this cache for the id that it loads: it would wait for itself, until this
    /// future is dropped. [`Cache::get`] waits for no load and may be asked.
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
            Source::L2 | Source::Standby => inner.tallies.l2_hits.add(),
            _ => inner.tallies.misses.add(),
        }
        Ok(Cached::from_held(held, source, inner.now()))
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
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
        if let Stored::Value(held, source) = stored {
            self.near.land(id, flight, &held, true, self.now());
            flight.finish(Outcome::Brought { held: held.clone(), source });
            return Ok((held, source));
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
        let kept = match tickets.and_then(|mut tickets| tickets.tickets.pop().flatten()).zip(ttl) {
            Some((ticket, ttl)) => self.fill(id, &held, ticket.token, ttl, took).await,
            None => false,
        };
        self.near.land(id, flight, &held, kept, self.now());
        flight.finish(Outcome::Brought { held: held.clone(), source: Source::Loaded });
        Ok((held, Source::Loaded))
    }

    /// Stores what was loaded; answers whether it may be kept here too.
    async fn fill(&self, id: &K, held: &Held<V>, token: String, ttl: Ttl, took: Duration) -> bool {
        let Some(bytes) = self.encoded(held, ttl, took) else { return false };
        let fill = Fill::new(vec![FillEntry::new(self.key(id), token, bytes, ttl)]);
        let stored = self.told(self.store.run(&fill).await).is_some_and(|stored| stored == [true]);
        if !stored {
            self.tallies.rejected_fills.add();
        }
        stored
    }

    async fn stored(&self, id: &K) -> Stored<V> {
        match self.look(id).await {
            Ok(Some((held, source))) => Stored::Value(held, source),
            Ok(None) => Stored::Nothing,
            Err(error) => {
                tracing::debug!(cache = self.entity.name(), %error, "the store is of no help; the loader answers");
                Stored::Unknown
            }
        }
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
