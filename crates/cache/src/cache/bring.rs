//! Bringing a value: the work of one load, from the ticket to the store.

use std::{
    future::Future,
    hash::Hash,
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use redstart_keys::{Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{Filling, Inner, Place, fleet::Standing};
use crate::{
    cached::Source,
    error::LoadError,
    flight::Flight,
    held::Held,
    loaded::{Loaded, Present},
    terms::Terms,
};

/// One load to be done.
pub(super) struct Errand<'a, K, V> {
    pub(super) place: &'a Place<'a, K>,
    pub(super) terms: &'a Terms,
    /// The flight whose callers wait for it; none for a load that replaces what is shown meanwhile.
    pub(super) flight: Option<&'a Arc<Flight<V>>>,
    /// The copy to be replaced.
    pub(super) present: Option<Held<V>>,
    /// Whether the store could be read, so that storing something makes sense.
    pub(super) store_helps: bool,
}

/// How an errand ended.
pub(super) enum Errands<V, E> {
    Brought(Brought<V>),
    /// Another process is at it; only for a load that nobody waits for.
    Elsewhere,
    Failed(LoadError<E>),
}

/// What a load brought.
pub(super) struct Brought<V> {
    pub(super) held: Held<V>,
    pub(super) source: Source,
    /// Whether this process may keep it.
    pub(super) may_keep: bool,
}

/// Whether to load.
pub(super) enum Permit<V> {
    /// Yes: what is loaded may be stored by the ticket, if there is one.
    Load { token: Option<String>, as_of: u64 },
    /// Another process has done it meanwhile.
    Found(Held<V>, Source),
    /// Another process is at it.
    Elsewhere,
    /// It failed in another process a moment ago.
    Resting,
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Loads a value and stores it.
    pub(super) async fn bring<E, F, L>(&self, errand: Errand<'_, K, V>, load: F) -> Errands<V, E>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<Loaded<V>, E>> + Send,
    {
        let Errand { place, terms, flight, present, store_helps } = errand;
        if let Some(failure) = self.near.failures.standing(place.spot.mark, self.instant()) {
            return Errands::Failed(LoadError::of(&failure));
        }
        let permit = if store_helps { self.permit(place, terms, flight).await } else { Permit::unkept() };
        let (token, as_of) = match permit {
            Permit::Load { token, as_of } => (token, as_of),
            Permit::Found(held, source) => {
                return Errands::Brought(Brought { held, source, may_keep: true });
            }
            Permit::Elsewhere => return Errands::Elsewhere,
            Permit::Resting => {
                return Errands::Failed(LoadError::resting());
            }
        };
        if let Some(flight) = flight {
            flight.is_of(as_of);
        }
        let standing = self.standing(place, flight, token.as_deref());
        let limit = self.limit(terms);
        let started = self.instant();
        let loading = load(present.as_ref().and_then(Present::of));
        let loaded = match Standing::during(slice::from_ref(&standing), timeout(limit, loading)).await {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(LoadError::Load(Arc::new(error))),
            Err(_) => Err(LoadError::TimedOut(limit)),
        };
        let took = self.instant().saturating_duration_since(started);
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(error) => {
                self.tallies.load_failures.add();
                standing.failed(self.rest(place, terms, &error)).await;
                return Errands::Failed(error);
            }
        };
        self.near.failures.forget(place.spot.mark);
        self.tallies.loaded(took);
        let (held, ttl) = self.born(&place.name, loaded, terms, as_of, took);
        let may_keep = match token.zip(ttl) {
            Some((token, ttl)) => {
                let filling = Filling { place, held: &held, token, ttl };
                self.fill(vec![filling]).await == [true]
            }
            None => false,
        };
        // What is stored has taken the ticket; what is not need not keep others waiting.
        match may_keep {
            true => standing.stored(),
            false => standing.failed(None).await,
        }
        Errands::Brought(Brought { held, source: Source::Loaded, may_keep })
    }

    async fn permit(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        flight: Option<&Arc<Flight<V>>>,
    ) -> Permit<V> {
        if self.flight.is_fleet() {
            return self.fleet_permit(place, terms, flight).await;
        }
        match self.told(self.store.run(&self.take(vec![place.key.clone()])).await) {
            Some(mut tickets) => {
                let token = tickets.tickets.pop().flatten().map(|ticket| ticket.token);
                Permit::Load { token, as_of: tickets.as_of }
            }
            None => Permit::unkept(),
        }
    }

    /// Lets loads of an id rest after this failure; answers how long, if at all.
    pub(super) fn rest<E: Send + Sync + 'static>(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        error: &LoadError<E>,
    ) -> Option<Ttl> {
        let pause = terms.freshness.failure_pause?;
        Ttl::new(self.near.failures.note(place.spot.mark, error.erased(), pause, self.instant()))
    }

    /// How long a load may take.
    pub(super) fn limit(&self, terms: &Terms) -> Duration {
        terms.freshness.hard_timeout.unwrap_or(self.max_load.as_duration())
    }

    pub(super) fn instant(&self) -> Instant {
        self.store.clock().instant()
    }
}

impl<V> Permit<V> {
    /// To load, and to store nothing.
    pub(super) const fn unkept() -> Self {
        Self::Load { token: None, as_of: 0 }
    }
}
