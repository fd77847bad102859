//! Reading: what is cached, and what a loader brings.

use std::{future::Future, hash::Hash, sync::Arc, time::Duration};

use redstart_connection::{Result, Timestamp};
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    Cache, Inner, Place,
    bring::{Brought, Errand, Errands},
};
use crate::{
    cached::{Cached, Source},
    error::LoadError,
    flight::{Flight, Outcome, Turn},
    held::Held,
    l1::{Moment, Near, Spot},
    loaded::{Loaded, Present},
    terms::Terms,
};

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The cached value while it is fresh; none when there is none, or it is known that there is nothing.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn get(&self, id: &K) -> Result<Option<Cached<V>>> {
        let inner = &*self.0;
        if let Some((held, now)) = inner.near_now(id) {
            return Ok(inner.hand_out(id, held, Source::L1, now));
        }
        let place = inner.place(id);
        let passenger = Passenger::join(inner, place.spot, false);
        // Behind a load under way this reads for itself: a plain look must not wait for a loader.
        let turn = passenger.flight.try_lead();
        let found = inner.look(&place.key).await?;
        let now = inner.now();
        let Some((held, source)) = found.filter(|(held, _)| held.is_fresh(now.timestamp)) else {
            inner.missed(id);
            return Ok(None);
        };
        match turn {
            Some(_turn) => inner.found(&place, &passenger.flight, &held, source, now),
            None => inner.near.shown(place.spot, held.as_of),
        }
        Ok(inner.hand_out(id, held, source, now.timestamp))
    }

    /// The cached value, or what `load` brings; none when there is nothing.
    ///
    /// Of all callers of this cache and its clones who ask for one id at the same time one loads; the
    /// others wait for it and share its outcome, its error included, or get the old value where
    /// [`Freshness::stale_while_revalidate`](crate::Freshness::stale_while_revalidate) allows. When that
    /// one goes away the next takes over. After a failure loads of this id rest for a moment, see
    /// [`Freshness::failure_pause`](crate::Freshness::failure_pause).
    ///
    /// The loader may borrow, and runs in the caller's task. [`Entry::fetch`](crate::Entry::fetch) takes
    /// one that can go on in the background.
    ///
    /// A loader must not ask this cache for the id that it loads: it would wait for itself, until the
    /// time of a load is over. [`Cache::get`] waits for no load and may be asked.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error, or because it takes too long, and with nothing else: when the store
    /// is of no help the loader answers.
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
        // Before anything else is set up: this is what nearly every call ends with.
        if let Some((held, now)) = inner.near_now(id)
            && !inner.is_due(&inner.terms, &held, now)
        {
            return Ok(inner.hand_out(id, held, Source::L1, now));
        }
        // Boxed: the futures of services nest what they call, and the compiler has a limit to that.
        Box::pin(inner.get_or_load(id, &inner.terms, |_| async move { load().await.map(Into::into) })).await
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The cached value, or what `load` brings in this task, on these terms.
    pub(crate) async fn get_or_load<E, F, L>(
        &self,
        id: &K,
        terms: &Terms,
        load: F,
    ) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<Loaded<V>, E>> + Send,
    {
        let place = self.place(id);
        if let Some((held, now)) = self.near_enough(id, terms) {
            return Ok(self.early(&place, terms, held, Source::L1, now, load).await);
        }
        let passenger = Passenger::join(self, place.spot, terms.at_least > 0);
        let turn = match self.turn(&place, terms, &passenger.flight).await {
            Ok(turn) => turn,
            Err(old) => return Ok(old),
        };
        let led = match turn {
            // Shown old to callers who are content with that; this one is not.
            Turn::Done(outcome) if !self.suffices(outcome, terms) => {
                return Box::pin(self.get_or_load(id, terms, load)).await;
            }
            Turn::Done(outcome) => outcome.result(),
            Turn::Lead(_turn) => match self.find(&place, terms).await {
                Found::Fresh(held, source) => {
                    let now = self.now();
                    self.found(&place, &passenger.flight, &held, source, now);
                    return Ok(self.early(&place, terms, held, source, now.timestamp, load).await);
                }
                Found::Else { present, store_helps } => {
                    let (flight, present) = (&passenger.flight, present.map(|(held, _)| held));
                    let errand = Errand { place: &place, terms, flight: Some(flight), present, store_helps };
                    self.land(&place, flight, self.bring(errand, load).await)
                }
            },
        };
        match led {
            Ok((held, source)) => Ok(self.hand_out(place.spot.id, held, source, self.store.clock().now())),
            Err(error) => self.or_old(&place, terms, error).await,
        }
    }

    /// The turn to load, or the outcome; an old value where that is to be had sooner.
    pub(super) async fn turn<'f>(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        flight: &'f Flight<V>,
    ) -> Result<Turn<'f, V>, Option<Cached<V>>> {
        let freshness = &terms.freshness;
        if freshness.stale_while_revalidate > Duration::ZERO {
            if let Some(turn) = flight.try_lead() {
                return Ok(Turn::Lead(turn));
            }
            if let Some(old) = self.old(place, terms, freshness.stale_while_revalidate).await {
                return Err(old);
            }
        }
        if let Some(soft) = freshness.soft_timeout
            && freshness.stale_if_error > Duration::ZERO
        {
            if let Ok(turn) = timeout(soft, flight.turn()).await {
                return Ok(turn);
            }
            if let Some(old) = self.old(place, terms, freshness.stale_if_error).await {
                return Err(old);
            }
        }
        Ok(flight.turn().await)
    }

    /// What the store has.
    pub(super) async fn find(&self, place: &Place<'_, K>, terms: &Terms) -> Found<V> {
        match self.look(&place.key).await {
            Ok(found) => match found.filter(|(held, _)| held.as_of >= terms.at_least) {
                Some((held, source)) if held.is_fresh(self.store.clock().now()) => Found::Fresh(held, source),
                present => Found::Else { present, store_helps: true },
            },
            Err(error) => {
                let cache = self.entity.name();
                tracing::debug!(cache, %error, "the store is of no help; the loader answers");
                Found::Else { present: None, store_helps: false }
            }
        }
    }

    /// Ends a flight with what the store has.
    pub(super) fn found(
        &self,
        place: &Place<'_, K>,
        flight: &Arc<Flight<V>>,
        held: &Held<V>,
        source: Source,
        now: Moment,
    ) {
        match source {
            // Memory in place of the server has no order with what others were told of.
            Source::Standby => self.near.abandon(place.spot, flight),
            _ => self.near.land(place.spot, flight, held, true, now),
        }
        flight.finish(Outcome::Brought { held: held.clone(), source });
    }

    /// Ends a flight with what came of its load.
    pub(super) fn land<E: Send + Sync + 'static>(
        &self,
        place: &Place<'_, K>,
        flight: &Arc<Flight<V>>,
        came: Errands<V, E>,
    ) -> Result<(Held<V>, Source), LoadError<E>> {
        self.near.loaded();
        let error = match came {
            Errands::Brought(Brought { held, source, may_keep }) => {
                self.near.land(place.spot, flight, &held, may_keep, self.now());
                flight.finish(Outcome::Brought { held: held.clone(), source });
                return Ok((held, source));
            }
            Errands::Elsewhere => LoadError::Elsewhere("another process is at it".to_owned()),
            Errands::Failed(error) => error,
        };
        self.near.abandon(place.spot, flight);
        flight.finish(Outcome::Failed(error.erased()));
        Err(error)
    }

    /// A fresh value; where it is time to, it is replaced first, and others go on getting the present one.
    async fn early<E, F, L>(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        held: Held<V>,
        source: Source,
        now: Timestamp,
        load: F,
    ) -> Option<Cached<V>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<Loaded<V>, E>> + Send,
    {
        if self.is_due(terms, &held, now)
            && let Ok(slot) = self.background.claim(place.spot.mark)
            && let Some(Ok((held, source))) = self.replace(slot, place, terms, Some(held.clone()), load).await
        {
            return self.hand_out(place.spot.id, held, source, self.store.clock().now());
        }
        self.hand_out(place.spot.id, held, source, now)
    }

    /// Whether a value is to be replaced before it ends.
    pub(super) fn is_due(&self, terms: &Terms, held: &Held<V>, now: Timestamp) -> bool {
        let early = terms.freshness.early;
        !early.is_never() && held.life.is_some_and(|life| early.is_due(&life, now, 1.0 - fastrand::f64()))
    }

    /// What this process has, if it is fresh and late enough.
    pub(super) fn near_enough(&self, id: &K, terms: &Terms) -> Option<(Held<V>, Timestamp)> {
        self.near_now(id).filter(|(held, _)| held.as_of >= terms.at_least)
    }

    /// An old value in place of one that could not be had.
    pub(super) async fn or_old<E: Send + Sync>(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        error: LoadError<E>,
    ) -> Result<Option<Cached<V>>, LoadError<E>> {
        self.old(place, terms, terms.freshness.stale_if_error).await.ok_or(error)
    }

    /// A value that ended less than `window` ago, as the tiers have it at this moment: it may have been
    /// invalidated since it was seen last.
    pub(super) async fn old(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        window: Duration,
    ) -> Option<Option<Cached<V>>> {
        let (held, source, now) = self.old_copy(place, terms, window).await?;
        Some(self.hand_out(place.spot.id, held, source, now))
    }

    /// What [`Inner::old`] hands out.
    pub(super) async fn old_copy(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        window: Duration,
    ) -> Option<(Held<V>, Source, Timestamp)> {
        if window.is_zero() {
            return None;
        }
        let serves = |held: &Held<V>, now| {
            held.as_of >= terms.at_least && (held.is_fresh(now) || held.is_stale_within(window, now))
        };
        if let Some((held, now)) = self.near_copy(place.spot.id, self.instant())
            && serves(&held, now)
        {
            return Some((held, Source::L1, now));
        }
        let epoch = self.near.epoch(place.spot);
        let (held, source) = self.told(self.look(&place.key).await).flatten()?;
        let now = self.now();
        if !serves(&held, now.timestamp) {
            return None;
        }
        if source != Source::Standby {
            self.near.keep(place.spot, &held, epoch, now);
        }
        Some((held, source, now.timestamp))
    }

    /// Whether what another caller's flight ended with will do on these terms: that one may have shown an old
    /// value where this one must not.
    pub(super) fn suffices(&self, outcome: &Outcome<V>, terms: &Terms) -> bool {
        match outcome {
            // What was loaded just now is the newest there is, however short it lives.
            Outcome::Failed(_) | Outcome::Brought { source: Source::Loaded, .. } => true,
            Outcome::Brought { held, .. } => {
                held.is_fresh(self.now().timestamp) || self.may_wait_behind(held, terms)
            }
        }
    }
}

/// What the store has of a value.
pub(super) enum Found<V> {
    Fresh(Held<V>, Source),
    /// An old copy, or none, and whether that can be relied on.
    Else {
        present: Option<(Held<V>, Source)>,
        store_helps: bool,
    },
}

/// A caller of a flight; the last one who leaves without an outcome takes the flight off the list.
pub(super) struct Passenger<'a, K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    near: &'a Near<K, V>,
    spot: Spot<'a, K>,
    pub(super) flight: Arc<Flight<V>>,
}

impl<'a, K, V> Passenger<'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Joins the load under way; one that begins now, where what was known before does not do.
    pub(super) fn join(inner: &'a Inner<K, V>, spot: Spot<'a, K>, begins_now: bool) -> Self {
        let now = inner.instant();
        // Who does not hear of changes joins no load that began before what may be unheard.
        let not_before = match begins_now {
            true => Some(now),
            false if inner.hears(now) => None,
            false => now.checked_sub(inner.max_staleness),
        };
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
