//! The tier in this process, and the loads under way, behind one set of locks.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::{notification::RemovalCause, sync::Cache as Map};
use redstart_connection::Timestamp;

use crate::{
    flight::Flight,
    space::Space,
    stats::{Tallies, Tally},
    value::Held,
};

const SHARDS: usize = 64;

/// Cached values of this process and the flights that may add to them.
///
/// moka serves as a map alone. An insertion looks at the flights under the same lock under which an
/// invalidation removes them, so that what was loaded before an invalidation is never put in after it.
///
/// Other processes name a value as the server does, so that is how flights and values are found again.
pub(crate) struct Near<K, V> {
    values: Option<Map<K, Kept<V>>>,
    ttl: Duration,
    space: Arc<Space>,
    evictions: Arc<Tally>,
    shards: Box<[Mutex<Shard<K, V>>]>,
    hasher: RandomState,
}

/// An id with what its name on the server hashes to.
#[derive(Debug)]
pub(crate) struct Spot<'a, K> {
    pub(crate) id: &'a K,
    mark: u64,
}

impl<K> Clone for Spot<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Spot<'_, K> {}

/// A value with the moment at which this process drops it.
struct Kept<V> {
    held: Held<V>,
    /// When it was put in, by both clocks.
    since: (Instant, Timestamp),
    until: Instant,
}

impl<V> Clone for Kept<V> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), since: self.since, until: self.until }
    }
}

struct Shard<K, V> {
    flights: HashMap<u64, Listed<K, V>>,
    /// Whose value is kept under a mark; may name some that are gone.
    ids: HashMap<u64, K>,
    /// From how many of them on those that are gone are looked for.
    crowded: usize,
    /// Counts the invalidations, for readers without a flight.
    epoch: u64,
}

/// A flight, and how many callers have joined it and not left.
struct Listed<K, V> {
    id: K,
    flight: Arc<Flight<V>>,
    passengers: usize,
}

/// The right to insert what was read, unless an invalidation came between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(u64);

/// The present, by both clocks: the one that never jumps decides, the other is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) timestamp: Timestamp,
}

impl<K, V> Near<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    pub(crate) fn new(entries: Option<u64>, ttl: Duration, space: Arc<Space>) -> Self {
        let shard = || Shard { flights: HashMap::new(), ids: HashMap::new(), crowded: 16, epoch: 0 };
        let evictions = Tallies::evictions(space.name());
        let map = |entries| {
            let evicted = Arc::clone(&evictions);
            let listener = move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evicted.add();
                }
            };
            Map::builder().max_capacity(entries).eviction_listener(listener).build()
        };
        Self {
            values: entries.map(map),
            evictions,
            ttl,
            space,
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Whether values are kept here at all.
    pub(crate) const fn keeps_values(&self) -> bool {
        self.values.is_some()
    }

    /// An id by its name on the server.
    pub(crate) fn spot<'a>(&self, id: &'a K, name: &[u8]) -> Spot<'a, K> {
        Spot { id, mark: self.hasher.hash_one(name) }
    }

    /// The value under `id` that nothing has outdated, and the present as the server's clock shows it.
    pub(crate) fn get(&self, id: &K, now: Instant) -> Option<(Held<V>, Timestamp)> {
        let Kept { held, since: (instant, timestamp), until } = self.values.as_ref()?.get(id)?;
        if now >= until || self.space.outdates(held.as_of, &held.tags) {
            return None;
        }
        let timestamp = timestamp.saturating_add(now.saturating_duration_since(instant));
        Some((held, timestamp))
    }

    /// The flight for an id, begun now if there is none, or none that began after `not_before`.
    pub(crate) fn join(
        &self,
        spot: Spot<'_, K>,
        now: Instant,
        not_before: Option<Instant>,
    ) -> Arc<Flight<V>> {
        let mut shard = self.shard(spot.mark);
        if let Some(listed) = shard.flights.get_mut(&spot.mark) {
            // Another id of the same mark is on its way; this one goes unlisted and keeps nothing.
            if listed.id != *spot.id {
                return Arc::new(Flight::new(now));
            }
            if not_before.is_none_or(|not_before| not_before <= listed.flight.began()) {
                listed.passengers += 1;
                return Arc::clone(&listed.flight);
            }
        }
        let flight = Arc::new(Flight::new(now));
        let listed = Listed { id: spot.id.clone(), flight: Arc::clone(&flight), passengers: 1 };
        shard.flights.insert(spot.mark, listed);
        flight
    }

    /// Ends a flight that brought `held`; keeps it when `keep` and nothing came between.
    pub(crate) fn land(
        &self,
        spot: Spot<'_, K>,
        flight: &Arc<Flight<V>>,
        held: &Held<V>,
        keep: bool,
        now: Moment,
    ) {
        let mut shard = self.shard(spot.mark);
        if shard.forget(spot, flight) && keep && !flight.is_doubted() {
            self.put(&mut shard, spot, held, now);
        }
    }

    /// Ends a flight that brought nothing to keep.
    pub(crate) fn abandon(&self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) {
        self.shard(spot.mark).forget(spot, flight);
    }

    /// Leaves a flight; the last one out takes it off the list.
    pub(crate) fn leave(&self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) {
        let mut shard = self.shard(spot.mark);
        if let Some(listed) = shard.listed(spot, flight) {
            listed.passengers -= 1;
            if listed.passengers == 0 {
                shard.flights.remove(&spot.mark);
            }
        }
    }

    /// The present epoch of an id, taken before a read without a flight.
    pub(crate) fn epoch(&self, spot: Spot<'_, K>) -> Epoch {
        Epoch(self.shard(spot.mark).epoch)
    }

    /// Keeps `held` unless its id was invalidated since `epoch`.
    pub(crate) fn keep(&self, spot: Spot<'_, K>, held: &Held<V>, epoch: Epoch, now: Moment) {
        let mut shard = self.shard(spot.mark);
        if shard.epoch == epoch.0 {
            self.put(&mut shard, spot, held, now);
        }
    }

    /// Drops what is under a name, unless it is of `stamp` or later, and lets no read that is under way
    /// put anything older in; answers whether there was anything.
    pub(crate) fn forget(&self, name: &[u8], stamp: Option<u64>) -> bool {
        let mark = self.hasher.hash_one(name);
        let is_later = |as_of: u64| stamp.is_some_and(|stamp| as_of >= stamp);
        let mut shard = self.shard(mark);
        shard.epoch += 1;
        // Callers who have joined get its answer; later ones begin anew.
        if shard.flights.get(&mark).is_some_and(|listed| !is_later(listed.flight.as_of())) {
            shard.flights.remove(&mark);
        }
        let (Some(values), Some(id)) = (&self.values, shard.ids.get(&mark)) else { return false };
        if values.get(id).is_some_and(|kept| is_later(kept.held.as_of)) {
            return false;
        }
        let held = values.remove(id).is_some();
        shard.ids.remove(&mark);
        held
    }

    /// Lets nobody join a flight that is not known to be of `stamp` or later.
    pub(crate) fn supersede(&self, stamp: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.flights.retain(|_, listed| listed.flight.as_of() >= stamp);
        }
    }

    /// Drops everything, and lets no read that is under way put anything in; nor may anybody join one.
    pub(crate) fn clear(&self) {
        self.drop_values(|shard| shard.flights.clear());
    }

    /// Drops everything, and lets no read that is under way put anything in: it may not be true any more.
    pub(crate) fn doubt(&self) {
        self.drop_values(|shard| shard.flights.values().for_each(|listed| listed.flight.doubt()));
    }

    fn drop_values(&self, flights: impl Fn(&mut Shard<K, V>)) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.epoch += 1;
            shard.ids.clear();
            flights(&mut shard);
        }
        if let Some(values) = &self.values {
            values.invalidate_all();
        }
    }

    /// Counts the values that were thrown out for want of room.
    pub(crate) fn evictions(&self) -> Arc<Tally> {
        Arc::clone(&self.evictions)
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
    fn put(&self, shard: &mut Shard<K, V>, spot: Spot<'_, K>, held: &Held<V>, now: Moment) {
        let Some(values) = &self.values else { return };
        // Values of one key never go back: of two that were read at the same time the newer one stays.
        // One that has ended holds nothing up, for moka may keep it long after.
        let present = values.get(spot.id).filter(|present| now.instant < present.until);
        if present.is_some_and(|present| present.held.as_of > held.as_of) {
            return;
        }
        if shard.ids.len() >= shard.crowded {
            shard.ids.retain(|_, id| values.contains_key(id));
            shard.crowded = (shard.ids.len() * 2).max(16);
        }
        let id = shard.ids.entry(spot.mark).or_insert_with(|| spot.id.clone());
        // Of two ids with one mark the second is not kept, since news of it could not be told from the other's.
        if *id != *spot.id {
            return;
        }
        let left = held.life.map_or(self.ttl, |life| life.ends_at().since(now.timestamp).min(self.ttl));
        let kept =
            Kept { held: held.clone(), since: (now.instant, now.timestamp), until: now.instant + left };
        values.insert(spot.id.clone(), kept);
    }

    fn shard(&self, mark: u64) -> MutexGuard<'_, Shard<K, V>> {
        let shard = usize::try_from(mark % SHARDS as u64).unwrap_or(0);
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq, V> Shard<K, V> {
    /// The entry of `flight`, while it is still the one for its id.
    fn listed(&mut self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) -> Option<&mut Listed<K, V>> {
        self.flights.get_mut(&spot.mark).filter(|listed| Arc::ptr_eq(&listed.flight, flight))
    }

    /// Removes the flight; answers whether it was still the one for its id.
    fn forget(&mut self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) -> bool {
        let current = self.listed(spot, flight).is_some();
        if current {
            self.flights.remove(&spot.mark);
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
