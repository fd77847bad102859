//! Hearing what other processes change.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_connection::{Delivery, Feed, Store};
use tokio::sync::Notify;

use crate::{
    event::{Event, stream},
    registry::Registry,
};

/// Whether this process hears of changes, and since when it has.
///
/// One task reads the stream of all caches of a store. It is attached as long as answers come: values in
/// this process are passed by when the last one that came was asked for too long ago.
#[derive(Default)]
pub(crate) struct Coherence {
    is_running: AtomicBool,
    /// When the last request that was answered had been sent, in µs after `base`; 0 before the first.
    heard: AtomicU64,
    base: OnceLock<Instant>,
    /// Counts how often reading began anew: what was concluded from earlier events holds no longer.
    era: AtomicU64,
    changed: Notify,
}

impl Coherence {
    /// Whether everything is known that happened more than `max_staleness` ago.
    pub(crate) fn is_attached(&self, now: Instant, max_staleness: Duration) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        let Some(base) = self.base.get().filter(|_| heard > 0) else { return false };
        now.saturating_duration_since(*base + Duration::from_micros(heard)) < max_staleness
    }

    /// The present era.
    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Waits until the stream is read.
    pub(crate) async fn attached(&self) {
        loop {
            let changed = self.changed.notified();
            if self.heard.load(Ordering::Acquire) > 0 {
                return;
            }
            changed.await;
        }
    }

    fn hear(&self, asked: Instant) {
        let base = self.base.get_or_init(|| asked);
        let micros = asked.saturating_duration_since(*base).as_micros();
        self.heard.fetch_max(u64::try_from(micros).unwrap_or(u64::MAX).max(1), Ordering::AcqRel);
        self.changed.notify_waiters();
    }
}

impl Registry {
    /// Sees to it that the stream is read, on this runtime if on no other.
    pub(crate) fn keep_reading(self: &Arc<Self>, store: &Store) {
        if store.is_memory() || self.coherence.is_running.load(Ordering::Acquire) {
            return;
        }
        if self.coherence.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(Arc::clone(self));
        // Not started, or ended with its runtime: the next who asks tries again.
        store.tasks().spawn("cache coherence", read(running, store.clone()));
    }
}

/// The one reader; what it stands for ends with it.
struct Running(Arc<Registry>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.coherence.is_running.store(false, Ordering::Release);
    }
}

/// Reads as long as somebody wants to know.
async fn read(running: Running, store: Store) {
    let registry = &running.0;
    let mut feed = Feed::open(&store, stream());
    // A reader that begins has heard nothing, wherever the one before it stopped.
    let mut is_attached = false;
    while registry.has_listeners() {
        match feed.next().await {
            Ok(Delivery::Entries(entries)) => {
                let now = store.clock().instant();
                entries.iter().for_each(|entry| registry.apply(&Event::read(entry), now));
            }
            Ok(Delivery::Idle) if is_attached => {}
            // What was read before this moment may have been changed unheard.
            Ok(Delivery::Idle | Delivery::Gap) => {
                registry.coherence.era.fetch_add(1, Ordering::AcqRel);
                registry.doubt();
                is_attached = true;
            }
            Err(error) => {
                tracing::debug!(%error, "the changes of other processes are not heard");
                continue;
            }
        }
        if let Some(asked) = feed.heard() {
            registry.coherence.hear(asked);
        }
    }
}
