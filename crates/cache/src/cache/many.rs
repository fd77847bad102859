//! Reading many: each id has its flight, and all that this caller leads travel together.

mod fleet;
mod loading;

use std::{collections::HashSet, future::Future, hash::Hash};

use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::SemaphorePermit;

use super::{Filling, Inner, Place, Reader, bring::Permit, fleet::Standing, load::Passenger};
use crate::{batch::Batch, cached::Source, error::LoadError, flight::Turn, loaded::Loaded};

/// One id of a batch that this process does not have.
struct Seat<'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    place: Place<'a, K>,
    passenger: Passenger<'a, K, V>,
}

/// A seat with the right to load, and the ticket to store by if there is one.
struct Loading<'s, 'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    seat: &'s Seat<'a, K, V>,
    token: Option<String>,
}

/// That the store was read before any flight was joined.
struct Ahead {
    store_helps: bool,
    /// How many loads had ended before.
    loads: u64,
}

/// What has come together of a batch, and for whom.
struct Gathering<K, V, E> {
    batch: Batch<K, V, E>,
    reader: Reader,
}

/// What a batch loader answers: for each id its value or its error, or an error for all.
pub(crate) type Answers<K, V, E> = Result<Vec<(K, Result<Loaded<V>, E>)>, E>;

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) async fn get_many_or_load<E, F, L>(
        &self,
        ids: &[K],
        mut load: F,
        reader: Reader,
    ) -> Batch<K, V, E>
    where
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Answers<K, V, E>> + Send,
    {
        let asked = self.instant();
        let mut batch = Gathering { batch: Batch::with_capacity(ids.len()), reader };
        let mut absent = Vec::new();
        let mut seen = HashSet::with_capacity(ids.len());
        for id in ids.iter().filter(|id| seen.insert(*id)) {
            match self.near(id, asked) {
                Some((held, now)) => self.gather(&mut batch, id, held, Source::L1, now),
                None => absent.push(id),
            }
        }
        let (mut absent, mut ahead) = self.look_ahead(absent, &mut batch).await;
        while !absent.is_empty() {
            absent = self.bring_many(absent, ahead.take(), &mut batch, &mut load).await;
        }
        batch.batch
    }

    /// Leads the flights that nobody leads, and waits for the others; answers for which ids that was too old.
    async fn bring_many<'a, E, F, L>(
        &'a self,
        absent: Vec<&'a K>,
        mut ahead: Option<Ahead>,
        batch: &mut Gathering<K, V, E>,
        load: &mut F,
    ) -> Vec<&'a K>
    where
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Answers<K, V, E>> + Send,
    {
        let seat = |id| {
            let place = self.place(id);
            let passenger = Passenger::join(self, place.spot, false);
            Seat { place, passenger }
        };
        let seats: Vec<_> = absent.into_iter().map(seat).collect();
        let mut open: Vec<&Seat<'_, K, V>> = seats.iter().collect();
        let mut too_old = Vec::new();
        while !open.is_empty() {
            let (led, others): (Vec<_>, Vec<_>) = open
                .into_iter()
                .map(|seat| (seat, seat.passenger.flight.try_lead()))
                .partition(|(_, turn)| turn.is_some());
            let ahead = ahead.take().filter(|ahead| !ahead.store_helps || ahead.loads == self.near.loads());
            let others: Vec<&Seat<'_, K, V>> = others.into_iter().map(|(seat, _)| seat).collect();
            // Nothing is waited for while a turn is held, so that no two batches can wait for each other.
            if !led.is_empty() {
                self.lead_many(led, ahead, batch, load).await;
            }
            open = self.await_others(others, &mut too_old, batch, load).await;
        }
        too_old.into_iter().map(|seat| seat.place.spot.id).collect()
    }

    /// Reads the store before any flight is joined, where this process keeps nothing; answers what is missing.
    ///
    /// What is found needs no flight then: nothing stays here that an invalidation could come too late for.
    /// What is missing need not be read again, unless a load ended meanwhile that may have brought it.
    async fn look_ahead<'a, E: Send + Sync>(
        &self,
        absent: Vec<&'a K>,
        batch: &mut Gathering<K, V, E>,
    ) -> (Vec<&'a K>, Option<Ahead>) {
        if absent.is_empty() || self.near.keeps_values() {
            return (absent, None);
        }
        let loads = self.near.loads();
        let keys = absent.iter().map(|id| self.entity.key(id)).collect();
        let Some((looked, source)) = self.told(self.look_many(keys).await) else {
            return (absent, Some(Ahead { store_helps: false, loads }));
        };
        let now = self.now().timestamp;
        // A read that began before this one and ends after it may bring something older than is shown here.
        let may_be_outrun = self.near.has_passengers();
        let mut missing = Vec::new();
        for (id, held) in absent.into_iter().zip(looked) {
            let Some(held) = held.filter(|held| held.is_fresh(now)) else {
                missing.push(id);
                continue;
            };
            if may_be_outrun {
                self.near.shown(self.place(id).spot, held.as_of);
            }
            self.gather(batch, id, held, source, now);
        }
        (missing, Some(Ahead { store_helps: true, loads }))
    }

    /// Waits for what others load; answers what is left when one of them goes away without an outcome.
    async fn await_others<'s, 'a, E, F, L>(
        &self,
        others: Vec<&'s Seat<'a, K, V>>,
        too_old: &mut Vec<&'s Seat<'a, K, V>>,
        batch: &mut Gathering<K, V, E>,
        load: &mut F,
    ) -> Vec<&'s Seat<'a, K, V>>
    where
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Answers<K, V, E>> + Send,
    {
        let mut others = others.into_iter();
        while let Some(seat) = others.next() {
            match seat.passenger.flight.turn().await {
                // Its leader's terms may have allowed an old value where a batch must not show one.
                Turn::Done(outcome) if !self.suffices(outcome, &self.terms) => too_old.push(seat),
                Turn::Done(outcome) => {
                    let now = self.store.clock().now();
                    match outcome.result() {
                        Ok((held, source)) => {
                            self.gather(batch, seat.place.spot.id, held, source, now);
                        }
                        Err(error) => self.fail(seat, error, batch).await,
                    }
                }
                Turn::Lead(turn) => {
                    self.lead_many(vec![(seat, Some(turn))], None, batch, load).await;
                    return others.collect();
                }
            }
        }
        Vec::new()
    }

    /// Reads and loads what this caller has the turn for.
    async fn lead_many<E, F, L>(
        &self,
        led: Vec<(&Seat<'_, K, V>, Option<SemaphorePermit<'_>>)>,
        ahead: Option<Ahead>,
        batch: &mut Gathering<K, V, E>,
        load: &mut F,
    ) where
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Answers<K, V, E>> + Send,
    {
        let seats: Vec<_> = led.iter().map(|(seat, _)| *seat).collect();
        let (missing, store_helps) = match ahead {
            Some(Ahead { store_helps, .. }) => (seats, store_helps),
            None => self.find_many(seats, batch).await,
        };
        let mut ready = Vec::with_capacity(missing.len());
        for seat in missing {
            match self.near.failures.standing(seat.place.spot.mark, self.instant()) {
                Some(failure) => self.give_up(seat, LoadError::of(&failure), batch).await,
                None => ready.push(seat),
            }
        }
        while !ready.is_empty() {
            let (loading, elsewhere) = match store_helps {
                true => self.permits(ready, batch).await,
                false => (ready.into_iter().map(|seat| Loading { seat, token: None }).collect(), Vec::new()),
            };
            let loading = self.without_settled(loading, batch).await;
            if !loading.is_empty() {
                self.load_many(loading, batch, load).await;
            }
            // What other processes load is waited for when one's own loads are done.
            ready = self.await_fleet(elsewhere, batch).await;
        }
    }

    /// Reads the store; answers what is missing, and whether the store helps.
    async fn find_many<'s, 'a, E: Send + Sync>(
        &self,
        seats: Vec<&'s Seat<'a, K, V>>,
        batch: &mut Gathering<K, V, E>,
    ) -> (Vec<&'s Seat<'a, K, V>>, bool) {
        let keys = seats.iter().map(|seat| seat.place.key.clone()).collect();
        let Some((looked, source)) = self.told(self.look_many(keys).await) else { return (seats, false) };
        let now = self.now();
        let mut missing = Vec::new();
        for (seat, held) in seats.into_iter().zip(looked) {
            match held.filter(|held| held.is_fresh(now.timestamp)) {
                Some(held) => {
                    self.found(&seat.place, &seat.passenger.flight, &held, source, now);
                    self.gather(batch, seat.place.spot.id, held, source, now.timestamp);
                }
                None => missing.push(seat),
            }
        }
        (missing, true)
    }
}
