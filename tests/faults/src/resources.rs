//! What a store holds: connections, tasks, keys, memory.

use std::time::Duration;

use serde::Serialize;
use tokio::task::block_in_place;

use crate::{
    HEAP,
    clock::now,
    load::{Load, Work},
    machine::Stalls,
    site::Site,
};

/// How long what was borrowed may take to come back: leases that nobody could give back end after five seconds.
const PATIENCE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(100);
/// Growth that allocators and buffers show without any fault.
const HEAP_NOISE: usize = 64 * 1024;

/// What is held at one moment at which nobody calls.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Resources {
    pub(crate) sockets: usize,
    pub(crate) tasks: usize,
    pub(crate) keys: usize,
    /// Bytes that live on the heap, less what is set aside to keep account.
    pub(crate) heap: usize,
}

impl Resources {
    pub(crate) fn of(site: &Site, loads: &[Load]) -> Self {
        let reserved = Work::ALL.len() * Load::RESERVED + Stalls::RESERVED;
        Self {
            sockets: site.sockets().len(),
            tasks: loads.iter().map(|load| load.store.tasks().running()).sum(),
            keys: block_in_place(|| site.count_keys()),
            heap: HEAP.allocated().saturating_sub(reserved),
        }
    }

    /// What is held once everything is back that was held before, or after it was waited for in vain.
    pub(crate) async fn returned(site: &Site, loads: &[Load], before: Self) -> Self {
        let give_up = now() + PATIENCE;
        loop {
            let present = Self::of(site, loads);
            if present.missing(before).is_empty() || give_up < now() {
                return present;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// What is held beyond what was held before.
    pub(crate) fn missing(self, before: Self) -> Vec<String> {
        let Self { sockets, tasks, keys, heap } = self;
        let counts = [
            ("sockets", sockets, before.sockets),
            ("tasks", tasks, before.tasks),
            ("keys", keys, before.keys),
        ];
        let more = counts.into_iter().filter(|(_, after, before)| after > before);
        let mut missing: Vec<_> =
            more.map(|(name, after, before)| format!("{after} {name} are held, {before} before")).collect();
        if heap > (before.heap + before.heap / 20).max(before.heap + HEAP_NOISE) {
            missing.push(format!("{} KiB live, {} KiB before", heap / 1024, before.heap / 1024));
        }
        missing
    }
}
