//! The tier in this process, and the loads under way, behind one set of locks.

mod map;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_connection::Timestamp;

use self::map::{Gone, Map};
use crate::{
    failures::Failures,
    flight::Flight,
    held::Held,
    space::Space,
    stats::{Tallies, Tally},
};

const SHARDS: usize = 64;

/// Cached values of this process and the flights that may add to them.
///
/// An insertion looks at the flights under the same lock under which an
/// invalidation removes them, so that what was loaded before an invalidation is never put in after it.
///
/// Other processes name a value as the server does, so that is how flights and values are found again.
pub(crate) struct Near<K, V> {
    values: Option<Map<K, Kept<V>>>,
    /// Counts how often everything was dropped; what was put in before counts for nothing.
    ///
    /// The map is emptied piece by piece, and what is dropped must be gone from one moment on.
    generation: AtomicU64,
    ttl: Duration,
    space: Arc<Space>,
    evictions: Arc<Tally>,
    shards: Box<[Mutex<Shard<K, V>>]>,
    /// Counts the loads that ended, for those who read before they join a flight.
    loads: AtomicU64,
    /// How many callers are in flights, listed or not, for those who read past all flights.
    passengers: AtomicUsize,
    /// Ids whose loads rest; what has changed is loaded again at once.
    pub(crate) failures: Failures,
    hasher: RandomState,
}

/// An id with what its name on the server hashes to.
#[derive(Debug)]
pub(crate) struct Spot<'a, K> {
    pub(crate) id: &'a K,
    pub(crate) mark: u64,
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
    fresh_until: Instant,
    until: Instant,
    generation: u64,
}

impl<V> Clone for Kept<V> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), ..*self }
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
    /// The stamp of what was shown meanwhile; nothing older may be kept after it.
    shown: u64,
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
        Self {
            values: entries.map(|entries| Map::new(entries, Arc::clone(&evictions))),
            evictions,
            generation: AtomicU64::new(0),
            ttl,
            space,
            loads: AtomicU64::new(0),
            passengers: AtomicUsize::new(0),
            shards: (0..SHARDS).map(|_| Mutex::new(shard())).collect(),
            failures: Failures::default(),
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

    /// The fresh value under `id` that nothing has outdated, and the present as the server's clock shows it.
    pub(crate) fn get(&self, id: &K, now: Instant) -> Option<(Held<V>, Timestamp)> {
        self.valid(id, now, |kept| kept.fresh_until)
    }

    /// The same, be it an old value.
    pub(crate) fn copy(&self, id: &K, now: Instant) -> Option<(Held<V>, Timestamp)> {
        self.valid(id, now, |kept| kept.until)
    }

    fn valid(
        &self,
        id: &K,
        now: Instant,
        until: impl Fn(&Kept<V>) -> Instant,
    ) -> Option<(Held<V>, Timestamp)> {
        let kept = self.values.as_ref()?.get(id)?;
        let is_gone = kept.generation != self.generation();
        if now >= until(&kept) || is_gone || self.space.outdates(kept.held.as_of, &kept.held.tags) {
            return None;
        }
        let Kept { held, since: (instant, timestamp), .. } = kept;
        let timestamp = timestamp.saturating_add(now.saturating_duration_since(instant));
        Some((held, timestamp))
    }

    /// The flight for an id, begun now if there is none, or none that began after `not_before`; nor is one
    /// joined that may bring something older than what somebody was shown since it began.
    pub(crate) fn join(
        &self,
        spot: Spot<'_, K>,
        now: Instant,
        not_before: Option<Instant>,
    ) -> Arc<Flight<V>> {
        self.passengers.fetch_add(1, Ordering::SeqCst);
        let mut shard = self.shard(spot.mark);
        if let Some(listed) = shard.flights.get_mut(&spot.mark) {
            // Another id of the same mark is on its way; this one goes unlisted and keeps nothing.
            if listed.id != *spot.id {
                return Arc::new(Flight::new(now));
            }
            let is_outshone = listed.flight.as_of() < listed.shown;
            if !is_outshone && not_before.is_none_or(|not_before| not_before <= listed.flight.began()) {
                listed.passengers += 1;
                return Arc::clone(&listed.flight);
            }
        }
        let flight = Arc::new(Flight::new(now));
        let listed = Listed { id: spot.id.clone(), flight: Arc::clone(&flight), passengers: 1, shown: 0 };
        shard.flights.insert(spot.mark, listed);
        flight
    }

    /// Ends a flight that brought `held`; keeps it when `keep` and nothing came between.
    ///
    /// What is not kept has been shown all the same, and nothing older may be shown after it.
    pub(crate) fn land(
        &self,
        spot: Spot<'_, K>,
        flight: &Arc<Flight<V>>,
        held: &Held<V>,
        keep: bool,
        now: Moment,
    ) {
        let mut shard = self.shard(spot.mark);
        let is_next = shard.forget(spot, flight).is_some_and(|shown| shown <= held.as_of);
        if is_next && keep && !flight.is_doubted() {
            self.put(&mut shard, spot, held, now);
        } else if keep && flight.as_of() == 0 {
            self.outshine(&mut shard, spot, held.as_of);
        } else {
            self.drop_one(&mut shard, spot);
        }
    }

    /// Notes that a value of this stamp was read from the store and shown, past the flight for its id.
    pub(crate) fn shown(&self, spot: Spot<'_, K>, as_of: u64) {
        let mut shard = self.shard(spot.mark);
        shard.epoch += 1;
        self.outshine(&mut shard, spot, as_of);
    }

    /// Notes that a loaded value was shown which is not kept.
    ///
    /// A loader may be ahead of its stamp, so nobody knows what is older than that.
    pub(crate) fn shown_and_not_kept(&self, spot: Spot<'_, K>) {
        self.drop_one(&mut self.shard(spot.mark), spot);
    }

    /// Ends a flight that brought nothing to keep.
    pub(crate) fn abandon(&self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) {
        self.shard(spot.mark).forget(spot, flight);
    }

    /// How many loads have ended; as long as it stays the same, what was missing has not been loaded here.
    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Acquire)
    }

    /// Counts a load; called before its flight ends.
    pub(crate) fn loaded(&self) {
        self.loads.fetch_add(1, Ordering::Release);
    }

    /// Whether anybody is in a flight, and so may be about to bring what was read some time ago.
    pub(crate) fn has_passengers(&self) -> bool {
        self.passengers.load(Ordering::SeqCst) > 0
    }

    /// Leaves a flight; the last one out takes it off the list.
    pub(crate) fn leave(&self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) {
        self.passengers.fetch_sub(1, Ordering::SeqCst);
        let mut shard = self.shard(spot.mark);
        if let Some(listed) = shard.listed(spot, flight) {
            listed.passengers -= 1;
            if listed.passengers == 0 {
                shard.flights.remove(&spot.mark);
            }
        }
    }

    /// Whether others wait for this flight beside the one who asks.
    pub(crate) fn has_others(&self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) -> bool {
        self.shard(spot.mark).listed(spot, flight).is_some_and(|listed| listed.passengers > 1)
    }

    /// Ends a wait for a load in another process.
    pub(crate) fn wake(&self, name: &[u8]) {
        let mark = self.hasher.hash_one(name);
        if let Some(listed) = self.shard(mark).flights.get(&mark) {
            listed.flight.news.notify_one();
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
        } else {
            self.outshine(&mut shard, spot, held.as_of);
        }
    }

    /// Drops what is under a name, unless it is of `stamp` or later, and lets no read that is under way
    /// put anything older in; answers whether there was anything.
    pub(crate) fn forget(&self, name: &[u8], stamp: Option<u64>) -> bool {
        let mark = self.hasher.hash_one(name);
        let is_later = |as_of: u64| stamp.is_some_and(|stamp| as_of >= stamp);
        self.failures.forget(mark);
        let mut shard = self.shard(mark);
        shard.epoch += 1;
        // Callers who have joined get its answer; later ones begin anew.
        if shard.flights.get(&mark).is_some_and(|listed| !is_later(listed.flight.as_of()))
            && let Some(listed) = shard.flights.remove(&mark)
        {
            listed.flight.news.notify_one();
        }
        let (Some(values), Some(id)) = (&self.values, shard.ids.get(&mark)) else { return false };
        if values.peek(id).is_some_and(|kept| is_later(kept.held.as_of)) {
            return false;
        }
        let Locked { shard, gone } = &mut shard;
        shard.ids.remove(&mark).is_some_and(|id| values.remove(&id, gone))
    }

    /// Lets nobody join a flight that is not known to be of `stamp` or later.
    pub(crate) fn supersede(&self, stamp: u64) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.flights.retain(|_, listed| {
                listed.flight.news.notify_one();
                listed.flight.as_of() >= stamp
            });
        }
    }

    /// Drops everything, and lets no read that is under way put anything in; nor may anybody join one.
    pub(crate) fn clear(&self) {
        self.drop_values(|shard| {
            shard.flights.drain().for_each(|(_, listed)| listed.flight.news.notify_one());
        });
    }

    /// Drops everything, and lets no read that is under way put anything in: it may not be true any more.
    pub(crate) fn doubt(&self) {
        self.drop_values(|shard| shard.flights.values().for_each(|listed| listed.flight.doubt()));
    }

    fn drop_values(&self, flights: impl Fn(&mut Shard<K, V>)) {
        self.failures.clear();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.epoch += 1;
            flights(&mut shard);
        }
        // Last: what is put in after this comes from flights and reads that began after theirs were dropped.
        self.generation.fetch_add(1, Ordering::AcqRel);
        if let Some(values) = &self.values {
            values.clear();
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Counts the values that were thrown out for want of room.
    pub(crate) fn evictions(&self) -> Arc<Tally> {
        Arc::clone(&self.evictions)
    }

    /// How many values there are, about.
    pub(crate) fn len(&self) -> u64 {
        self.values.as_ref().map_or(0, Map::len)
    }

    #[cfg(test)]
    pub(crate) fn flights(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).flights.len())
            .sum()
    }

    /// Lets nothing older than `as_of` be shown from now on.
    fn outshine(&self, shard: &mut Locked<'_, K, V>, spot: Spot<'_, K>, as_of: u64) {
        if let Some(listed) = shard.flights.get_mut(&spot.mark) {
            listed.shown = listed.shown.max(as_of);
        }
        let Some(values) = &self.values else { return };
        if values.peek(spot.id).is_some_and(|present| present.held.as_of < as_of) {
            values.remove(spot.id, &mut shard.gone);
        }
    }

    /// Drops what is kept, and lets nothing that is under way be kept.
    fn drop_one(&self, shard: &mut Locked<'_, K, V>, spot: Spot<'_, K>) {
        shard.epoch += 1;
        shard.flights.remove(&spot.mark);
        if let Some(values) = &self.values {
            values.remove(spot.id, &mut shard.gone);
        }
    }

    fn put(&self, shard: &mut Locked<'_, K, V>, spot: Spot<'_, K>, held: &Held<V>, now: Moment) {
        let Some(values) = &self.values else { return };
        // Values of one key never go back: of two that were read at the same time the newer one stays.
        // One that has ended holds nothing up, though it may stay in the map long after.
        let generation = self.generation();
        let counts = |present: &Kept<V>| now.instant < present.until && present.generation == generation;
        let present = values.peek(spot.id).filter(counts);
        if present.is_some_and(|present| present.held.as_of > held.as_of) {
            return;
        }
        let Locked { shard, gone } = shard;
        if shard.ids.len() >= shard.crowded {
            shard.ids.retain(|_, id| values.contains(id));
            shard.crowded = (shard.ids.len() * 2).max(16);
        }
        let id = shard.ids.entry(spot.mark).or_insert_with(|| spot.id.clone());
        // Of two ids with one mark the second is not kept, since news of it could not be told from the other's.
        if *id != *spot.id {
            return;
        }
        let fresh = held.life.map_or(self.ttl, |life| life.expires_at().since(now.timestamp).min(self.ttl));
        let shown = held.life.filter(|life| !life.stale_for.is_zero());
        let shown = shown.map_or(fresh, |life| life.ends_at().since(now.timestamp));
        let kept = Kept {
            held: held.clone(),
            since: (now.instant, now.timestamp),
            fresh_until: now.instant + fresh,
            until: now.instant + shown,
            generation,
        };
        values.insert(spot.id.clone(), kept, gone);
    }

    fn shard(&self, mark: u64) -> Locked<'_, K, V> {
        let shard = usize::try_from(mark % SHARDS as u64).unwrap_or(0);
        let shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        Locked { shard, gone: Gone::new() }
    }
}

/// A shard under its lock, and what is dropped when that is free again: fields go in their order.
struct Locked<'a, K, V> {
    shard: MutexGuard<'a, Shard<K, V>>,
    gone: Gone<K, Kept<V>>,
}

impl<K, V> Deref for Locked<'_, K, V> {
    type Target = Shard<K, V>;

    fn deref(&self) -> &Shard<K, V> {
        &self.shard
    }
}

impl<K, V> DerefMut for Locked<'_, K, V> {
    fn deref_mut(&mut self) -> &mut Shard<K, V> {
        &mut self.shard
    }
}

impl<K: Eq, V> Shard<K, V> {
    /// The entry of `flight`, while it is still the one for its id.
    fn listed(&mut self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) -> Option<&mut Listed<K, V>> {
        self.flights.get_mut(&spot.mark).filter(|listed| Arc::ptr_eq(&listed.flight, flight))
    }

    /// Removes the flight if it is still the one for its id; answers the stamp of what was shown meanwhile.
    fn forget(&mut self, spot: Spot<'_, K>, flight: &Arc<Flight<V>>) -> Option<u64> {
        let shown = self.listed(spot, flight)?.shown;
        self.flights.remove(&spot.mark);
        Some(shown)
    }
}

impl<K, V> fmt::Debug for Near<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Near").field("keeps_values", &self.values.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
