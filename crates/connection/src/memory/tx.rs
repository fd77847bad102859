//! One step on the embedded store.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use redstart_keys::Key;

use super::{
    Memory,
    entry::{Entry, Shared},
    stripes::Held,
};
use crate::{Error, Result, Timestamp};

/// The entries of one step, seen and changed as one.
pub struct Tx<'a> {
    memory: &'a Memory,
    held: Held<'a>,
    now: Timestamp,
}

impl<'a> Tx<'a> {
    #[inline]
    pub(super) const fn new(memory: &'a Memory, held: Held<'a>, now: Timestamp) -> Self {
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
        self.put_state(key, Entry::shared(value, Some(expires_at)))
    }

    /// Keeps `value` under `key` for good.
    ///
    /// # Errors
    ///
    /// Refuses a new key when the store is full.
    pub fn put_persistent<T: Send + Sync + 'static>(&mut self, key: &Key, value: T) -> Result<()> {
        self.put_state(key, Entry::shared(value, None))
    }

    /// Keeps `value` under `key` until `expires_at`, to be changed in place.
    ///
    /// [`Tx::get_mut`] finds it, and [`Tx::get`] does not.
    ///
    /// # Errors
    ///
    /// Refuses a new key when the store is full.
    pub fn put_owned<T: Send + Sync + 'static>(
        &mut self,
        key: &Key,
        value: T,
        expires_at: Timestamp,
    ) -> Result<()> {
        self.put_state(key, Entry::owned(value, Some(expires_at)))
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
        self.take(key);
        self.memory.0.values.insert(key.clone(), Arc::new(value), weight, self.now, expires_at);
    }

    /// Removes the entry; answers whether there was one.
    pub fn remove(&mut self, key: &Key) -> bool {
        match self.take(key) {
            Some(entry) => !entry.is_expired(self.now),
            None => self.memory.0.values.remove(key, self.now),
        }
    }

    /// The value under `key`; none when it has expired or is of another type.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self, key: &Key) -> Option<Arc<T>> {
        let value: Shared = match self.state(key) {
            Some(entry) if entry.is_expired(self.now) => return None,
            Some(entry) => entry.to_shared()?,
            None => self.memory.0.values.get(key, self.now)?.0,
        };
        value.downcast().ok()
    }

    /// What [`Tx::put_owned`] keeps under `key`, and when its entry ends; none when it has expired or is of
    /// another type.
    #[must_use]
    #[inline]
    pub fn get_mut<T: Send + Sync + 'static>(&mut self, key: &Key) -> Option<(&mut T, Option<Timestamp>)> {
        let place = self.held.place(&self.memory.0.stripes, key);
        let entry = self.held.get_mut(place)?.get_mut(place.hash, key)?;
        let expires_at = entry.expires_at;
        if entry.is_expired(self.now) { None } else { Some((entry.owned_mut()?, expires_at)) }
    }

    /// When the entry under `key` ends; none when there is none, or it never does.
    #[must_use]
    pub fn expires_at(&self, key: &Key) -> Option<Timestamp> {
        match self.state(key) {
            Some(entry) => entry.expires_at.filter(|expires_at| self.now < *expires_at),
            None => self.memory.0.values.get(key, self.now).map(|(_, expires_at)| expires_at),
        }
    }

    /// Whether there is an entry under `key`.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        match self.state(key) {
            Some(entry) => !entry.is_expired(self.now),
            None => self.memory.0.values.get(key, self.now).is_some(),
        }
    }

    /// The time of this step.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The coordination state under `key`, even if it has expired; there is no cached value then.
    fn state(&self, key: &Key) -> Option<&Entry> {
        let place = self.held.place(&self.memory.0.stripes, key);
        self.held.get(place)?.get(place.hash, key)
    }

    /// Takes the coordination state under `key` out.
    fn take(&mut self, key: &Key) -> Option<Entry> {
        let inner = &self.memory.0;
        let place = self.held.place(&inner.stripes, key);
        let entry = self.held.get_mut(place)?.remove(place.hash, key)?;
        inner.count.fetch_sub(1, Ordering::Relaxed);
        Some(entry)
    }

    fn put_state(&mut self, key: &Key, entry: Entry) -> Result<()> {
        let inner = &self.memory.0;
        let place = self.held.place(&inner.stripes, key);
        let unnamed = || Error::unsupported(format!("a step puts {key}, which it has not named"));
        let stripe = self.held.get_mut(place).ok_or_else(unnamed)?;
        if let Some(kept) = stripe.get_mut(place.hash, key) {
            *kept = entry;
            return Ok(());
        }
        if stripe.is_due() {
            inner.count.fetch_sub(stripe.sweep(self.now), Ordering::Relaxed);
        }
        if !self.memory.reserve(&mut self.held, self.now) {
            return Err(Error::overloaded(format!(
                "the embedded store holds {} entries, its most",
                inner.max_entries
            )));
        }
        inner.values.forget(key);
        self.held.get_mut(place).ok_or_else(unnamed)?.insert(place.hash, key.clone(), entry);
        Ok(())
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tx").field("now", &self.now).finish_non_exhaustive()
    }
}
