//! The embedded store: what Redis keeps, kept in this process.

mod entry;
mod stripe;
mod stripes;
mod tx;
mod values;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_keys::{DigestKey, Key, Pattern, Prefix};
use tokio::sync::Notify;

use crate::{Clock, Timestamp};
use stripes::{Held, Stripes};
pub use tx::Tx;
use values::Values;

/// How many entries of coordination state the embedded store holds.
const MAX_ENTRIES: usize = 1_000_000;
/// How many bytes of cached values the embedded store holds.
const MAX_VALUE_BYTES: u64 = 256 * 1024 * 1024;
/// How long a cached value is kept past its deadline before moka reclaims it.
const RECLAIM_SLACK: Duration = Duration::from_secs(1);
/// How often a full store is searched for expired entries.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// The embedded store.
///
/// Coordination state (limits, locks, counters) is never evicted: at a million entries a new key is
/// refused. Cached values live apart, bounded by weight, and may be evicted at any time.
#[derive(Clone)]
pub struct Memory(Arc<Inner>);

struct Inner {
    /// In tables under their own locks, which a step holds anyway, and not in moka: nothing of it may be evicted.
    stripes: Stripes,
    values: Values,
    readers: Notify,
    digest: DigestKey,
    /// How many entries the stripes hold, expired ones included.
    count: AtomicUsize,
    max_entries: usize,
    /// When expired entries were last searched for, in microseconds.
    searched_at: AtomicU64,
}

impl Memory {
    pub(crate) fn new(clock: &Clock) -> Self {
        let reclaim_slack = (!clock.is_manual()).then_some(RECLAIM_SLACK);
        Self::bounded(MAX_ENTRIES, MAX_VALUE_BYTES, reclaim_slack)
    }

    pub(crate) fn bounded(max_entries: usize, max_value_bytes: u64, reclaim_slack: Option<Duration>) -> Self {
        Self(Arc::new(Inner {
            stripes: Stripes::default(),
            values: Values::bounded(max_value_bytes, reclaim_slack),
            readers: Notify::new(),
            // Names are only compared with patterns here; no digest leaves the process.
            digest: DigestKey::new(b"embedded"),
            count: AtomicUsize::new(0),
            max_entries,
            searched_at: AtomicU64::new(0),
        }))
    }

    /// Reads and changes the entries of `keys` as one step.
    ///
    /// Nobody else sees or changes any of them while `body` runs, as in a script. `body` may touch
    /// only these keys: a debug build panics at another, which else reads as absent and can't be put.
    /// It must not use this store in another way, which would wait for itself.
    #[inline]
    pub fn with<R>(&self, keys: &[&Key], now: Timestamp, body: impl FnOnce(&mut Tx<'_>) -> R) -> R {
        body(&mut Tx::new(self, self.0.stripes.lock(keys), now))
    }

    /// Every key of coordination state and every cached value that `pattern` matches.
    #[must_use]
    pub fn scan(&self, pattern: &Pattern, now: Timestamp) -> Vec<Key> {
        let mut name = Vec::new();
        let mut matches = |key: &Key| {
            name.clear();
            key.render(&Prefix::none(), &self.0.digest, &mut name);
            pattern.matches(&name)
        };
        let mut found = Vec::new();
        self.0.stripes.for_each(|stripe| {
            let live = stripe.iter().filter(|(_, entry)| !entry.is_expired(now)).map(|(key, _)| key);
            found.extend(live.filter(|key| matches(key)).cloned());
        });
        found.extend(self.0.values.keys(now).filter(|key| matches(key)).map(|key| (*key).clone()));
        found
    }

    /// Removes every key that `pattern` matches; answers how many there were.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn remove_matching(&self, pattern: &Pattern, now: Timestamp) -> u64 {
        let keys = self.scan(pattern, now);
        let removed = keys.iter().filter(|key| self.with(&[key], now, |tx| tx.remove(key)));
        u64::try_from(removed.count()).unwrap_or(u64::MAX)
    }

    /// How many entries of coordination state there are, expired ones not yet reclaimed included.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.0.count.load(Ordering::Relaxed)
    }

    /// How many cached values there are, about.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.0.values.count()
    }

    /// Tells those who wait for a stream that there is news.
    pub(crate) fn tell_readers(&self) {
        self.0.readers.notify_waiters();
    }

    pub(crate) fn readers(&self) -> &Notify {
        &self.0.readers
    }

    /// Counts one entry more if there is room for it, which may be made by reclaiming what has expired.
    fn reserve(&self, held: &mut Held<'_>, now: Timestamp) -> bool {
        let Inner { stripes, count, max_entries, .. } = &*self.0;
        let reserve = || {
            let more = |count: usize| (count < *max_entries).then_some(count + 1);
            count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
        };
        if reserve() {
            return true;
        }
        if self.may_search(now) {
            count.fetch_sub(stripes.sweep(held, now), Ordering::Relaxed);
        }
        reserve()
    }

    /// A search looks at every entry, so a store that stays full is not searched at every call.
    fn may_search(&self, now: Timestamp) -> bool {
        let last = self.0.searched_at.load(Ordering::Relaxed);
        let elapsed = now.since(Timestamp::from_micros(last));
        let is_due = last == 0 || elapsed >= SEARCH_EVERY || now.as_micros() < last;
        is_due
            && (self.0.searched_at)
                .compare_exchange(last, now.as_micros(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("entries", &self.entries()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
