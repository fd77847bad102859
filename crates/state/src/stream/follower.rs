//! Everybody who wants every event.

use std::{collections::VecDeque, fmt, marker::PhantomData, sync::Arc};

use redstart_connection::{Entry, Error, ReadAfter};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Event, EventId, Inner, follow::Told};

/// How many events are read at once while a follower catches up.
const PAGE: usize = 256;

/// Gets every event of a stream.
pub struct Follower<T> {
    stream: Arc<Inner>,
    told: broadcast::Receiver<Told>,
    seen: EventId,
    /// Read, and not given yet.
    ahead: VecDeque<Entry>,
    /// Whether there may be events behind `seen` of which nobody will tell.
    is_behind: bool,
    events: PhantomData<fn() -> T>,
}

/// What a follower hears.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a follower must handle both; there is no third")]
pub enum Heard<T> {
    /// The next event.
    Event(Event<T>),
    /// The place to go on from is not kept any more: some events may be missing. Those that are kept follow.
    Missed,
}

impl<T: DeserializeOwned> Follower<T> {
    pub(super) fn new(stream: Arc<Inner>, seen: EventId) -> Self {
        // Listening begins before reading, so that nothing falls in between.
        let told = stream.listen();
        Self { stream, told, seen, ahead: VecDeque::new(), is_behind: true, events: PhantomData }
    }

    /// Waits for the next event; none when the store is shut down.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer while this follower catches up. Called again, it goes on where it
    /// was.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Heard<T>>, Error> {
        loop {
            while let Some(entry) = self.ahead.pop_front() {
                self.seen = entry.cursor;
                if let Some(event) = Event::read(&self.stream, &entry, 1) {
                    return Ok(Some(Heard::Event(event)));
                }
            }
            if self.is_behind {
                if self.stream.store.tasks().is_stopped() {
                    return Ok(None);
                }
                if self.read_on().await? {
                    return Ok(Some(Heard::Missed));
                }
                continue;
            }
            self.stream.ensure_followed();
            let told = tokio::select! {
                biased;
                () = self.stream.store.tasks().stopped() => return Ok(None),
                told = self.told.recv() => told,
            };
            match told {
                Ok(Told::Entry(entry)) if self.seen < entry.cursor => {
                    self.ahead.push_back(Entry::clone(&entry))
                }
                Ok(Told::Entry(_)) => {}
                // The stream holds the sender, so that it closes never.
                Ok(Told::ReadOn) | Err(RecvError::Lagged(_) | RecvError::Closed) => self.is_behind = true,
            }
        }
    }

    /// The last event that was given, or the one that was asked to go on from.
    #[must_use]
    pub const fn seen(&self) -> EventId {
        self.seen
    }

    /// Reads what nobody told; answers whether something may be missing.
    async fn read_on(&mut self) -> Result<bool, Error> {
        let Inner { store, key, .. } = &*self.stream;
        let page = store.run(&ReadAfter::new(key.clone(), self.seen, PAGE)).await?;
        if page.is_torn {
            // From the beginning nothing is torn.
            self.seen = EventId::default();
            return Ok(true);
        }
        self.is_behind = !page.is_end;
        self.seen = page.next;
        self.ahead.extend(page.entries);
        Ok(false)
    }
}

impl<T> fmt::Debug for Follower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("key", &self.stream.key)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
