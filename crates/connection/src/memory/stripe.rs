//! One stripe of the key space: the coordination state of its keys.

use hashbrown::HashTable;
use redstart_keys::Key;

use super::entry::Entry;
use crate::Timestamp;

/// A stripe with fewer entries is not searched for expired ones.
const FEW: usize = 16;

/// The entries of one stripe.
// A cache line of its own, so that threads at work on neighbours don't slow each other down.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Stripe {
    slots: HashTable<Slot>,
    /// With how many entries it is swept again: twice those that the last sweep left, so that sweeping costs
    /// each new entry a constant, and what has expired never outweighs what was alive.
    sweep_at: usize,
}

struct Slot {
    hash: u64,
    key: Key,
    entry: Entry,
}

impl Stripe {
    #[inline]
    pub(super) fn get(&self, hash: u64, key: &Key) -> Option<&Entry> {
        self.slots.find(hash, |slot| slot.key == *key).map(|slot| &slot.entry)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, hash: u64, key: &Key) -> Option<&mut Entry> {
        self.slots.find_mut(hash, |slot| slot.key == *key).map(|slot| &mut slot.entry)
    }

    /// Adds the entry of a key that has none.
    pub(super) fn insert(&mut self, hash: u64, key: Key, entry: Entry) {
        self.slots.insert_unique(hash, Slot { hash, key, entry }, |slot| slot.hash);
    }

    pub(super) fn remove(&mut self, hash: u64, key: &Key) -> Option<Entry> {
        let found = self.slots.find_entry(hash, |slot| slot.key == *key).ok()?;
        Some(found.remove().0.entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.entry))
    }

    /// Whether it has grown so much since the last sweep that another is worth its while.
    pub(super) fn is_due(&self) -> bool {
        self.sweep_at.max(FEW) <= self.slots.len()
    }

    /// Removes what has expired; answers how many entries that were.
    pub(super) fn sweep(&mut self, now: Timestamp) -> usize {
        let before = self.slots.len();
        self.slots.retain(|slot| !slot.entry.is_expired(now));
        let left = self.slots.len();
        self.sweep_at = 2 * left;
        if 4 * left.max(FEW) < self.slots.capacity() {
            self.slots.shrink_to(2 * left, |slot| slot.hash);
        }
        before - left
    }
}
