//! Locks over stripes of the key space, taken in order so that nobody waits in a circle.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
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

    /// Runs `body` while `key` is locked, by `held` or for a moment; not at all when another step has it.
    ///
    /// For work beside a step's own keys, which must not wait for other steps lest it wait in a circle.
    pub(super) fn try_beside(&self, held: &Held<'_>, key: &Key, body: impl FnOnce()) {
        let stripe = self.stripe(key);
        if held.holds(stripe) {
            return body();
        }
        let free = match self.locks[stripe].try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(_guard) = free {
            body();
        }
    }

    fn stripe(&self, key: &Key) -> usize {
        usize::try_from(self.hasher.hash_one(key) % STRIPES as u64).unwrap_or(0)
    }

    fn take(&self, stripe: usize) -> Stripe<'_> {
        // The lock guards no data of its own, so a panic under it leaves nothing half written.
        let guard = self.locks[stripe].lock().unwrap_or_else(PoisonError::into_inner);
        Stripe { stripe, _guard: guard }
    }
}

/// The stripes held by one step.
pub(super) enum Held<'a> {
    One(Stripe<'a>),
    Many(Vec<Stripe<'a>>),
}

/// One stripe, locked.
pub(super) struct Stripe<'a> {
    stripe: usize,
    _guard: MutexGuard<'a, ()>,
}

impl Held<'_> {
    fn holds(&self, stripe: usize) -> bool {
        match self {
            Self::One(one) => one.stripe == stripe,
            Self::Many(many) => many.iter().any(|one| one.stripe == stripe),
        }
    }
}
