//! The caches of a store, for whoever looks at all of them, and for each other.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use redstart_connection::Store;
use redstart_keys::{Category, Entity};

use crate::{
    coherence::Coherence,
    event::Event,
    space::{AnyCache, Space},
    stats::Stats,
};

/// The caches that are alive.
#[derive(Default)]
pub(crate) struct Registry {
    spaces: Mutex<HashMap<(Category, &'static str), Arc<Space>>>,
    pub(crate) coherence: Coherence,
    listens: AtomicBool,
}

impl Registry {
    /// Drops what this process holds whenever the server has been away: others have gone on without it.
    pub(crate) fn listen(self: &Arc<Self>, store: &Store) {
        if !self.listens.swap(true, Ordering::AcqRel) {
            let caches = Arc::clone(self);
            store.on_return(move || caches.forget());
        }
    }

    /// What the caches of `entity` have in common.
    pub(crate) fn space<K>(&self, entity: &Entity<K>) -> Arc<Space> {
        let (category, name) = (entity.category(), entity.name());
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let space = spaces.entry((category, name)).or_insert_with(|| Arc::new(Space::new(category, name)));
        Arc::clone(space)
    }

    /// Drops what this process holds of all caches.
    pub(crate) fn forget(&self) {
        self.spaces().iter().for_each(|space| space.forget());
    }

    /// Drops what this process holds of all caches, because something may have happened unheard.
    pub(crate) fn doubt(&self) {
        self.spaces().iter().for_each(|space| space.doubt());
    }

    /// Takes over what another process has changed.
    pub(crate) fn apply(&self, event: &Event, now: Instant) {
        for space in self.spaces() {
            if event.entity.as_ref().is_none_or(|entity| *entity == space.label()) {
                space.apply(event, now);
            }
        }
    }

    /// Whether anybody holds values that other processes may change.
    pub(crate) fn has_listeners(&self) -> bool {
        let mut found = false;
        self.each(|cache| found |= cache.listens());
        found
    }

    fn each(&self, mut visit: impl FnMut(&dyn AnyCache)) {
        self.spaces().iter().for_each(|space| space.each(&mut visit));
    }

    fn spaces(&self) -> Vec<Arc<Space>> {
        self.spaces.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
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
