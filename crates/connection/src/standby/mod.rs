//! This process's memory in place of a server that is away.
//!
//! Operations that say so are answered from memory while their server is away. What was invalidated
//! meanwhile is noted, and the server hears of it before anybody reads from it again.

mod journal;
mod keeper;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::time::Instant;

use self::journal::Journal;
pub use self::journal::Replay;
use crate::{Clock, Event, Memory, Operation, Result, clock::runtime_now, events::Announcer, names};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What stands in for the servers of one store.
pub(crate) struct Standby {
    clock: Clock,
    /// Dropped when a server is back: what it held was true while nobody else was asked.
    memory: ArcSwap<Memory>,
    /// Held for reading by who answers from memory, and for writing by who ends that.
    gate: RwLock<()>,
    journal: Journal,
    hooks: Mutex<Vec<Hook>>,
    kept: AtomicBool,
}

/// Whether memory answers in place of one server.
pub(crate) struct Away {
    server: String,
    active: AtomicBool,
    allowed: bool,
    announcer: Announcer,
    stay: Mutex<Stay>,
}

/// How long memory has stood in.
#[derive(Debug, Default)]
struct Stay {
    since: Option<Instant>,
    before: Duration,
}

impl Standby {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            memory: ArcSwap::from_pointee(Memory::new(clock)),
            gate: RwLock::new(()),
            journal: Journal::default(),
            hooks: Mutex::default(),
            kept: AtomicBool::new(false),
        }
    }

    /// Answers from memory, unless the server has come back this very moment.
    pub(crate) fn answer<O: Operation>(&self, operation: &O, away: &Away) -> Option<Result<O::Output>> {
        let _staying = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if !away.is_active() {
            return None;
        }
        let answer = operation.on_memory(&self.memory.load(), self.clock.now());
        metrics::counter!(names::STANDBY_ANSWERS, "operation" => O::NAME).increment(1);
        self.note(operation);
        Some(answer)
    }

    /// Keeps what the server has to hear of an operation.
    pub(crate) fn note<O: Operation>(&self, operation: &O) {
        let Some(replay) = operation.replay() else { return };
        let outcome = if self.journal.note(replay) { "overflowed" } else { "noted" };
        metrics::counter!(names::STANDBY_JOURNAL, "outcome" => outcome).increment(1);
    }

    /// Runs `hook` whenever a server has come back, before anybody reads from it.
    pub(crate) fn on_return(&self, hook: Hook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Ends the standby of one server, when everything noted up to `number` was replayed.
    fn end(&self, away: &Away, number: u64, replayed: usize) -> bool {
        let _closed = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if self.journal.last_number() != number {
            return false;
        }
        self.memory.store(Arc::new(Memory::new(&self.clock)));
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        hooks.iter().for_each(|hook| hook());
        away.leave(replayed);
        true
    }
}

impl Away {
    pub(crate) fn new(server: String, allowed: bool, announcer: Announcer) -> Self {
        Self { server, active: AtomicBool::new(false), allowed, announcer, stay: Mutex::default() }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }

    /// Whether memory may answer in this server's place, and need not just now.
    pub(crate) fn has_returned(&self) -> bool {
        self.allowed && !self.is_active()
    }

    /// From now on memory answers, as far as it may.
    pub(crate) fn enter(&self) {
        if self.allowed && !self.active.swap(true, Ordering::AcqRel) {
            self.stay().since = Some(runtime_now());
            metrics::gauge!(names::STANDBY_ACTIVE).increment(1.0);
            self.announcer.announce(Event::StandbyEntered { server: self.server.clone() });
        }
    }

    fn leave(&self, replayed: usize) {
        if self.active.swap(false, Ordering::AcqRel) {
            let mut stay = self.stay();
            stay.before = stay.total();
            stay.since = None;
            drop(stay);
            metrics::gauge!(names::STANDBY_ACTIVE).decrement(1.0);
            let server = self.server.clone();
            self.announcer.announce(Event::StandbyLeft { server, replayed });
        }
    }

    /// How long memory has answered in this server's place, all together.
    pub(crate) fn total(&self) -> Duration {
        self.stay().total()
    }

    fn stay(&self) -> MutexGuard<'_, Stay> {
        self.stay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stay {
    fn total(&self) -> Duration {
        self.before
            + self.since.map_or(Duration::ZERO, |since| runtime_now().saturating_duration_since(since))
    }
}
