//! The caches of a store, for whoever looks at all of them, and for each other.

use std::{
    any::Any,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use redstart_connection::Store;
use redstart_keys::{Category, Entity};

use crate::stats::Stats;

/// What every cache can do, whatever it holds.
pub(crate) trait AnyCache: Send + Sync {
    fn stats(&self) -> Stats;

    /// Drops what this process holds of it.
    fn forget(&self);

    /// Drops what this process holds of it under `id`; answers whether there was anything.
    fn forget_id(&self, id: &dyn Any) -> bool;
}

/// The caches that are alive.
#[derive(Default)]
pub(crate) struct Registry {
    spaces: Mutex<HashMap<Space, Arc<Siblings>>>,
    listens: AtomicBool,
}

/// What tells the keys of one declaration from those of another.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Space {
    category: Category,
    name: &'static str,
    version: u16,
}

/// The caches of one declaration, each with values of its own in this process.
///
/// What one of them changes the others must not go on serving.
pub(crate) struct Siblings(Mutex<Arc<[Weak<dyn AnyCache>]>>);

impl Registry {
    /// Drops what this process holds whenever the server has been away: others have gone on without it.
    pub(crate) fn listen(self: &Arc<Self>, store: &Store) {
        if !self.listens.swap(true, Ordering::AcqRel) {
            let caches = Arc::clone(self);
            store.on_return(move || caches.forget());
        }
    }

    /// The caches whose keys are those of `entity`.
    pub(crate) fn siblings<K>(&self, entity: &Entity<K>) -> Arc<Siblings> {
        let (category, name, version) = (entity.category(), entity.name(), entity.schema_version());
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(spaces.entry(Space { category, name, version }).or_default())
    }

    /// Drops what this process holds of all caches.
    pub(crate) fn forget(&self) {
        self.each(|cache| cache.forget());
    }

    fn each(&self, mut visit: impl FnMut(&dyn AnyCache)) {
        let spaces: Vec<_> =
            self.spaces.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for siblings in spaces {
            siblings.each(&mut visit);
        }
    }
}

impl Siblings {
    pub(crate) fn add(&self, cache: Weak<dyn AnyCache>) {
        let mut caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let living = caches.iter().filter(|cache| cache.strong_count() > 0).cloned();
        *caches = living.chain([cache]).collect();
    }

    /// Drops what this process holds under `id`; answers whether there was anything.
    pub(crate) fn forget_id(&self, id: &dyn Any) -> bool {
        let mut held = false;
        self.each(|cache| held |= cache.forget_id(id));
        held
    }

    /// Visits them outside the lock: whoever holds a cache for the visit may be the last to drop it.
    fn each(&self, mut visit: impl FnMut(&dyn AnyCache)) {
        let caches = Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for cache in caches.iter().filter_map(Weak::upgrade) {
            visit(&*cache);
        }
    }
}

impl Default for Siblings {
    fn default() -> Self {
        Self(Mutex::new(Arc::new([])))
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
