//! Reading: what is cached, and what a loader brings.

use std::{future::Future, hash::Hash, sync::Arc};

use redstart_connection::Result;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::{Cache, Inner, Place, fill::Filling};
use crate::{
    cached::{Cached, Source},
    error::LoadError,
    flight::{Flight, Outcome, Turn},
    l1::{Near, Spot},
    loaded::Loaded,
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
        if let Some((held, now)) = inner.near(id, inner.store.clock().instant()) {
            return Ok(inner.hand_out(id, held, Source::L1, now));
        }
        let place = inner.place(id);
        let passenger = Passenger::join(inner, place.spot);
        // Behind a load under way this reads for itself: a plain look must not wait for a loader.
        let turn = passenger.flight.try_lead();
        let Some((held, source)) = inner.look(&place.key).await? else {
            inner.missed(id);
            return Ok(None);
        };
        let now = inner.now();
        if turn.is_some() {
            inner.near.land(place.spot, &passenger.flight, &held, true, now);
            passenger.flight.finish(Outcome::Brought { held: held.clone(), source });
        }
        Ok(inner.hand_out(id, held, source, now.timestamp))
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
    pub async fn get_or_load<T, E, F, L>(&self, id: &K, load: F) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce() -> L + Send,
        L: Future<Output = Result<T, E>> + Send,
    {
        let inner = &*self.0;
        if let Some((held, now)) = inner.near(id, inner.store.clock().instant()) {
            return Ok(inner.hand_out(id, held, Source::L1, now));
        }
        let place = inner.place(id);
        let passenger = Passenger::join(inner, place.spot);
        let (held, source) = match passenger.flight.turn().await {
            Turn::Done(outcome) => outcome.result()?,
            Turn::Lead(_turn) => inner.lead(&place, &passenger.flight, load).await?,
        };
        Ok(inner.hand_out(id, held, source, inner.store.clock().now()))
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The whole work of one load, by the caller who has the turn.
    async fn lead<T, E, F, L>(
        &self,
        place: &Place<'_, K>,
        flight: &Arc<Flight<V>>,
        load: F,
    ) -> Result<(Held<V>, Source), LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce() -> L + Send,
        L: Future<Output = Result<T, E>> + Send,
    {
        let stored = self.stored(place).await;
        if let Stored::Value(held, source) = stored {
            self.near.land(place.spot, flight, &held, true, self.now());
            flight.finish(Outcome::Brought { held: held.clone(), source });
            return Ok((held, source));
        }
        let tickets = match stored {
            Stored::Unknown => None,
            _ => self.told(self.store.run(&self.take(vec![place.key.clone()])).await),
        };
        let as_of = tickets.as_ref().map_or(0, |tickets| tickets.as_of);
        flight.is_of(as_of);
        let started = self.store.clock().instant();
        let loaded = load().await;
        let took = self.store.clock().instant().saturating_duration_since(started);
        let loaded = match loaded {
            Ok(loaded) => loaded.into(),
            Err(error) => {
                self.tallies.load_failures.add();
                let error = Arc::new(error);
                self.near.abandon(place.spot, flight);
                flight.finish(Outcome::failed(Arc::clone(&error)));
                return Err(LoadError::Load(error));
            }
        };
        self.tallies.loaded(took);
        let (held, ttl) = self.born(&place.name, loaded, as_of, took);
        let may_keep = match tickets.and_then(|mut tickets| tickets.tickets.pop().flatten()).zip(ttl) {
            Some((ticket, ttl)) => {
                let filling = Filling { key: &place.key, held: &held, token: ticket.token, ttl };
                self.fill(vec![filling]).await == [true]
            }
            None => false,
        };
        self.near.land(place.spot, flight, &held, may_keep, self.now());
        flight.finish(Outcome::Brought { held: held.clone(), source: Source::Loaded });
        Ok((held, Source::Loaded))
    }

    async fn stored(&self, place: &Place<'_, K>) -> Stored<V> {
        match self.look(&place.key).await {
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
    spot: Spot<'a, K>,
    flight: Arc<Flight<V>>,
}

impl<'a, K, V> Passenger<'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn join(inner: &'a Inner<K, V>, spot: Spot<'a, K>) -> Self {
        let now = inner.store.clock().instant();
        // Who does not hear of changes joins no load that began before what may be unheard.
        let not_before = if inner.hears(now) { None } else { now.checked_sub(inner.max_staleness) };
        Self { near: &inner.near, spot, flight: inner.near.join(spot, now, not_before) }
    }
}

impl<K, V> Drop for Passenger<'_, K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.near.leave(self.spot, &self.flight);
    }
}
