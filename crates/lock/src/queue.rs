//! Waiting in line within the process, so that only the first of a line asks the store.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::pending,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hashbrown::DefaultHashBuilder;
use redstart_keys::Key;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    claim::Claim,
    successor::{Succession, Successor, succession},
};

/// The lines before the locks of one process.
#[derive(Clone, Default)]
pub(crate) struct Queues(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    by_lock: HashMap<Arc<Key>, Waiting, DefaultHashBuilder>,
    /// Of all successors; so those of a line stand in the order of their numbers.
    last_number: u64,
    /// Nothing is handed on any more.
    is_closed: bool,
}

struct Waiting {
    line: Arc<Line>,
    /// How many places there are; the last one to go takes the line away.
    places: usize,
    /// How many of them may not be passed over: while there are any, the lock is handed on to nobody.
    strict: usize,
    /// Whom the lock may be handed on to, by arrival.
    successors: VecDeque<Successor>,
}

struct Line {
    /// One permit, handed on in order of arrival.
    turn: Semaphore,
    /// Whether one of this line got the lock, and has not given it back.
    is_held: AtomicBool,
    /// Whether the first in line has asked the store, which may have the lock handed to it from then on.
    asks: AtomicBool,
}

/// The turn of the first in line, until this is dropped.
pub(crate) struct Turn<'p> {
    line: &'p Line,
    _permit: SemaphorePermit<'p>,
}

/// A place in the line before a lock; dropping it leaves the line.
pub(crate) struct Place {
    queues: Queues,
    key: Arc<Key>,
    line: Arc<Line>,
    is_strict: bool,
}

impl Queues {
    /// Takes a place in the line; nobody is handed the lock past a strict one.
    pub(crate) fn line_up(&self, key: &Arc<Key>, is_strict: bool) -> Place {
        let mut lines = self.lines();
        let waiting = lines.by_lock.entry(Arc::clone(key)).or_insert_with(Waiting::new);
        waiting.places += 1;
        waiting.strict += usize::from(is_strict);
        Place { queues: self.clone(), key: Arc::clone(key), line: Arc::clone(&waiting.line), is_strict }
    }

    /// Whom the lock may be handed on to by who gives it back.
    pub(crate) fn next(&self, key: &Key) -> Option<Successor> {
        let mut lines = self.lines();
        let is_closed = lines.is_closed;
        let waiting = lines.by_lock.get_mut(key)?;
        if is_closed || 0 < waiting.strict || waiting.line.asks.load(Ordering::Acquire) {
            return None;
        }
        waiting.successors.pop_front()
    }

    /// Notes that the lock was given back, and handed on to nobody here.
    pub(crate) fn note_free(&self, key: &Key) {
        if let Some(waiting) = self.lines().by_lock.get(key) {
            waiting.line.is_held.store(false, Ordering::Release);
        }
    }

    /// Takes a waiter off the list of whom the lock may be handed on to; none if it is not on it any more.
    pub(crate) fn strike_out(&self, key: &Key, number: u64) -> Option<Successor> {
        let mut lines = self.lines();
        let successors = &mut lines.by_lock.get_mut(key)?.successors;
        let place = successors.binary_search_by_key(&number, |successor| successor.number).ok()?;
        successors.remove(place)
    }

    /// How many wait for each lock.
    pub(crate) fn waiting(&self) -> Vec<(Key, usize)> {
        self.lines().by_lock.iter().map(|(key, waiting)| (Key::clone(key), waiting.places)).collect()
    }

    /// Hands nothing on any more: all ask for themselves, and are told that the store is being shut down.
    pub(crate) fn close(&self) {
        let mut lines = self.lines();
        lines.is_closed = true;
        lines.by_lock.values_mut().for_each(|waiting| waiting.successors.clear());
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lines().by_lock.is_empty()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // Every change under this lock is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new() -> Self {
        let (turn, is_held, asks) = (Semaphore::new(1), AtomicBool::new(false), AtomicBool::new(false));
        let line = Arc::new(Line { turn, is_held, asks });
        Self { line, places: 0, strict: 0, successors: VecDeque::new() }
    }
}

impl Place {
    /// Waits to be the first in line, and stays it until the answer is dropped.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        match self.line.turn.acquire().await {
            Ok(permit) => Turn { line: &self.line, _permit: permit },
            // Nobody closes it, so there always is a permit.
            Err(_) => pending().await,
        }
    }

    /// The turn, if nobody is before this place.
    pub(crate) fn turn_at_once(&self) -> Option<Turn<'_>> {
        let permit = self.line.turn.try_acquire().ok()?;
        Some(Turn { line: &self.line, _permit: permit })
    }

    /// Puts a claim on the list of those to whom the lock may be handed on; none for a place that is strict.
    pub(crate) fn succeed(&self, claim: &Claim) -> Option<Succession> {
        if self.is_strict {
            return None;
        }
        let mut lines = self.queues.lines();
        lines.last_number += 1;
        let (successor, succession) = succession(&self.queues, lines.last_number, claim);
        lines.by_lock.get_mut(&self.key)?.successors.push_back(successor);
        Some(succession)
    }

    /// Notes that this place got the lock.
    pub(crate) fn note_held(&self) {
        self.line.is_held.store(true, Ordering::Release);
    }

    /// Whether somebody of this line has the lock.
    pub(crate) fn is_held_here(&self) -> bool {
        self.line.is_held.load(Ordering::Acquire)
    }
}

impl Turn<'_> {
    /// Notes that the store is asked from now on.
    pub(crate) fn note_asking(&self) {
        self.line.asks.store(true, Ordering::Release);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.line.asks.store(false, Ordering::Release);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queues.lines();
        if let Some(waiting) = lines.by_lock.get_mut(&self.key) {
            waiting.places -= 1;
            waiting.strict -= usize::from(self.is_strict);
            if waiting.places == 0 {
                lines.by_lock.remove(&self.key);
            }
        }
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").field("lines", &self.lines().by_lock.len()).finish()
    }
}

#[cfg(test)]
mod tests;
