//! Locks over stripes of the key space, taken in order so that nobody waits in a circle.

use std::{
    hash::BuildHasher,
    ptr, slice,
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
};

use hashbrown::DefaultHashBuilder;
use redstart_keys::Key;

use super::stripe::Stripe;
use crate::Timestamp;

const STRIPES: usize = 256;

pub(super) struct Stripes {
    stripes: Box<[Mutex<Stripe>]>,
    hasher: DefaultHashBuilder,
}

/// Where a key lies: its stripe, and its hash within that.
#[derive(Clone, Copy)]
pub(super) struct Place {
    stripe: usize,
    pub(super) hash: u64,
}

impl Default for Stripes {
    fn default() -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Self { stripes, hasher: DefaultHashBuilder::default() }
    }
}

impl Stripes {
    /// Locks the stripes of all `keys`.
    #[inline]
    pub(super) fn lock<'a>(&'a self, keys: &[&'a Key]) -> Held<'a> {
        match *keys {
            [] => Held::Many(Vec::new()),
            [key] => {
                let place = self.place(key);
                Held::One { key, place, locked: self.take(place.stripe) }
            }
            ref keys => {
                let mut stripes: Vec<usize> = keys.iter().map(|key| self.place(key).stripe).collect();
                stripes.sort_unstable();
                stripes.dedup();
                Held::Many(stripes.into_iter().map(|stripe| self.take(stripe)).collect())
            }
        }
    }

    /// Looks at each stripe in turn, while it is locked.
    pub(super) fn for_each(&self, mut look: impl FnMut(&Stripe)) {
        for stripe in 0..STRIPES {
            look(&self.take(stripe).guard);
        }
    }

    /// Sweeps every stripe that `held` or nobody holds; answers how many entries were removed.
    ///
    /// It does not wait for other steps, lest it wait in a circle.
    pub(super) fn sweep(&self, held: &mut Held<'_>, now: Timestamp) -> usize {
        let mut removed = 0;
        for stripe in 0..STRIPES {
            if let Some(stripe) = held.stripe_mut(stripe) {
                removed += stripe.sweep(now);
                continue;
            }
            let free = match self.stripes[stripe].try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            };
            removed += free.map_or(0, |mut stripe| stripe.sweep(now));
        }
        removed
    }

    #[inline]
    fn place(&self, key: &Key) -> Place {
        let hash = self.hasher.hash_one(key);
        // Bits from the middle: the table within a stripe goes by the lowest and the highest.
        let stripe = usize::try_from((hash >> 32) % STRIPES as u64).unwrap_or(0);
        Place { stripe, hash }
    }

    #[inline]
    fn take(&self, stripe: usize) -> Locked<'_> {
        // Each change of a stripe is whole before anything in it can panic.
        let guard = self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner);
        Locked { stripe, guard }
    }
}

/// The stripes held by one step.
pub(super) enum Held<'a> {
    /// With the key and its place, so that it is hashed once.
    One {
        key: &'a Key,
        place: Place,
        locked: Locked<'a>,
    },
    Many(Vec<Locked<'a>>),
}

/// One stripe, locked.
pub(super) struct Locked<'a> {
    stripe: usize,
    guard: MutexGuard<'a, Stripe>,
}

impl<'a> Held<'a> {
    /// Where a key lies.
    #[inline]
    pub(super) fn place(&self, stripes: &Stripes, key: &Key) -> Place {
        match self {
            Self::One { key: named, place, .. } if ptr::eq(*named, key) => *place,
            _ => stripes.place(key),
        }
    }

    /// The stripe of a key that the step has named; none for another's.
    #[inline]
    pub(super) fn get(&self, place: Place) -> Option<&Stripe> {
        let found = self.all().iter().find(|one| one.stripe == place.stripe);
        debug_assert!(found.is_some(), "a step touches a key that it has not named");
        found.map(|one| &*one.guard)
    }

    /// As [`Held::get`], to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Stripe> {
        let found = self.stripe_mut(place.stripe);
        debug_assert!(found.is_some(), "a step touches a key that it has not named");
        found
    }

    #[inline]
    fn stripe_mut(&mut self, stripe: usize) -> Option<&mut Stripe> {
        self.all_mut().iter_mut().find(|one| one.stripe == stripe).map(|one| &mut *one.guard)
    }

    #[inline]
    fn all(&self) -> &[Locked<'a>] {
        match self {
            Self::One { locked, .. } => slice::from_ref(locked),
            Self::Many(many) => many,
        }
    }

    #[inline]
    fn all_mut(&mut self) -> &mut [Locked<'a>] {
        match self {
            Self::One { locked, .. } => slice::from_mut(locked),
            Self::Many(many) => many,
        }
    }
}
