//! The caches of a store, for whoever looks at all of them, and for each other.

use std::{
    collections::{BTreeSet, HashMap},
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
    event::{Change, Event},
    scheduled::Keeper,
    space::{AnyCache, Space},
    stats::Stats,
};

/// The caches that are alive.
#[derive(Default)]
pub(crate) struct Registry {
    spaces: Mutex<HashMap<(Category, &'static str), Arc<Space>>>,
    pub(crate) coherence: Coherence,
    /// Sees to what is due.
    pub(crate) keeper: Keeper,
    /// What falls with the values of an entity, by that entity's name.
    dependents: Mutex<HashMap<&'static str, BTreeSet<(Category, &'static str)>>>,
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

    /// Notes with whose values those of an entity fall.
    pub(crate) fn declare(&self, category: Category, name: &'static str, owners: &[&'static str]) {
        let mut dependents = self.dependents.lock().unwrap_or_else(PoisonError::into_inner);
        for owner in owners {
            dependents.entry(owner).or_default().insert((category, name));
        }
    }

    /// The entities whose values fall with those of `owner`.
    pub(crate) fn dependents(&self, owner: &str) -> Vec<Arc<Space>> {
        let dependents = self.dependents.lock().unwrap_or_else(PoisonError::into_inner);
        let dependents = dependents.get(owner).into_iter().flatten().copied().collect::<Vec<_>>();
        dependents.into_iter().map(|(category, name)| self.space_of(category, name)).collect()
    }

    /// What the caches of `entity` have in common.
    pub(crate) fn space<K>(&self, entity: &Entity<K>) -> Arc<Space> {
        self.declare(entity.category(), entity.name(), entity.owners());
        self.space_of(entity.category(), entity.name())
    }

    fn space_of(&self, category: Category, name: &'static str) -> Arc<Space> {
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

    /// Takes over what another process has changed, or put off.
    pub(crate) fn apply(&self, event: &Event, now: Instant) {
        if let Change::Due(wait) = event.change {
            return self.keeper.told(now, wait);
        }
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

    /// Those that somebody in this process uses.
    pub(crate) fn living(&self) -> Vec<Arc<Space>> {
        self.spaces().into_iter().filter(|space| space.is_alive()).collect()
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
