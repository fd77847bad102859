//! Waiting in line within the process, so that only the first of a line asks the store.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redstart_keys::Key;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The lines before the locks of one process.
#[derive(Clone, Default)]
pub(crate) struct Queues(Arc<Mutex<HashMap<Key, Waiting>>>);

struct Waiting {
    line: Arc<Line>,
    /// How many places there are; the last one to go takes the line away.
    places: usize,
}

struct Line {
    /// One permit, handed on in order of arrival.
    turn: Semaphore,
}

/// A place in the line before a lock; dropping it leaves the line.
pub(crate) struct Place {
    queues: Queues,
    key: Key,
    line: Arc<Line>,
}

impl Queues {
    pub(crate) fn line_up(&self, key: &Key) -> Place {
        let mut lines = self.lines();
        let waiting = lines
            .entry(key.clone())
            .or_insert_with(|| Waiting { line: Arc::new(Line { turn: Semaphore::new(1) }), places: 0 });
        waiting.places += 1;
        Place { queues: self.clone(), key: key.clone(), line: Arc::clone(&waiting.line) }
    }

    /// How many wait for each lock.
    pub(crate) fn waiting(&self) -> Vec<(Key, usize)> {
        self.lines().iter().map(|(key, waiting)| (key.clone(), waiting.places)).collect()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Key, Waiting>> {
        // Every change under this lock is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits to be the first in line, and stays it until the answer is dropped.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it, so there always is a permit.
        self.line.turn.acquire().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queues.lines();
        if let Some(waiting) = lines.get_mut(&self.key) {
            waiting.places -= 1;
            if waiting.places == 0 {
                lines.remove(&self.key);
            }
        }
    }
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queues").field("lines", &self.lines().len()).finish()
    }
}
