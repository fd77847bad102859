//! A stream that is followed by a blocking read while somebody writes to it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{Append, Cursor, Delivery, Feed};
use redstart_keys::{Category, Entity, Ttl};
use tokio::runtime::Handle;

use super::Load;

const NEWS: Entity<u64> = Entity::new(Category::Cache, "news").ttl(Ttl::hours(1));
const PACE: Duration = Duration::from_millis(5);
/// Room for more entries than a cell writes, so that keeping account allocates nothing.
const ENTRIES: usize = 1 << 14;
pub(super) const RESERVED: usize = 2 * ENTRIES * size_of::<Cursor>();

/// What was written and acknowledged, and what was read.
#[derive(Debug)]
pub(super) struct Sent {
    acknowledged: Mutex<Vec<Cursor>>,
    delivered: Mutex<Vec<Cursor>>,
    /// The reader has found the stream's end, so that nothing later may be kept from it.
    is_attached: AtomicBool,
}

impl Default for Sent {
    fn default() -> Self {
        let room = || Mutex::new(Vec::with_capacity(ENTRIES));
        Self { acknowledged: room(), delivered: room(), is_attached: AtomicBool::new(false) }
    }
}

impl Sent {
    /// Forgets what was delivered, and what should have been by now.
    pub(super) fn turn_page(&self) {
        let mut delivered = lock(&self.delivered);
        if let Some(last) = delivered.iter().max().copied() {
            lock(&self.acknowledged).retain(|cursor| *cursor > last);
        }
        delivered.clear();
    }

    /// Acknowledged entries that were not delivered, unless the reader was told of a gap.
    pub(super) fn lost(&self, gaps: &AtomicU64) -> u64 {
        if gaps.load(Ordering::SeqCst) > 0 {
            return 0;
        }
        let mut delivered = lock(&self.delivered).clone();
        delivered.sort_unstable();
        let Some(last) = delivered.last() else { return 0 };
        // What comes after the last one was not read yet when the load ended.
        let acknowledged = lock(&self.acknowledged);
        let due = acknowledged.iter().filter(|cursor| *cursor <= last);
        let missing = due.filter(|cursor| delivered.binary_search(cursor).is_err()).count();
        u64::try_from(missing).unwrap_or(u64::MAX)
    }
}

pub(super) fn start(load: &Load, runtime: &Handle) {
    let (reader, writer) = (load.worker(), load.worker());
    let key = NEWS.key(&load.counter);
    let mut feed = Feed::open(&load.store, key.clone());
    let (truth, sent) = (Arc::clone(&load.truth), Arc::clone(&load.sent));
    runtime.spawn(async move {
        let mut last = Cursor::default();
        while let Some(turn) = reader.turn().await {
            let delivery = feed.next().await;
            turn.note_outcome(&delivery);
            sent.is_attached.fetch_or(delivery.is_ok(), Ordering::SeqCst);
            match delivery {
                Ok(Delivery::Entries(entries)) => {
                    let mut delivered = lock(&sent.delivered);
                    for entry in entries {
                        truth.doubled.fetch_add(u64::from(entry.cursor <= last), Ordering::SeqCst);
                        last = entry.cursor;
                        delivered.push(entry.cursor);
                    }
                }
                Ok(Delivery::Gap) => {
                    truth.gaps.fetch_add(1, Ordering::SeqCst);
                }
                Ok(Delivery::Idle) | Err(_) => {}
            }
        }
    });
    let (store, sent) = (load.store.clone(), Arc::clone(&load.sent));
    runtime.spawn(async move {
        // Its calls are no part of the record, whose subject is the reading.
        while let Some(turn) = writer.turn().await {
            if sent.is_attached.load(Ordering::SeqCst) {
                let written = store.run(&Append::new(key.clone(), Ttl::hours(1)).field("k", "v")).await;
                if let Ok(cursor) = written {
                    lock(&sent.acknowledged).push(cursor);
                }
            }
            drop(turn);
            tokio::time::sleep(PACE).await;
        }
    });
}

fn lock(cursors: &Mutex<Vec<Cursor>>) -> MutexGuard<'_, Vec<Cursor>> {
    cursors.lock().unwrap_or_else(PoisonError::into_inner)
}
