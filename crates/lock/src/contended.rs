//! Which locks others wanted a moment ago.

use std::{
    fmt,
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use hashbrown::DefaultHashBuilder;
use redstart_keys::Key;

/// How many locks are remembered; two that share a place displace each other.
const PLACES: usize = 1_024;

/// Remembers which locks others wanted a moment ago: those are asked for by the long way at once.
///
/// It is a guess in either direction. A lock that is remembered in vain costs the server a longer step, one that
/// is not remembered a second question.
pub(crate) struct Contended {
    hasher: DefaultHashBuilder,
    /// The hash of a lock's name in its place, or 0.
    places: Box<[AtomicU64]>,
}

impl Default for Contended {
    fn default() -> Self {
        Self {
            hasher: DefaultHashBuilder::default(),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Contended {
    pub(crate) fn note(&self, lock: &Key) {
        let (place, hash) = self.place(lock);
        place.store(hash, Ordering::Relaxed);
    }

    pub(crate) fn forget(&self, lock: &Key) {
        let (place, hash) = self.place(lock);
        // Nothing is lost where another took the place meanwhile.
        let _other = place.compare_exchange(hash, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn has(&self, lock: &Key) -> bool {
        let (place, hash) = self.place(lock);
        place.load(Ordering::Relaxed) == hash
    }

    fn place(&self, lock: &Key) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(lock).max(1);
        // The remainder is smaller than the number of places.
        (&self.places[usize::try_from(hash % PLACES as u64).unwrap_or_default()], hash)
    }
}

impl fmt::Debug for Contended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remembered = self.places.iter().filter(|place| place.load(Ordering::Relaxed) != 0).count();
        f.debug_struct("Contended").field("remembered", &remembered).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use redstart_keys::{Category, Entity, Ttl};

    use super::Contended;

    #[test]
    fn lock_is_remembered_until_it_is_forgotten() {
        const LOCK: Entity<u64> = Entity::new(Category::Lock, "contended").ttl(Ttl::minutes(1));
        let (contended, lock) = (Contended::default(), LOCK.key(&1));
        assert!(!contended.has(&lock));
        contended.note(&lock);
        assert!(contended.has(&lock) && !contended.has(&LOCK.key(&2)));
        contended.forget(&LOCK.key(&2));
        assert!(contended.has(&lock));
        contended.forget(&lock);
        assert!(!contended.has(&lock));
    }
}
