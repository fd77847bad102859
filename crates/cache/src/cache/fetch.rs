//! Reading with a loader that can go on in the background.

use std::{future::Future, hash::Hash, sync::Arc};

use redstart_connection::Timestamp;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    Cache, Inner, Place,
    background::Pending,
    bring::Errand,
    load::{Found, Passenger},
};
use crate::{
    cached::{Cached, Source},
    error::LoadError,
    flight::{Flight, Outcome, Turn},
    held::Held,
    loaded::{Loaded, Present},
    terms::Terms,
};

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The cached value, or what `load` brings, in the background where an old value can be shown.
    pub(crate) async fn fetch<E, F, L>(
        &self,
        id: &K,
        terms: Terms,
        load: F,
    ) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send + 'static,
        L: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let inner = &*self.0;
        if let Some((held, now)) = inner.near_enough(id, &terms) {
            return Ok(self.fresh(id, &terms, held, Source::L1, now, load));
        }
        let place = inner.place(id);
        let passenger = Passenger::join(inner, place.spot, terms.at_least > 0);
        let flight = &passenger.flight;
        let turn = match inner.turn(&place, &terms, flight).await {
            Ok(turn) => turn,
            Err(old) => return Ok(old),
        };
        let led = match turn {
            Turn::Done(outcome) if !inner.suffices(outcome, &terms) => {
                return Box::pin(self.fetch(id, terms, load)).await;
            }
            Turn::Done(outcome) => outcome.result(),
            Turn::Lead(_turn) => match inner.find(&place, &terms).await {
                Found::Fresh(held, source) => {
                    inner.found(&place, flight, &held, source, inner.now());
                    return Ok(self.fresh(id, &terms, held, source, inner.store.clock().now(), load));
                }
                Found::Else { present: Some(old), store_helps: true }
                    if inner.may_wait_behind(&old.0, &terms) =>
                {
                    return self.behind(&place, &terms, flight, old, load).await;
                }
                Found::Else { present, store_helps } => {
                    let present = present.map(|(held, _)| held);
                    let errand =
                        Errand { place: &place, terms: &terms, flight: Some(flight), present, store_helps };
                    inner.land(&place, flight, inner.bring(errand, load).await)
                }
            },
        };
        match led {
            Ok((held, source)) => Ok(inner.hand_out(place.spot.id, held, source, inner.store.clock().now())),
            Err(error) => inner.or_old(&place, &terms, error).await,
        }
    }

    /// A fresh value; where it is time to, it is replaced in the background.
    fn fresh<E, F, L>(
        &self,
        id: &K,
        terms: &Terms,
        held: Held<V>,
        source: Source,
        now: Timestamp,
        load: F,
    ) -> Option<Cached<V>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send + 'static,
        L: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        if self.0.is_due(terms, &held, now) {
            // Where there is no room for it, a later read begins it, or the end of the value does.
            let _begun = self.replace_behind(id, terms.clone(), Some(held.clone()), load);
        }
        self.0.hand_out(id, held, source, now)
    }

    /// An old value at once, or after a while, and a load that goes on whoever waits for it.
    async fn behind<E, F, L>(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        flight: &Arc<Flight<V>>,
        (held, source): (Held<V>, Source),
        load: F,
    ) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send + 'static,
        L: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let inner = &*self.0;
        let now = inner.now();
        let is_shown_at_once = held.is_stale_within(terms.freshness.stale_while_revalidate, now.timestamp);
        let pending = self.replace_behind(place.spot.id, terms.clone(), Some(held.clone()), load);
        if is_shown_at_once {
            // The old value too may stay here, so that the next caller need not ask the store for it.
            inner.found(place, flight, &held, source, now);
            return Ok(inner.hand_out(place.spot.id, held, source, now.timestamp));
        }
        let came = match (pending, terms.freshness.soft_timeout) {
            (Some(mut pending), Some(soft)) => match timeout(soft, came(&mut pending)).await {
                Ok(came) => came,
                Err(_) => {
                    let window = terms.freshness.stale_if_error;
                    if let Some((old, source, now)) = inner.old_copy(place, terms, window).await {
                        // Who waits behind this caller need not wait as long once more.
                        inner.found(place, flight, &old, source, inner.now());
                        return Ok(inner.hand_out(place.spot.id, old, source, now));
                    }
                    // It was invalidated meanwhile: then only what was asked for before may be handed out.
                    came(&mut pending).await
                }
            },
            _ => Err(LoadError::Elsewhere("there are as many loads in the background as may be".to_owned())),
        };
        inner.near.loaded();
        inner.near.abandon(place.spot, flight);
        match came {
            Ok((held, source)) => {
                flight.finish(Outcome::Brought { held: held.clone(), source });
                Ok(inner.hand_out(place.spot.id, held, source, inner.store.clock().now()))
            }
            Err(error) => {
                flight.finish(Outcome::Failed(error.erased()));
                inner.or_old(place, terms, error).await
            }
        }
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Whether an old value can be shown while it is replaced, at once or after a while.
    pub(super) fn may_wait_behind(&self, held: &Held<V>, terms: &Terms) -> bool {
        let (now, freshness) = (self.now().timestamp, &terms.freshness);
        held.is_stale_within(freshness.stale_while_revalidate, now)
            || (freshness.soft_timeout.is_some() && held.is_stale_within(freshness.stale_if_error, now))
    }
}

/// What came of a load in the background.
async fn came<V: Send + Sync, E: Send + Sync + 'static>(
    pending: &mut Pending<V>,
) -> Result<(Held<V>, Source), LoadError<E>> {
    match pending.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.result(),
        _ => Err(LoadError::Elsewhere("it ended without an outcome".to_owned())),
    }
}
