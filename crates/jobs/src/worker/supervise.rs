//! Keeping a worker at the server where the queue is.

use std::{sync::Arc, time::Duration};

use bullmq::worker::{CancellationToken as Cancelled, WorkerEvent};
use redstart_connection::{Access, Event, Events, Store, names};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Stop, attempt::Attempts};
use crate::{
    JobsError, Queue,
    library::{self, Bounds},
    line::Line,
};

/// How often the depth of the queue is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// How long to wait before a worker that could not be opened is opened again.
const REST: Duration = Duration::from_millis(500);
/// What a worker needs beyond the time of its jobs, to write down how they ended.
const MARGIN: Duration = Duration::from_secs(3);

/// Opens the library's worker, listens to it, and replaces it when its server is not the right one any more.
pub(super) struct Supervisor {
    line: Arc<Line>,
    attempts: Attempts,
    bounds: Bounds,
    stop: Stop,
    /// However this ends, nobody waits for it any longer.
    _ended: DropGuard,
}

/// A worker of the library.
struct Hired {
    worker: bullmq::Worker,
    access: Access,
    /// Drops what is under way, at the latest when nobody looks after it any more.
    dropping: CancellationToken,
    _dropping: DropGuard,
}

impl Supervisor {
    pub(super) fn new(line: Arc<Line>, attempts: Attempts, bounds: Bounds, stop: Stop) -> Self {
        let ended = stop.ended.clone().drop_guard();
        Self { line, attempts, bounds, stop, _ended: ended }
    }

    pub(super) async fn run(self) {
        let mut events = self.store().events();
        let mut measure = interval(MEASURE_EVERY);
        measure.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while let Some(hired) = self.hire().await {
            if self.attend(&hired, &mut events, &mut measure).await {
                let grace = *self.stop.grace.borrow();
                return self.dismiss(hired, grace).await;
            }
            metrics::counter!(names::JOBS_REBUILT, "queue" => self.line.name()).increment(1);
            tracing::info!(queue = self.line.name(), "the worker moves to where the server is now");
            // Its jobs can't be finished where they were begun: their leases end, and they are taken up again.
            self.dismiss(hired, Duration::ZERO).await;
        }
    }

    fn store(&self) -> &Store {
        self.line.jobs().store()
    }

    /// Opens a worker, however long that takes; none when the worker is to end.
    async fn hire(&self) -> Option<Hired> {
        loop {
            let hired = tokio::select! {
                biased;
                () = self.stop.closing.cancelled() => return None,
                hired = self.open() => hired,
            };
            match hired {
                Ok(hired) => return Some(hired),
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(queue = self.line.name(), %error, cause, "the worker can't begin yet");
                }
            }
            tokio::select! {
                () = self.stop.closing.cancelled() => return None,
                () = sleep(REST.mul_f64(fastrand::f64() + 0.5)) => {}
            }
        }
    }

    async fn open(&self) -> Result<Hired, JobsError> {
        let (jobs, queue) = (self.line.jobs(), self.line.name());
        let access = jobs.access().await?;
        let options = library::worker(&access, jobs.prefix(), self.bounds)?;
        let dropping = CancellationToken::new();
        let guard = dropping.clone().drop_guard();
        let (attempts, ends) = (self.attempts.clone(), dropping.clone());
        let work = move |job: bullmq::Job, _: Cancelled| {
            let (attempts, ends) = (attempts.clone(), ends.clone());
            async move { attempts.make(job, ends).await }
        };
        let worker = bullmq::Worker::with_options(queue, work, options)
            .await
            .map_err(|error| JobsError::Failed { queue, source: Box::new(error) })?;
        Ok(Hired { worker, access, dropping, _dropping: guard })
    }

    /// Listens until the worker is to end, which is answered by `true`, or to be replaced.
    async fn attend(&self, hired: &Hired, events: &mut Events, measure: &mut Interval) -> bool {
        loop {
            let is_in_doubt = tokio::select! {
                biased;
                () = self.stop.closing.cancelled() => return true,
                event = hired.worker.next_event() => self.note(event),
                event = events.next() => matches!(event, Some(Event::Failover { .. } | Event::Missed(_))),
                _ = measure.tick() => {
                    self.measure().await;
                    false
                }
            };
            // Whoever can't be asked now is asked after the next failure.
            if is_in_doubt && self.line.jobs().access().await.is_ok_and(|access| access != hired.access) {
                return false;
            }
        }
    }

    /// Notes what a worker tells; answers whether it may be at the wrong server.
    fn note(&self, event: Option<WorkerEvent>) -> bool {
        let queue = self.line.name();
        match event {
            Some(WorkerEvent::Stalled { job_id }) => {
                tracing::warn!(queue, job = job_id, "a job was taken from a worker that fell silent");
                metrics::counter!(names::JOBS_RECOVERED, "queue" => queue).increment(1);
                false
            }
            Some(WorkerEvent::Error(error)) => {
                tracing::debug!(queue, error, "the worker failed to reach the queue");
                true
            }
            _ => false,
        }
    }

    async fn measure(&self) {
        let queue = self.line.name();
        let Ok(depth) = Queue::<()>::new(Arc::clone(&self.line)).depth().await else { return };
        let states = [
            ("waiting", depth.waiting),
            ("active", depth.active),
            ("delayed", depth.delayed),
            ("dead", depth.dead),
        ];
        for (state, jobs) in states {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!(names::JOBS_DEPTH, "queue" => queue, "state" => state).set(jobs as f64);
        }
    }

    /// Takes no more jobs, lets those under way end within `grace`, and gives the others back.
    async fn dismiss(&self, hired: Hired, grace: Duration) {
        let Hired { worker, dropping, .. } = &hired;
        let limit = grace.saturating_add(MARGIN);
        let closing = worker.close(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let give_back = async {
            sleep(grace).await;
            dropping.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            closed = closing => {
                if let Err(error) = closed {
                    tracing::warn!(queue = self.line.name(), %error, "the worker ended untidily");
                }
            }
            () = give_back => {}
        }
    }
}
