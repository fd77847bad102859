//! The caches of a store, for whoever looks at all of them.

use std::sync::{Mutex, PoisonError, Weak};

use redstart_connection::Store;

use crate::stats::Stats;

/// What every cache can do, whatever it holds.
pub(crate) trait AnyCache: Send + Sync {
    fn stats(&self) -> Stats;
    /// Drops what this process holds of it.
    fn forget(&self);
}

/// The caches that are alive.
#[derive(Default)]
pub(crate) struct Registry(Mutex<Vec<Weak<dyn AnyCache>>>);

impl Registry {
    pub(crate) fn add(&self, cache: Weak<dyn AnyCache>) {
        let mut caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caches.retain(|cache| cache.strong_count() > 0);
        caches.push(cache);
    }

    pub(crate) fn forget(&self) {
        self.each(|cache| cache.forget());
    }

    fn each(&self, mut visit: impl FnMut(&dyn AnyCache)) {
        let caches = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for cache in caches.iter().filter_map(Weak::upgrade) {
            visit(&*cache);
        }
    }
}

/// The statistics of all caches on `store`, by name.
#[must_use]
pub fn caches(store: &Store) -> Vec<Stats> {
    let mut stats = Vec::new();
    store.shared::<Registry>().each(|cache| stats.push(cache.stats()));
    stats.sort_by_key(|stats| stats.name);
    stats
}
