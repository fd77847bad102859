//! Streams of the embedded store.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use redstart_keys::Key;

use super::{Cursor, Delivery, Entry, LIFETIME, PATIENCE, group::Group};
use crate::{Error, Memory, Result, Store, Tx};

/// A stream: its entries, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Stream {
    entries: VecDeque<Entry>,
    pub(super) last: Cursor,
    trimmed_to: Cursor,
    groups: BTreeMap<String, Group>,
}

pub(super) type StreamHandle = Arc<Mutex<Stream>>;

pub(super) fn with_stream<R>(handle: &StreamHandle, body: impl FnOnce(&mut Stream) -> R) -> R {
    body(&mut handle.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The stream under a key, where there is one.
pub(super) fn find_stream(tx: &Tx<'_>, key: &Key) -> Option<StreamHandle> {
    tx.get::<StreamHandle>(key).map(|handle| (*handle).clone())
}

/// The entry of this place.
pub(super) fn find(entries: &VecDeque<Entry>, cursor: Cursor) -> Option<&Entry> {
    let at = entries.partition_point(|entry| entry.cursor < cursor);
    entries.get(at).filter(|entry| entry.cursor == cursor)
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

    pub(super) fn after(&self, cursor: Cursor) -> impl Iterator<Item = &Entry> {
        self.entries.iter().skip(self.entries.partition_point(|entry| entry.cursor <= cursor))
    }

    pub(super) fn has(&self, cursor: Cursor) -> bool {
        find(&self.entries, cursor).is_some()
    }

    /// The last entry that is kept.
    pub(super) fn end(&self) -> Option<Cursor> {
        self.entries.back().map(|entry| entry.cursor)
    }

    /// The group of this name, made where it is missing, and the entries.
    pub(super) fn group(&mut self, name: &str) -> (&VecDeque<Entry>, &mut Group) {
        (&self.entries, self.groups.entry(name.to_owned()).or_default())
    }

    pub(super) fn known_group(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.get_mut(name)
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
                let entries: Vec<Entry> = stream.after(place.cursor).cloned().collect();
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
            if let Some(handle) = find_stream(tx, &self.key) {
                return Ok(handle);
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
