//! Reading many: each id has its flight, and all that this caller leads travel together.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use futures_util::future::join_all;
use redstart_connection::Timestamp;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::SemaphorePermit, time::timeout};

use super::{Filling, Inner, Place, Reader, bring::Permit, fleet::Standing, load::Passenger};
use crate::{
    batch::Batch,
    cached::Source,
    error::LoadError,
    flight::{Outcome, Turn},
    loaded::Loaded,
    value::Held,
};

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
        let (absent, mut ahead) = self.look_ahead(absent, &mut batch).await;
        let seat = |id| {
            let place = self.place(id);
            let passenger = Passenger::join(self, place.spot, false);
            Seat { place, passenger }
        };
        let seats: Vec<_> = absent.into_iter().map(seat).collect();
        let mut open: Vec<&Seat<'_, K, V>> = seats.iter().collect();
        while !open.is_empty() {
            let (led, others): (Vec<_>, Vec<_>) = open
                .into_iter()
                .map(|seat| (seat, seat.passenger.flight.try_lead()))
                .partition(|(_, turn)| turn.is_some());
            let ahead = ahead.take().filter(|ahead| !ahead.store_helps || ahead.loads == self.near.loads());
            let others: Vec<&Seat<'_, K, V>> = others.into_iter().map(|(seat, _)| seat).collect();
            // Nothing is waited for while a turn is held, so that no two batches can wait for each other.
            if !led.is_empty() {
                self.lead_many(led, ahead, &mut batch, &mut load).await;
            }
            open = self.await_others(others, &mut batch, &mut load).await;
        }
        batch.batch
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

    /// Takes the tickets; what other processes load comes second.
    async fn permits<'s, 'a, E: Send + Sync + 'static>(
        &self,
        seats: Vec<&'s Seat<'a, K, V>>,
        batch: &mut Gathering<K, V, E>,
    ) -> (Vec<Loading<'s, 'a, K, V>>, Vec<&'s Seat<'a, K, V>>) {
        let keys = seats.iter().map(|seat| seat.place.key.clone()).collect();
        let tickets = self.told(self.store.run(&self.take(keys)).await);
        let (as_of, mut tickets) =
            tickets.map_or((0, Vec::new()), |tickets| (tickets.as_of, tickets.tickets));
        tickets.resize(seats.len(), None);
        let (mut loading, mut elsewhere) = (Vec::with_capacity(seats.len()), Vec::new());
        for (seat, ticket) in seats.into_iter().zip(tickets) {
            let flight = &seat.passenger.flight;
            if let Some(ticket) = ticket.as_ref().filter(|_| self.flight.is_fleet()) {
                if ticket.is_of_failure() && self.terms.freshness.failure_pause.is_some() {
                    self.give_up(seat, LoadError::resting(), batch).await;
                    continue;
                }
                if !ticket.is_new && !flight.has_taken(&ticket.token) {
                    elsewhere.push(seat);
                    continue;
                }
                flight.holds(&ticket.token);
            }
            flight.is_of(as_of);
            loading.push(Loading { seat, token: ticket.map(|ticket| ticket.token) });
        }
        (loading, elsewhere)
    }

    /// Takes out what another process has stored since this one looked: its load made way for the ticket.
    async fn without_settled<'s, 'a, E: Send + Sync>(
        &self,
        loading: Vec<Loading<'s, 'a, K, V>>,
        batch: &mut Gathering<K, V, E>,
    ) -> Vec<Loading<'s, 'a, K, V>> {
        if !self.flight.is_fleet() || loading.iter().all(|loading| loading.token.is_none()) {
            return loading;
        }
        let keys = loading.iter().map(|loading| loading.seat.place.key.clone()).collect();
        let Some((looked, source)) = self.told(self.look_many(keys).await) else { return loading };
        let now = self.now().timestamp;
        let mut left = Vec::with_capacity(loading.len());
        for (Loading { seat, token }, held) in loading.into_iter().zip(looked) {
            let Some(held) = held.filter(|held| held.is_fresh(now)) else {
                left.push(Loading { seat, token });
                continue;
            };
            self.standing(&seat.place, Some(&seat.passenger.flight), token.as_deref()).failed(None).await;
            self.arrive(seat, &held, source, true, batch);
        }
        left
    }

    /// Waits for the loads of other processes; answers what is to be loaded here after all.
    async fn await_fleet<'s, 'a, E: Send + Sync + 'static>(
        &self,
        seats: Vec<&'s Seat<'a, K, V>>,
        batch: &mut Gathering<K, V, E>,
    ) -> Vec<&'s Seat<'a, K, V>> {
        let permit = |seat: &&'s Seat<'a, K, V>| {
            let seat = *seat;
            self.fleet_permit(&seat.place, &self.terms, Some(&seat.passenger.flight))
        };
        let permits = join_all(seats.iter().map(permit)).await;
        let mut left = Vec::new();
        for (seat, permit) in seats.into_iter().zip(permits) {
            match permit {
                Permit::Found(held, source) => self.arrive(seat, &held, source, true, batch),
                Permit::Resting => self.give_up(seat, LoadError::resting(), batch).await,
                Permit::Load { .. } | Permit::Elsewhere => left.push(seat),
            }
        }
        left
    }

    /// Calls the loader, and stores what it brings.
    async fn load_many<E, F, L>(
        &self,
        loading: Vec<Loading<'_, '_, K, V>>,
        batch: &mut Gathering<K, V, E>,
        load: &mut F,
    ) where
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Answers<K, V, E>> + Send,
    {
        let limit = self.limit(&self.terms);
        let standing: Vec<_> = loading
            .iter()
            .map(|Loading { seat, token }| {
                self.standing(&seat.place, Some(&seat.passenger.flight), token.as_deref())
            })
            .collect();
        let started = self.instant();
        let ids = loading.iter().map(|Loading { seat, .. }| seat.place.spot.id.clone()).collect();
        let answers = Standing::during(&standing, timeout(limit, load(ids))).await;
        let took = self.instant().saturating_duration_since(started);
        let mut answers: HashMap<K, Result<Loaded<V>, LoadError<E>>> = match answers {
            Ok(Ok(answers)) => answers
                .into_iter()
                .map(|(id, answer)| (id, answer.map_err(|error| LoadError::Load(Arc::new(error)))))
                .collect(),
            failed => {
                let error = match failed {
                    Ok(Err(error)) => LoadError::Load(Arc::new(error)),
                    _ => LoadError::TimedOut(limit),
                };
                let id = |loading: &Loading<'_, '_, K, V>| loading.seat.place.spot.id.clone();
                loading.iter().map(|loading| (id(loading), Err(error.clone()))).collect()
            }
        };
        let mut brought = Vec::with_capacity(loading.len());
        for (Loading { seat, token }, standing) in loading.into_iter().zip(standing) {
            match answers.remove(seat.place.spot.id).unwrap_or_else(|| Ok(Loaded::absent())) {
                Ok(loaded) => {
                    self.near.failures.forget(seat.place.spot.mark);
                    let as_of = seat.passenger.flight.as_of();
                    let (held, ttl) = self.born(&seat.place.name, loaded, &self.terms, as_of, took);
                    brought.push((seat, held, token.zip(ttl), standing));
                }
                Err(error) => {
                    self.tallies.load_failures.add();
                    standing.failed(self.rest(&seat.place, &self.terms, &error)).await;
                    self.give_up(seat, error, batch).await;
                }
            }
        }
        if !brought.is_empty() {
            self.tallies.loaded(took);
        }
        let filling = brought.iter().filter_map(|(seat, held, ticket, _)| {
            let (token, ttl) = ticket.clone()?;
            Some(Filling { place: &seat.place, held, token, ttl })
        });
        let filling = filling.collect();
        let mut kept = self.fill(filling).await.into_iter();
        for (seat, held, ticket, standing) in brought {
            let may_keep = ticket.is_some() && kept.next().unwrap_or(false);
            match may_keep {
                true => standing.stored(),
                false => standing.failed(None).await,
            }
            self.arrive(seat, &held, Source::Loaded, may_keep, batch);
        }
    }

    /// Ends a flight with a value.
    fn arrive<E>(
        &self,
        seat: &Seat<'_, K, V>,
        held: &Held<V>,
        source: Source,
        may_keep: bool,
        batch: &mut Gathering<K, V, E>,
    ) {
        let (spot, flight, now) = (seat.place.spot, &seat.passenger.flight, self.now());
        self.near.loaded();
        match source {
            Source::Loaded => {
                self.near.land(spot, flight, held, may_keep, now);
                flight.finish(Outcome::Brought { held: held.clone(), source });
            }
            _ => self.found(&seat.place, flight, held, source, now),
        }
        self.gather(batch, spot.id, held.clone(), source, now.timestamp);
    }

    /// Ends a flight without a value.
    async fn give_up<E: Send + Sync + 'static>(
        &self,
        seat: &Seat<'_, K, V>,
        error: LoadError<E>,
        batch: &mut Gathering<K, V, E>,
    ) {
        self.near.loaded();
        self.near.abandon(seat.place.spot, &seat.passenger.flight);
        seat.passenger.flight.finish(Outcome::Failed(error.erased()));
        self.fail(seat, error, batch).await;
    }

    /// An old value, or an error, for an id whose load failed.
    async fn fail<E: Send + Sync>(
        &self,
        seat: &Seat<'_, K, V>,
        error: LoadError<E>,
        batch: &mut Gathering<K, V, E>,
    ) {
        let id = seat.place.spot.id;
        let old = match batch.reader {
            Reader::Caller => self.or_old(&seat.place, &self.terms, error).await,
            Reader::Warming => Err(error),
        };
        match old {
            Ok(Some(old)) => drop(batch.batch.found.insert(id.clone(), old)),
            Ok(None) => {}
            Err(error) => drop(batch.batch.failed.insert(id.clone(), error)),
        }
    }

    fn gather<E>(
        &self,
        batch: &mut Gathering<K, V, E>,
        id: &K,
        held: Held<V>,
        source: Source,
        now: Timestamp,
    ) {
        let cached = self.answer(batch.reader, id, held, source, now);
        batch.batch.found.extend(cached.map(|cached| (id.clone(), cached)));
    }
}
