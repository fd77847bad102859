//! Loading many at once, and how each of their flights ends.

use std::{collections::HashMap, future::Future, hash::Hash, sync::Arc};

use redstart_connection::Timestamp;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{Answers, Filling, Gathering, Inner, Loading, Reader, Seat, Standing};
use crate::{cached::Source, error::LoadError, flight::Outcome, held::Held, loaded::Loaded};

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Calls the loader, and stores what it brings.
    pub(super) async fn load_many<E, F, L>(
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
    pub(super) fn arrive<E>(
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
    pub(super) async fn give_up<E: Send + Sync + 'static>(
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
    pub(super) async fn fail<E: Send + Sync>(
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

    pub(super) fn gather<E>(
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
