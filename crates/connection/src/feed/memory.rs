//! Streams of the embedded store.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use redstart_keys::Key;

use super::{Cursor, Delivery, Entry, LIFETIME, PATIENCE};
use crate::{Error, Memory, Result, Store};

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
    place: Option<Place>,
}

/// How far a reader has come in a stream, and in which: one that ended and began again is another.
#[derive(Clone, Debug)]
struct Place {
    stream: Weak<Mutex<Stream>>,
    cursor: Cursor,
}

impl MemoryReader {
    pub(super) const fn new(store: Store, key: Key) -> Self {
        Self { store, key, place: None }
    }

    pub(super) async fn next(&mut self) -> Result<Delivery> {
        let store = self.store.clone();
        let memory =
            store.embedded().ok_or_else(|| Error::unsupported("this feed reads the embedded store"))?;
        let told = memory.readers().notified();
        tokio::pin!(told);
        // Listening begins before looking, so that what comes in between is not slept through.
        told.as_mut().enable();
        let is_attached = self.place.is_some();
        let news = self.news(memory)?;
        if news != Delivery::Idle || !is_attached {
            return Ok(news);
        }
        let _woken = tokio::time::timeout(PATIENCE, told).await;
        self.news(memory)
    }

    fn news(&mut self, memory: &Memory) -> Result<Delivery> {
        let handle = self.stream(memory)?;
        let (delivery, cursor) = with_stream(&handle, |stream| match &self.place {
            None => (Delivery::Idle, stream.last),
            Some(place) if !place.is_in(&handle) || stream.trimmed_to > place.cursor => {
                (Delivery::Gap, stream.last)
            }
            Some(place) => {
                let entries = stream.after(place.cursor);
                (if entries.is_empty() { Delivery::Idle } else { Delivery::Entries(entries) }, stream.last)
            }
        });
        self.place = Some(Place { stream: Arc::downgrade(&handle), cursor });
        Ok(delivery)
    }

    /// The stream, made when there is none, so that its end can be seen.
    fn stream(&self, memory: &Memory) -> Result<StreamHandle> {
        let now = self.store.clock().now();
        memory.with(&[&self.key], now, |tx| {
            if let Some(handle) = tx.get::<StreamHandle>(&self.key) {
                return Ok((*handle).clone());
            }
            let handle = StreamHandle::default();
            tx.put(&self.key, Arc::clone(&handle), now.saturating_add(LIFETIME.as_duration()))?;
            Ok(handle)
        })
    }
}

impl Place {
    fn is_in(&self, stream: &StreamHandle) -> bool {
        std::ptr::eq(self.stream.as_ptr(), Arc::as_ptr(stream))
    }
}
