//! One load for all processes.

use std::{convert::Infallible, future::Future, hash::Hash, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use redstart_connection::Store;
use redstart_keys::{Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{sleep, timeout};

use super::{Inner, Place, bring::Permit};
use crate::{
    event::{Change, Event},
    flight::Flight,
    l1::Spot,
    operations::{Await, Prolong, Publish, Release, Released, Take, Ticket},
    space::Space,
    terms::Terms,
};

/// How often whoever loads says that it still does.
const BEAT: Duration = Duration::from_secs(1);
/// For how long that is believed.
pub(super) const BELIEVED: Ttl = Ttl::seconds(3);
/// How long a wait may be before it looks for itself, should nobody tell it.
const NET: Duration = Duration::from_millis(500);

/// A ticket for which other processes may wait.
///
/// Dropped midway it is given back, unless another caller of this process takes over.
pub(super) struct Standing<'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    inner: &'a Inner<K, V>,
    spot: Spot<'a, K>,
    flight: Option<&'a Arc<Flight<V>>>,
    /// None where nobody waits for it, or it is given back.
    ticket: Option<Given>,
}

/// What it takes to give a ticket back.
#[derive(Clone)]
struct Given {
    store: Store,
    space: Arc<Space>,
    key: Key,
    name: Bytes,
    token: String,
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The right to load, or what another process brought meanwhile.
    pub(super) async fn fleet_permit(
        &self,
        place: &Place<'_, K>,
        terms: &Terms,
        flight: Option<&Arc<Flight<V>>>,
    ) -> Permit<V> {
        let take = Take::new(vec![place.key.clone()], self.space.sequencer.clone(), BELIEVED);
        let began = self.instant();
        let patience = self.limit(terms);
        loop {
            let Some(mut tickets) = self.told(self.store.run(&take).await) else { return Permit::unkept() };
            let as_of = tickets.as_of;
            let Some(ticket) = tickets.tickets.pop().flatten() else {
                return Permit::Load { token: None, as_of };
            };
            if ticket.is_of_failure() && terms.freshness.failure_pause.is_some() {
                return Permit::Resting;
            }
            let Ticket { token, is_new, .. } = ticket;
            let Some(flight) = flight else {
                return if is_new { Permit::Load { token: Some(token), as_of } } else { Permit::Elsewhere };
            };
            let is_patient = self.instant().saturating_duration_since(began) < patience;
            if is_new {
                flight.holds(&token);
                // Whose load made way for this ticket has stored before it did.
                let Some(found) = self.settled_meanwhile(place, terms).await else {
                    return Permit::Load { token: Some(token), as_of };
                };
                self.standing(place, Some(flight), Some(&token)).failed(None).await;
                return found;
            }
            if flight.has_taken(&token) || !is_patient {
                flight.holds(&token);
                return Permit::Load { token: Some(token), as_of };
            }
            if self.told(self.store.run(&Await::new(place.key.clone())).await).is_none() {
                return Permit::unkept();
            }
            // The load may have ended before it could know that somebody waits.
            if let Some(found) = self.settled_meanwhile(place, terms).await {
                return found;
            }
            let net = NET + NET.mul_f64(fastrand::f64());
            let _woken_or_not = timeout(net, flight.news.notified()).await;
            if let Some(found) = self.settled_meanwhile(place, terms).await {
                return found;
            }
        }
    }

    /// What another process has loaded meanwhile.
    async fn settled_meanwhile(&self, place: &Place<'_, K>, terms: &Terms) -> Option<Permit<V>> {
        let (held, source) = self.told(self.look(&place.key).await).flatten()?;
        let counts = held.is_fresh(self.now().timestamp) && held.as_of >= terms.at_least;
        counts.then_some(Permit::Found(held, source))
    }

    /// What stands for a load under way, where other processes wait for it.
    pub(super) fn standing<'a>(
        &'a self,
        place: &Place<'a, K>,
        flight: Option<&'a Arc<Flight<V>>>,
        token: Option<&str>,
    ) -> Standing<'a, K, V> {
        let given = |token: &str| Given {
            store: self.store.clone(),
            space: Arc::clone(&self.space),
            key: place.key.clone(),
            name: place.name.clone(),
            token: token.to_owned(),
        };
        let ticket = token.filter(|_| self.flight.is_fleet()).map(given);
        Standing { inner: self, spot: place.spot, flight, ticket }
    }

    /// Tells whoever waits for loads of these names that they have ended.
    pub(super) async fn settled(&self, names: Vec<Bytes>) {
        for name in names {
            tell(&self.store, &self.space, name).await;
        }
    }
}

impl<K, V> Standing<'_, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Does the work, and says every second that it goes on.
    pub(super) async fn during<T>(standing: &[Self], work: impl Future<Output = T> + Send) -> T {
        if standing.iter().all(|standing| standing.ticket.is_none()) {
            return work.await;
        }
        let beats = async {
            loop {
                sleep(BEAT).await;
                join_all(standing.iter().map(Self::prolong)).await;
            }
        };
        let beats = pin!(beats);
        match select(pin!(work), beats).await {
            Either::Left((done, _)) => done,
            Either::Right((never, _)) => {
                let never: Infallible = never;
                match never {}
            }
        }
    }

    async fn prolong(&self) {
        if let Some(Given { store, key, token, .. }) = &self.ticket {
            let prolong = Prolong::new(key.clone(), token.clone(), BELIEVED);
            self.inner.told(store.run(&prolong).await);
        }
    }

    /// Nothing came of it; others rest for so long, or try at once.
    pub(super) async fn failed(mut self, rest: Option<Ttl>) {
        if let Some(given) = self.ticket.take() {
            given.back(rest).await;
        }
    }

    /// The ticket has served.
    pub(super) fn stored(mut self) {
        self.ticket = None;
    }
}

impl<K, V> Drop for Standing<'_, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn drop(&mut self) {
        let Some(given) = self.ticket.take() else { return };
        let is_taken_over = self.flight.is_some_and(|flight| self.inner.near.has_others(self.spot, flight));
        if !is_taken_over {
            let tasks = self.inner.store.tasks().clone();
            // Where no task can run, the ticket ends by itself.
            tasks.spawn("cache ticket", async move { given.back(None).await });
        }
    }
}

impl Given {
    async fn back(self, rest: Option<Ttl>) {
        let Self { store, space, key, name, token } = self;
        let release = Release::new(key, token);
        let release = rest.into_iter().fold(release, Release::resting);
        match store.run(&release).await {
            Ok(Released::Awaited) => tell(&store, &space, name).await,
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "a ticket is left to end by itself"),
        }
    }
}

async fn tell(store: &Store, space: &Space, name: Bytes) {
    space.wake(&name);
    let event = Event { entity: Some(space.label()), change: Change::Settled(name), stamp: None };
    if let Err(error) = store.run(&Publish::new(event)).await {
        tracing::debug!(%error, "who waits for a load is not told that it has ended");
    }
}
