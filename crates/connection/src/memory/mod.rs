//! The embedded store: what Redis keeps, kept in this process.

mod entry;
mod stripes;
mod tx;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use moka::{Expiry, notification::RemovalCause, sync::Cache};
use redstart_keys::{DigestKey, Key, Pattern, Prefix};
use tokio::sync::Notify;

use crate::{Clock, Timestamp};
use entry::Entry;
use stripes::{Held, Stripes};
pub use tx::Tx;

/// How many entries of coordination state the embedded store holds.
const MAX_ENTRIES: usize = 1_000_000;
/// How many bytes of cached values the embedded store holds.
const MAX_VALUE_BYTES: u64 = 256 * 1024 * 1024;
/// How long an entry is kept past its deadline before moka reclaims it.
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
    state: Cache<Key, Entry>,
    values: Cache<Key, Entry>,
    stripes: Stripes,
    readers: Notify,
    digest: DigestKey,
    count: Arc<AtomicUsize>,
    max_entries: usize,
    /// How long past its deadline an entry is reclaimed; never by moka under a clock that a test moves.
    reclaim_slack: Option<Duration>,
    /// When expired entries were last searched for, in microseconds.
    searched_at: AtomicU64,
}

impl Memory {
    pub(crate) fn new(clock: &Clock) -> Self {
        let reclaim_slack = (!clock.is_manual()).then_some(RECLAIM_SLACK);
        Self::bounded(MAX_ENTRIES, MAX_VALUE_BYTES, reclaim_slack)
    }

    pub(crate) fn bounded(max_entries: usize, max_value_bytes: u64, reclaim_slack: Option<Duration>) -> Self {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        // No capacity bound: with one, moka may refuse an entry, and a lock that can be evicted is none.
        let state = Cache::builder()
            .expire_after(Reclaim)
            .eviction_listener(move |_, _, cause| {
                if cause != RemovalCause::Replaced {
                    let fewer = |count: usize| Some(count.saturating_sub(1));
                    let _previous = counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
                }
            })
            .build();
        let values = Cache::builder()
            .expire_after(Reclaim)
            .weigher(|_, entry: &Entry| entry.weight())
            .max_capacity(max_value_bytes)
            .build();
        let (stripes, readers) = (Stripes::default(), Notify::new());
        // Names are only compared with patterns here; no digest leaves the process.
        let digest = DigestKey::new(b"embedded");
        let searched_at = AtomicU64::new(0);
        Self(Arc::new(Inner {
            state,
            values,
            stripes,
            readers,
            digest,
            count,
            max_entries,
            reclaim_slack,
            searched_at,
        }))
    }

    /// Reads and changes the entries of `keys` as one step.
    ///
    /// Nobody else sees or changes any of them while `body` runs, as in a script. `body` may touch
    /// only these keys.
    pub fn with<R>(&self, keys: &[&Key], now: Timestamp, body: impl FnOnce(&mut Tx<'_>) -> R) -> R {
        let held = self.0.stripes.lock(keys);
        body(&mut Tx::new(self, &held, now))
    }

    /// Every key of coordination state and every cached value that `pattern` matches.
    #[must_use]
    pub fn scan(&self, pattern: &Pattern, now: Timestamp) -> Vec<Key> {
        let mut name = Vec::new();
        let mut live = |(key, entry): (Arc<Key>, Entry)| {
            name.clear();
            key.render(&Prefix::none(), &self.0.digest, &mut name);
            (!entry.is_expired(now) && pattern.matches(&name)).then(|| (*key).clone())
        };
        self.0.state.iter().chain(self.0.values.iter()).filter_map(&mut live).collect()
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
        self.0.values.run_pending_tasks();
        self.0.values.entry_count()
    }

    /// Tells those who wait for a stream that there is news.
    pub(crate) fn tell_readers(&self) {
        self.0.readers.notify_waiters();
    }

    pub(crate) fn readers(&self) -> &Notify {
        &self.0.readers
    }

    /// Makes room by reclaiming what has expired; answers whether there is any.
    fn has_room(&self, held: &Held<'_>, now: Timestamp) -> bool {
        if self.entries() < self.0.max_entries {
            return true;
        }
        if self.may_search(now) {
            self.reclaim_expired(held, now);
        }
        self.entries() < self.0.max_entries
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

    fn reclaim_expired(&self, held: &Held<'_>, now: Timestamp) {
        for (key, _) in self.0.state.iter().filter(|(_, entry)| entry.is_expired(now)) {
            // Looked at again under its lock: another step may have renewed it meanwhile.
            self.0.stripes.try_beside(held, &key, || {
                if self.0.state.get(&*key).is_some_and(|entry| entry.is_expired(now)) {
                    self.0.state.invalidate(&*key);
                }
            });
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("entries", &self.entries()).finish_non_exhaustive()
    }
}

/// Tells moka when an entry may be reclaimed; whether it has *expired* is told by its deadline alone.
struct Reclaim;

impl Expiry<Key, Entry> for Reclaim {
    fn expire_after_create(&self, _: &Key, entry: &Entry, _: Instant) -> Option<Duration> {
        entry.reclaim_after
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        entry.reclaim_after
    }
}

#[cfg(test)]
mod tests;
