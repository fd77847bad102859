//! Carrying jobs out.

mod attempt;
mod supervise;

use std::{fmt, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::attempt::Job;
use self::{attempt::Attempts, supervise::Supervisor};
use crate::{Failure, library::Bounds, line::Line};

/// The longest that the work under way may go on while a worker ends.
const LONGEST: Duration = Duration::from_secs(86_400);

/// A worker that has not begun.
#[must_use = "it begins with `.start()`"]
pub struct WorkerSetup {
    line: Arc<Line>,
    attempts: Attempts,
    bounds: Bounds,
}

/// A worker that carries jobs out until it is shut down.
///
/// It connects by itself, and anew where a failover moved the master or a secret has changed. The shutdown of
/// the store ends it too; when the handle is dropped it goes on.
#[derive(Clone)]
pub struct Worker {
    queue: &'static str,
    stop: Stop,
}

/// How a worker is told to end.
#[derive(Clone)]
struct Stop {
    /// No more jobs are taken.
    closing: CancellationToken,
    /// How long what is under way may go on.
    grace: watch::Sender<Duration>,
    ended: CancellationToken,
}

impl WorkerSetup {
    pub(crate) fn new<T, W, F, R>(line: Arc<Line>, work: W) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        W: Fn(Job<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        R: Serialize + Send,
    {
        let attempts = Attempts::new(line.name(), line.jobs().store().clock().clone(), work);
        let bounds = Bounds { concurrency: 8, lease: Duration::from_secs(30), crashes: 3 };
        Self { line, attempts, bounds }
    }

    /// Carries out as many jobs at a time, at least one. Defaults to 8.
    pub const fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.bounds.concurrency = concurrency;
        self
    }

    /// Sets the lease on a job, which is renewed while it is under way. Defaults to 30 seconds.
    ///
    /// It is how long a job of a killed worker lies still at least; it is found again within three leases, and
    /// within three of the longest that any worker of the queue has.
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.bounds.lease = lease;
        self
    }

    /// Gives a job up, as a dead letter, when more than this many of its workers died. Defaults to 3.
    ///
    /// Such a job may be what kills them.
    pub const fn with_crashes(mut self, crashes: u32) -> Self {
        self.bounds.crashes = crashes;
        self
    }

    /// Begins to carry jobs out, in a background task of the store.
    ///
    /// Outside a runtime and after the shutdown of the store nothing begins.
    #[expect(clippy::must_use_candidate, reason = "a worker goes on without its handle")]
    pub fn start(self) -> Worker {
        let Self { line, attempts, bounds } = self;
        let stop = Stop::new();
        let worker = Worker { queue: line.name(), stop: stop.clone() };
        let store = line.jobs().store().clone();
        let leaving = worker.clone();
        // The store bounds the time of all that is to be done at its end.
        store.on_shutdown(move || Box::pin(async move { leaving.shutdown(LONGEST).await }));
        let supervisor = Supervisor::new(line, attempts, bounds, stop);
        store.tasks().spawn("jobs", supervisor.run());
        worker
    }
}

impl Worker {
    /// Takes no more jobs, lets those under way end within `within`, and gives the others back.
    ///
    /// What is given back has not failed: another worker begins it at once, with as many attempts as before.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the worker ends all the same.
    pub async fn shutdown(&self, within: Duration) {
        self.stop.grace.send_replace(within.min(LONGEST));
        self.stop.closing.cancel();
        self.stop.ended.cancelled().await;
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stop.ended.is_cancelled()
    }
}

impl Stop {
    fn new() -> Self {
        Self {
            closing: CancellationToken::new(),
            grace: watch::Sender::new(Duration::ZERO),
            ended: CancellationToken::new(),
        }
    }
}

impl fmt::Debug for WorkerSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerSetup").field("queue", &self.line.name()).field("bounds", &self.bounds).finish()
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("queue", &self.queue)
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
