//! The load: four kinds of work, each with a store of its own.

mod counting;
mod feeding;
mod locking;
mod reading;
mod together;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use redstart_connection::{Error, Store};
use redstart_keys::{Category, Entity, Ttl};
use tokio::runtime::Handle;

use self::feeding::Sent;
pub(crate) use self::{
    counting::{Hit, Tally, count},
    together::{end_all, pause_all, resume_all, start_all},
};
use crate::{
    Result,
    clock::now,
    record::{Mark, Record},
};

pub(crate) const HITS: Entity<u64> = Entity::new(Category::Counter, "hits").ttl(Ttl::hours(1));

/// How many tasks do the same work, where it is not said otherwise.
const TASKS: usize = 4;
/// What a task waits between two calls: two cores are shared with the server and the faults.
const PACE: Duration = Duration::from_millis(2);
const PAUSED: Duration = Duration::from_millis(5);

/// A kind of work.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Work {
    /// A cache reads what is there.
    Get,
    /// A counter counts, once for each call.
    Incr,
    /// A lock is taken and given back.
    Lock,
    /// A stream is followed by a blocking read.
    Feed,
}

/// One kind of work under way.
pub(crate) struct Load {
    pub(crate) work: Work,
    pub(crate) store: Store,
    pub(crate) record: Arc<Record>,
    /// What was counted.
    pub(crate) tally: Arc<Tally>,
    pub(crate) truth: Arc<Truth>,
    sent: Arc<Sent>,
    gate: Arc<Gate>,
    counter: u64,
}

/// What the work itself finds out about lost and doubled effects.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) doubled: AtomicU64,
    pub(crate) gaps: AtomicU64,
}

/// Lets the load stand still.
#[derive(Debug, Default)]
struct Gate {
    is_paused: AtomicBool,
    is_closed: AtomicBool,
    under_way: AtomicUsize,
    tasks: AtomicUsize,
}

impl Work {
    pub(crate) const ALL: [Self; 4] = [Self::Get, Self::Incr, Self::Lock, Self::Feed];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Incr => "incr",
            Self::Lock => "lock",
            Self::Feed => "feed",
        }
    }

    /// How long one call may take.
    pub(crate) fn deadline(self, store: &Store) -> Duration {
        match self {
            // A blocking read: one second of pacing after failures, one to open a connection, one of
            // waiting for news, one of silence after it, and a command.
            Self::Feed => Duration::from_secs(4) + store.deadline(),
            _ => store.deadline(),
        }
    }
}

impl Load {
    /// What is set aside to keep account of one kind of work.
    pub(crate) const RESERVED: usize = Record::RESERVED + feeding::RESERVED;

    /// Starts the work on the runtime of the load, with keys of these ids.
    pub(crate) async fn start(runtime: &Handle, work: Work, store: Store, ids: &[u64]) -> Result<Self> {
        let load = Self {
            work,
            store,
            record: Arc::new(Record::new()),
            tally: Arc::default(),
            truth: Arc::default(),
            sent: Arc::default(),
            gate: Arc::default(),
            counter: ids[0],
        };
        match work {
            Work::Get => reading::start(&load, runtime, ids).await?,
            Work::Incr => counting::start(&load, runtime),
            Work::Lock => locking::start(&load, runtime, ids),
            Work::Feed => feeding::start(&load, runtime),
        }
        Ok(load)
    }

    /// Lets no call begin, and waits until none is under way.
    pub(crate) async fn pause(&self) {
        self.gate.is_paused.store(true, Ordering::SeqCst);
        while self.gate.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(PAUSED).await;
        }
    }

    pub(crate) fn resume(&self) {
        self.gate.is_paused.store(false, Ordering::SeqCst);
    }

    /// Ends the work, and waits until all its tasks are gone.
    pub(crate) async fn end(&self) {
        self.gate.is_closed.store(true, Ordering::SeqCst);
        while self.gate.tasks.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(PAUSED).await;
        }
    }

    /// How many effects are there that nobody ordered, and how many are missing that were acknowledged.
    pub(crate) async fn verdict(&self) -> Result<(u64, u64)> {
        match self.work {
            Work::Get => Ok((0, 0)),
            Work::Incr => {
                let count = self.counted().await?;
                Ok((self.tally.doubled(count), self.tally.lost(count)))
            }
            Work::Lock => Ok((self.truth.doubled.load(Ordering::SeqCst), 0)),
            Work::Feed => Ok((self.truth.doubled.load(Ordering::SeqCst), self.sent.lost(&self.truth.gaps))),
        }
    }

    /// What the counter stands at.
    pub(crate) async fn counted(&self) -> Result<u64> {
        count(&self.store, self.counter).await
    }

    /// Forgets the calls and what was found out about their effects, so that a verdict is of what follows it.
    pub(crate) fn turn_page(&self, doubled: u64, lost: u64) {
        self.record.clear();
        self.tally.turn_page(doubled, lost);
        self.truth.doubled.store(0, Ordering::SeqCst);
        self.truth.gaps.store(0, Ordering::SeqCst);
        self.sent.turn_page();
    }

    fn worker(&self) -> Worker {
        self.gate.tasks.fetch_add(1, Ordering::SeqCst);
        Worker { gate: Arc::clone(&self.gate), record: Arc::clone(&self.record) }
    }
}

/// One task of a load.
struct Worker {
    gate: Arc<Gate>,
    record: Arc<Record>,
}

/// One call under way.
struct Turn<'a> {
    worker: &'a Worker,
    began: Duration,
}

impl Worker {
    /// Waits for the gate; none when it is closed for good.
    async fn turn(&self) -> Option<Turn<'_>> {
        loop {
            self.gate.under_way.fetch_add(1, Ordering::SeqCst);
            let turn = Turn { worker: self, began: now() };
            if self.gate.is_closed.load(Ordering::SeqCst) {
                return None;
            }
            // Counted first, looked second: whoever pauses can't miss a call.
            if !self.gate.is_paused.load(Ordering::SeqCst) {
                return Some(turn);
            }
            drop(turn);
            tokio::time::sleep(PAUSED).await;
        }
    }

    async fn pace(&self) {
        tokio::time::sleep(PACE).await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.gate.tasks.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Turn<'_> {
    /// Begins another call in the same turn.
    fn again(&mut self) {
        self.began = now();
    }

    fn note(&self, mark: Mark) {
        self.worker.record.note(self.began, mark);
    }

    fn note_outcome<T>(&self, outcome: &std::result::Result<T, Error>) {
        self.note(outcome.as_ref().map_or_else(|error| Mark::Failed(error.kind()), |_| Mark::Done));
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.worker.gate.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}
