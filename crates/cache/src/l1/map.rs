//! The concurrent map under the first tier.

use std::{
    hash::{Hash, RandomState},
    sync::Arc,
};

use quick_cache::{Lifecycle, UnitWeighter, sync::Cache};

use crate::stats::Tally;

/// As many values as there is room for; which of them have to go is the library's choice (S3-FIFO).
///
/// Whoever changes it takes along what is gone, to drop it when no lock is held any more: a destructor is
/// the service's own code, and may ask this cache.
pub(super) struct Map<K, V>(Cache<K, V, UnitWeighter, RandomState, Evictions>);

/// What is not in the map any more.
pub(super) type Gone<K, V> = Vec<(K, V)>;

impl<K: Clone + Eq + Hash, V: Clone> Map<K, V> {
    pub(super) fn new(entries: u64, evictions: Arc<Tally>) -> Self {
        let expected = usize::try_from(entries).unwrap_or(usize::MAX);
        let map = Cache::with(expected, entries, UnitWeighter, RandomState::new(), Evictions(evictions));
        // The library gives each of its parts the same room, and rounds up.
        map.set_capacity(entries - entries % map.num_shards() as u64);
        Self(map)
    }

    /// The value, which counts as a use of it.
    pub(super) fn get(&self, id: &K) -> Option<V> {
        self.0.get(id)
    }

    /// The value, for our own purposes.
    pub(super) fn peek(&self, id: &K) -> Option<V> {
        self.0.peek(id)
    }

    pub(super) fn contains(&self, id: &K) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn insert(&self, id: K, value: V, gone: &mut Gone<K, V>) {
        if let Some(former) = self.0.peek(&id) {
            gone.push((id.clone(), former));
        }
        self.0.insert_with_lifecycle(id, value, gone);
    }

    /// Answers whether there was anything.
    pub(super) fn remove(&self, id: &K, gone: &mut Gone<K, V>) -> bool {
        let removed = self.0.remove(id);
        let was_there = removed.is_some();
        gone.extend(removed);
        was_there
    }

    pub(super) fn clear(&self) {
        self.0.drain().for_each(drop);
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Counts what had to go for want of room.
#[derive(Clone)]
struct Evictions(Arc<Tally>);

impl<K, V> Lifecycle<K, V> for Evictions {
    type RequestState = Gone<K, V>;

    fn on_evict(&self, gone: &mut Gone<K, V>, id: K, value: V) {
        self.0.add();
        gone.push((id, value));
    }
}
