//! Streams of the embedded store.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use redstart_keys::Key;

use super::{Cursor, Delivery, Entry, PATIENCE};
use crate::{Error, Result, Store};

/// A stream: its entries, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Stream {
    entries: VecDeque<Entry>,
    pub(super) last: Cursor,
    trimmed_to: Cursor,
}

pub(super) type StreamHandle = Arc<Mutex<Stream>>;

pub(super) fn with_stream<R>(handle: &StreamHandle, body: impl FnOnce(&mut Stream) -> R) -> R {
    body(&mut handle.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Stream {
    pub(super) fn push(&mut self, entry: Entry, cap: usize) {
        self.last = entry.cursor;
        self.entries.push_back(entry);
        while self.entries.len() > cap.max(1) {
            if let Some(oldest) = self.entries.pop_front() {
                self.trimmed_to = oldest.cursor;
            }
        }
    }

    fn after(&self, cursor: Cursor) -> Vec<Entry> {
        self.entries.iter().filter(|entry| entry.cursor > cursor).cloned().collect()
    }
}

/// Reads a stream of the embedded store.
#[derive(Debug)]
pub(super) struct MemoryReader {
    store: Store,
    key: Key,
    cursor: Option<Cursor>,
}

impl MemoryReader {
    pub(super) const fn new(store: Store, key: Key) -> Self {
        Self { store, key, cursor: None }
    }

    pub(super) async fn next(&mut self) -> Result<Delivery> {
        let store = self.store.clone();
        let memory =
            store.embedded().ok_or_else(|| Error::unsupported("this feed reads the embedded store"))?;
        let told = memory.readers().notified();
        tokio::pin!(told);
        // Listening begins before looking, so that what comes in between is not slept through.
        told.as_mut().enable();
        let Some(cursor) = self.cursor else {
            self.cursor = Some(self.look(|stream| stream.last).unwrap_or_default());
            return Ok(Delivery::Idle);
        };
        if let Some(delivery) = self.news(cursor) {
            return Ok(delivery);
        }
        let _woken = tokio::time::timeout(PATIENCE, told).await;
        Ok(self.news(cursor).unwrap_or(Delivery::Idle))
    }

    fn news(&mut self, cursor: Cursor) -> Option<Delivery> {
        let seen = self.look(|stream| (stream.trimmed_to > cursor, stream.after(cursor), stream.last));
        let delivery = match seen {
            // A stream that has ended took its entries along.
            None if cursor == Cursor::default() => return None,
            None => {
                self.cursor = Some(Cursor::default());
                return Some(Delivery::Gap);
            }
            Some((true, _, last)) => {
                self.cursor = Some(last);
                return Some(Delivery::Gap);
            }
            Some((false, entries, last)) => (entries, last),
        };
        let (entries, last) = delivery;
        if entries.is_empty() {
            return None;
        }
        self.cursor = Some(last);
        Some(Delivery::Entries(entries))
    }

    fn look<R>(&self, read: impl FnOnce(&mut Stream) -> R) -> Option<R> {
        let memory = self.store.embedded()?;
        memory.with(&[&self.key], self.store.clock().now(), |tx| {
            tx.get::<StreamHandle>(&self.key).map(|handle| with_stream(&handle, read))
        })
    }
}
