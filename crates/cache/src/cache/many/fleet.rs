//! The part of a batch that other processes may be loading already.

use std::hash::Hash;

use futures_util::future::join_all;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::{Gathering, Inner, Loading, Permit, Seat};
use crate::error::LoadError;

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Takes the tickets; what other processes load comes second.
    pub(super) async fn permits<'s, 'a, E: Send + Sync + 'static>(
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
    pub(super) async fn without_settled<'s, 'a, E: Send + Sync>(
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
    pub(super) async fn await_fleet<'s, 'a, E: Send + Sync + 'static>(
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
}
