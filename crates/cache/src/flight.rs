//! One load for all who ask at the same time.

use std::{
    fmt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use crate::{
    cached::Source,
    error::{Failure, LoadError},
    held::Held,
};

/// A load that several callers share.
///
/// It runs in the task of whoever has the turn. When that caller goes away, by cancellation or a
/// panic, the turn passes to the next; when it has an outcome, all wake at once.
pub(crate) struct Flight<V> {
    turn: Semaphore,
    outcome: OnceLock<Outcome<V>>,
    /// The stamp of what it will bring, as far as it is known; 0 before.
    as_of: AtomicU64,
    began: Instant,
    /// Something may have happened meanwhile that nobody here has heard of.
    is_doubted: AtomicBool,
    /// The ticket that a caller of this flight took, for the next one if that one goes away.
    token: Mutex<Option<String>>,
    /// Something happened that may end a wait for a load in another process.
    pub(crate) news: Notify,
}

/// How a flight ended.
pub(crate) enum Outcome<V> {
    Brought { held: Held<V>, source: Source },
    Failed(Failure),
}

/// What a caller who joined a flight gets.
pub(crate) enum Turn<'a, V> {
    /// The turn to do the work.
    Lead(SemaphorePermit<'a>),
    /// The outcome of somebody else's work.
    Done(&'a Outcome<V>),
}

impl<V: Send + Sync> Flight<V> {
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            turn: Semaphore::new(1),
            outcome: OnceLock::new(),
            as_of: AtomicU64::new(0),
            began,
            is_doubted: AtomicBool::new(false),
            token: Mutex::default(),
            news: Notify::new(),
        }
    }

    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    /// What it brings may be handed out, but not kept.
    pub(crate) fn doubt(&self) {
        self.is_doubted.store(true, Ordering::Release);
        self.news.notify_one();
    }

    pub(crate) fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Acquire)
    }

    /// Notes the stamp that was there when the load began.
    pub(crate) fn is_of(&self, as_of: u64) {
        self.as_of.store(as_of, Ordering::Release);
    }

    /// The stamp of what it will bring; 0 while that is not known.
    pub(crate) fn as_of(&self) -> u64 {
        self.as_of.load(Ordering::Acquire)
    }

    /// Notes the ticket by which this flight loads.
    pub(crate) fn holds(&self, token: &str) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.to_owned());
    }

    /// Whether a caller of this flight took that ticket.
    pub(crate) fn has_taken(&self, token: &str) -> bool {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(token)
    }

    /// Waits for the turn or the outcome.
    pub(crate) async fn turn(&self) -> Turn<'_, V> {
        loop {
            let permit = self.turn.acquire().await;
            if let Some(outcome) = self.outcome.get() {
                return Turn::Done(outcome);
            }
            if let Ok(permit) = permit {
                return Turn::Lead(permit);
            }
        }
    }

    /// The turn, when nobody has it.
    pub(crate) fn try_lead(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.try_acquire().ok().filter(|_| self.outcome.get().is_none())
    }

    /// Ends the flight and wakes everybody.
    pub(crate) fn finish(&self, outcome: Outcome<V>) {
        // The first outcome stands; there is no second, since only the one with the turn ends a flight.
        let _first = self.outcome.set(outcome);
        self.turn.close();
    }
}

impl<V> Outcome<V> {
    /// The outcome for a caller whose loader fails with `E`.
    pub(crate) fn result<E: Send + Sync + 'static>(&self) -> Result<(Held<V>, Source), LoadError<E>> {
        match self {
            Self::Brought { held, source } => Ok((held.clone(), *source)),
            Self::Failed(failure) => Err(LoadError::of(failure)),
        }
    }
}

impl<V> fmt::Debug for Flight<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("done", &self.outcome.get().is_some()).finish_non_exhaustive()
    }
}
