//! Cached values: bounded by their weight, and evicted when there are too many.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, sync::Cache};
use redstart_keys::Key;

use super::entry::Shared;
use crate::Timestamp;

pub(super) struct Values {
    cache: Cache<Key, Cached>,
    /// How long past its deadline a value is reclaimed; never by moka under a clock that a test moves.
    reclaim_slack: Option<Duration>,
}

/// A value with its deadline.
#[derive(Clone)]
struct Cached {
    value: Shared,
    expires_at: Timestamp,
    reclaim_after: Option<Duration>,
    weight: u32,
}

impl Values {
    pub(super) fn bounded(max_bytes: u64, reclaim_slack: Option<Duration>) -> Self {
        let cache = Cache::builder()
            .expire_after(Reclaim)
            .weigher(|_, cached: &Cached| cached.weight)
            .max_capacity(max_bytes)
            .build();
        Self { cache, reclaim_slack }
    }

    pub(super) fn insert(&self, key: Key, value: Shared, weight: u32, now: Timestamp, expires_at: Timestamp) {
        let lifetime = expires_at.since(now);
        let reclaim_after = self.reclaim_slack.map(|slack| lifetime.saturating_add(slack));
        self.cache.insert(key, Cached { value, expires_at, reclaim_after, weight });
    }

    /// The value under `key` and when it ends.
    pub(super) fn get(&self, key: &Key, now: Timestamp) -> Option<(Shared, Timestamp)> {
        let cached = self.cache.get(key).filter(|cached| now < cached.expires_at)?;
        Some((cached.value, cached.expires_at))
    }

    /// Removes the value under `key`; answers whether there was one.
    pub(super) fn remove(&self, key: &Key, now: Timestamp) -> bool {
        self.cache.remove(key).is_some_and(|cached| now < cached.expires_at)
    }

    /// Removes the value under `key`, whatever it was.
    pub(super) fn forget(&self, key: &Key) {
        self.cache.invalidate(key);
    }

    /// The keys of all values that have not ended.
    pub(super) fn keys(&self, now: Timestamp) -> impl Iterator<Item = Arc<Key>> {
        self.cache.iter().filter(move |(_, cached)| now < cached.expires_at).map(|(key, _)| key)
    }

    /// How many there are, about.
    pub(super) fn count(&self) -> u64 {
        self.cache.run_pending_tasks();
        self.cache.entry_count()
    }
}

/// Tells moka when a value may be reclaimed; whether it has *expired* is told by its deadline alone.
struct Reclaim;

impl Expiry<Key, Cached> for Reclaim {
    fn expire_after_create(&self, _: &Key, cached: &Cached, _: Instant) -> Option<Duration> {
        cached.reclaim_after
    }

    fn expire_after_update(
        &self,
        _: &Key,
        cached: &Cached,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        cached.reclaim_after
    }
}
