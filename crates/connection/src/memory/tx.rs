//! One step on the embedded store.

use std::{fmt, sync::Arc, sync::atomic::Ordering};

use redstart_keys::Key;

use super::{Memory, entry::Entry, stripes::Held};
use crate::{Error, Result, Timestamp};

/// The entries of one step, seen and changed as one.
pub struct Tx<'a> {
    memory: &'a Memory,
    held: &'a Held<'a>,
    now: Timestamp,
}

impl<'a> Tx<'a> {
    pub(super) const fn new(memory: &'a Memory, held: &'a Held<'a>, now: Timestamp) -> Self {
        Self { memory, held, now }
    }

    /// Keeps `value` under `key` until `expires_at`.
    ///
    /// # Errors
    ///
    /// Refuses a new key when the store is full.
    pub fn put<T: Send + Sync + 'static>(
        &mut self,
        key: &Key,
        value: T,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.put_state(key, value, Some(expires_at))
    }

    /// Keeps `value` under `key` for good.
    ///
    /// # Errors
    ///
    /// Refuses a new key when the store is full.
    pub fn put_persistent<T: Send + Sync + 'static>(&mut self, key: &Key, value: T) -> Result<()> {
        self.put_state(key, value, None)
    }

    /// Keeps a cached value of about `weight` bytes until `expires_at`, at the longest.
    ///
    /// It may be evicted at any time.
    pub fn put_value<T: Send + Sync + 'static>(
        &mut self,
        key: &Key,
        value: T,
        weight: u32,
        expires_at: Timestamp,
    ) {
        let entry = self.entry(value, Some(expires_at), weight);
        self.memory.0.state.invalidate(key);
        self.memory.0.values.insert(key.clone(), entry);
    }

    /// Removes the entry; answers whether there was one.
    pub fn remove(&mut self, key: &Key) -> bool {
        let state = self.memory.0.state.remove(key);
        let value = self.memory.0.values.remove(key);
        state.or(value).is_some_and(|entry| !entry.is_expired(self.now))
    }

    /// The value under `key`; none when it has expired or is of another type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self, key: &Key) -> Option<Arc<T>> {
        self.live(key)?.value()
    }

    /// The value under `key` and when its entry ends; none as for [`Tx::get`].
    ///
    /// A value that can be changed in place need not be put again while its entry lives long enough.
    #[must_use]
    pub fn get_with_end<T: Send + Sync + 'static>(&self, key: &Key) -> Option<(Arc<T>, Option<Timestamp>)> {
        let entry = self.live(key)?;
        Some((entry.value()?, entry.expires_at))
    }

    /// When the entry under `key` ends; none when there is none, or it never does.
    #[must_use]
    pub fn expires_at(&self, key: &Key) -> Option<Timestamp> {
        self.live(key)?.expires_at
    }

    /// Whether there is an entry under `key`.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        self.live(key).is_some()
    }

    /// The time of this step.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    fn live(&self, key: &Key) -> Option<Entry> {
        let inner = &self.memory.0;
        let entry = inner.state.get(key).or_else(|| inner.values.get(key))?;
        (!entry.is_expired(self.now)).then_some(entry)
    }

    fn put_state<T: Send + Sync + 'static>(
        &self,
        key: &Key,
        value: T,
        expires_at: Option<Timestamp>,
    ) -> Result<()> {
        let inner = &self.memory.0;
        let is_new = !inner.state.contains_key(key);
        if is_new && !self.memory.has_room(self.held, self.now) {
            return Err(Error::overloaded(format!(
                "the embedded store holds {} entries, its most",
                inner.max_entries
            )));
        }
        let entry = self.entry(value, expires_at, 1);
        if is_new {
            // moka may still have the key's expired entry, and would count its replacement as none lost.
            inner.state.invalidate(key);
            inner.count.fetch_add(1, Ordering::Relaxed);
        }
        inner.values.invalidate(key);
        inner.state.insert(key.clone(), entry);
        Ok(())
    }

    fn entry<T: Send + Sync + 'static>(&self, value: T, expires_at: Option<Timestamp>, weight: u32) -> Entry {
        let lifetime = expires_at.map(|at| at.since(self.now));
        let slack = self.memory.0.reclaim_slack;
        let reclaim_after = lifetime.zip(slack).map(|(lifetime, slack)| lifetime.saturating_add(slack));
        Entry::new(value, expires_at, reclaim_after, weight)
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("now", &self.now).finish_non_exhaustive()
    }
}
