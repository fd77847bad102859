//! The tier in this process, and the loads under way, behind one set of locks.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::sync::Cache as Map;
use redstart_connection::Timestamp;

use crate::{flight::Flight, value::Held};

const SHARDS: usize = 64;

/// Cached values of this process and the flights that may add to them.
///
/// moka serves as a map alone. An insertion looks at the flights under the same lock under which an
/// invalidation removes them, so that what was loaded before an invalidation is never put in after it.
pub(crate) struct Near<K, V> {
    values: Option<Map<K, Kept<V>>>,
    ttl: Duration,
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
}

/// A value with the moment at which this process drops it.
struct Kept<V> {
    held: Held<V>,
    until: Timestamp,
}

impl<V> Clone for Kept<V> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), until: self.until }
    }
}

struct Shard<K, V> {
    flights: HashMap<K, Listed<V>>,
    /// Counts the invalidations, for readers without a flight.
    epoch: u64,
}

/// A flight, and how many callers have joined it and not left.
struct Listed<V> {
    flight: Arc<Flight<V>>,
    passengers: usize,
}

/// The right to insert what was read, unless an invalidation came between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(u64);

impl<K, V> Near<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(crate) fn new(entries: Option<u64>, ttl: Duration) -> Self {
        Self {
            values: entries.map(Map::new),
            ttl,
            shards: (0..SHARDS).map(|_| Mutex::new(Shard { flights: HashMap::new(), epoch: 0 })).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The fresh value under `id`.
    pub(crate) fn get(&self, id: &K, now: Timestamp) -> Option<Held<V>> {
        let kept = self.values.as_ref()?.get(id)?;
        (now < kept.until).then_some(kept.held)
    }

    /// The flight for `id`, begun if there is none.
    pub(crate) fn join(&self, id: &K) -> Arc<Flight<V>> {
        let mut shard = self.shard(id);
        if let Some(listed) = shard.flights.get_mut(id) {
            listed.passengers += 1;
            return Arc::clone(&listed.flight);
        }
        let flight = Arc::new(Flight::new());
        shard.flights.insert(id.clone(), Listed { flight: Arc::clone(&flight), passengers: 1 });
        flight
    }

    /// Ends a flight that brought `held`; keeps it when `keep` and nothing came between.
    pub(crate) fn land(&self, id: &K, flight: &Arc<Flight<V>>, held: &Held<V>, keep: bool, now: Timestamp) {
        let mut shard = self.shard(id);
        if !shard.forget(id, flight) {
            return;
        }
        if keep {
            self.put(id, held, now);
        }
    }

    /// Ends a flight that brought nothing to keep.
    pub(crate) fn abandon(&self, id: &K, flight: &Arc<Flight<V>>) {
        self.shard(id).forget(id, flight);
    }

    /// Leaves a flight; the last one out takes it off the list.
    pub(crate) fn leave(&self, id: &K, flight: &Arc<Flight<V>>) {
        let mut shard = self.shard(id);
        if let Some(listed) = shard.listed(id, flight) {
            listed.passengers -= 1;
            if listed.passengers == 0 {
                shard.flights.remove(id);
            }
        }
    }

    /// The present epoch of `id`, taken before a read without a flight.
    pub(crate) fn epoch(&self, id: &K) -> Epoch {
        Epoch(self.shard(id).epoch)
    }

    /// Keeps `held` unless `id` was invalidated since `epoch`.
    pub(crate) fn keep(&self, id: &K, held: &Held<V>, epoch: Epoch, now: Timestamp) {
        let shard = self.shard(id);
        if shard.epoch == epoch.0 {
            self.put(id, held, now);
        }
    }

    /// Drops the value of `id`, and lets no read that is under way put one in.
    pub(crate) fn invalidate(&self, id: &K) -> bool {
        let mut shard = self.shard(id);
        shard.epoch += 1;
        // Callers who have joined get its answer; later ones begin anew.
        shard.flights.remove(id);
        self.values.as_ref().is_some_and(|values| values.remove(id).is_some())
    }

    /// Drops everything, and lets no read that is under way put anything in.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.epoch += 1;
            shard.flights.clear();
        }
        if let Some(values) = &self.values {
            values.invalidate_all();
        }
    }

    /// How many values there are, about.
    pub(crate) fn len(&self) -> u64 {
        self.values.as_ref().map_or(0, |values| {
            values.run_pending_tasks();
            values.entry_count()
        })
    }

    #[cfg(test)]
    pub(crate) fn flights(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).flights.len())
            .sum()
    }

    /// Called under the shard's lock.
    fn put(&self, id: &K, held: &Held<V>, now: Timestamp) {
        let Some(values) = &self.values else { return };
        // Values of one key never go back: of two that were read at the same time the newer one stays.
        // One that has ended holds nothing up, for moka may keep it long after.
        let present = values.get(id).filter(|present| now < present.until);
        if present.is_none_or(|present| present.held.as_of <= held.as_of) {
            let longest = now.saturating_add(self.ttl);
            let until = held.expires_at.map_or(longest, |expires_at| expires_at.min(longest));
            values.insert(id.clone(), Kept { held: held.clone(), until });
        }
    }

    fn shard(&self, id: &K) -> MutexGuard<'_, Shard<K, V>> {
        let shard = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or(0);
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Shard<K, V> {
    /// The entry of `flight`, while it is still the one for `id`.
    fn listed(&mut self, id: &K, flight: &Arc<Flight<V>>) -> Option<&mut Listed<V>> {
        self.flights.get_mut(id).filter(|listed| Arc::ptr_eq(&listed.flight, flight))
    }

    /// Removes the flight; answers whether it was still the one for `id`.
    fn forget(&mut self, id: &K, flight: &Arc<Flight<V>>) -> bool {
        let current = self.listed(id, flight).is_some();
        if current {
            self.flights.remove(id);
        }
        current
    }
}

impl<K, V> fmt::Debug for Near<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("keeps_values", &self.values.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
