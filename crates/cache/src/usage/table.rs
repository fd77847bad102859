//! What one process has counted and not shared yet.

use std::{
    cmp::Reverse,
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    mem,
    sync::{Mutex, PoisonError},
};

const SHARDS: usize = 16;

/// Uses by id, of so many ids at the most.
///
/// When there is no room an id that is not counted yet is passed by until the next time that the table is
/// emptied. What is used often is hardly ever among those: it comes early.
pub(super) struct Table<K> {
    shards: [Mutex<HashMap<K, u64>>; SHARDS],
    hasher: RandomState,
    /// How many ids a shard holds.
    room: usize,
}

impl<K: Clone + Eq + Hash> Table<K> {
    pub(super) fn new(most: usize) -> Self {
        let room = most.div_ceil(SHARDS).max(1);
        Self { shards: Default::default(), hasher: RandomState::new(), room }
    }

    /// Counts so many uses of `id`.
    pub(super) fn add(&self, id: &K, uses: u64) {
        let shard = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = shard.get_mut(id) {
            *count = count.saturating_add(uses);
        } else if shard.len() < self.room {
            shard.insert(id.clone(), uses);
        }
    }

    /// Takes out what is counted, the most used first.
    pub(super) fn take(&self) -> Vec<(K, u64)> {
        let mut uses = Vec::new();
        for shard in &self.shards {
            // Each id is in one shard alone.
            uses.extend(mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner)));
        }
        uses.sort_unstable_by_key(|(_, count)| Reverse(*count));
        uses
    }
}
