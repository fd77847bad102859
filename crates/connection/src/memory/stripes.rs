//! Locks over stripes of the key space, taken in order so that nobody waits in a circle.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use redstart_keys::Key;

const STRIPES: usize = 256;

pub(super) struct Stripes {
    locks: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Default for Stripes {
    fn default() -> Self {
        Self { locks: (0..STRIPES).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}

impl Stripes {
    /// Locks the stripes of all `keys`.
    pub(super) fn lock(&self, keys: &[&Key]) -> Held<'_> {
        match keys {
            [] => Held::Many(Vec::new()),
            [key] => Held::One(self.take(self.stripe(key))),
            keys => {
                let mut stripes: Vec<usize> = keys.iter().map(|key| self.stripe(key)).collect();
                stripes.sort_unstable();
                stripes.dedup();
                Held::Many(stripes.into_iter().map(|stripe| self.take(stripe)).collect())
            }
        }
    }

    fn stripe(&self, key: &Key) -> usize {
        usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0)
    }

    fn take(&self, stripe: usize) -> MutexGuard<'_, ()> {
        // The lock guards no data of its own, so a panic under it leaves nothing half written.
        self.locks[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stripes held by one step.
#[expect(dead_code, reason = "the guards are held, never read")]
pub(super) enum Held<'a> {
    One(MutexGuard<'a, ()>),
    Many(Vec<MutexGuard<'a, ()>>),
}
