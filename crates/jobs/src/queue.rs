//! One queue: jobs go in, dead letters are looked at.

use std::{fmt, marker::PhantomData, sync::Arc};

use redstart_connection::{Timestamp, names};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Failure, Job, JobsError, NewJob, WorkerSetup, line::Line, new_job::Written};

/// A queue of jobs that carry a `T`.
///
/// Clones share one connection, opened at the first call.
pub struct Queue<T> {
    line: Arc<Line>,
    data: PhantomData<fn(T) -> T>,
}

/// How many jobs there are in a queue.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Depth {
    /// Those that a worker would take now.
    pub waiting: u64,
    /// Those that a worker has.
    pub active: u64,
    /// Those whose time has not come: added for later, or resting after a failure.
    pub delayed: u64,
    /// Those that were carried out and are still kept.
    pub completed: u64,
    /// Those that failed for good.
    pub dead: u64,
}

/// A job that failed for good.
#[derive(Clone, Debug)]
pub struct DeadJob {
    id: String,
    name: String,
    data: serde_json::Value,
    reason: String,
    attempts: u32,
    died_at: Option<Timestamp>,
}

impl<T> Queue<T> {
    pub(crate) const fn new(line: Arc<Line>) -> Self {
        Self { line, data: PhantomData }
    }

    /// The name: `email`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.line.name()
    }

    /// Adds a job; answers its id.
    ///
    /// # Errors
    ///
    /// Fails when the server does not take it within the deadline; it may be in the queue all the same.
    /// Add it again with the same [id](NewJob::with_id), and it is there once.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the job may have been added.
    pub async fn add(&self, job: NewJob<T>) -> Result<String, JobsError>
    where
        T: Serialize,
    {
        let written = job.write()?;
        // With its id it can be sent again: the queue takes it once.
        let added = self.line.ask(move |queue| {
            let Written { name, data, options } = written.clone();
            async move { queue.add(&name, data).options(options).await.map(|job| job.id().to_owned()) }
        });
        let id = added.await?;
        metrics::counter!(names::JOBS_ADDED, "queue" => self.name()).increment(1);
        Ok(id)
    }

    /// How many jobs there are.
    ///
    /// # Errors
    ///
    /// Fails when the server does not answer within the deadline.
    pub async fn depth(&self) -> Result<Depth, JobsError> {
        let counts = self.line.ask(|queue| async move { queue.get_job_counts().await }).await?;
        Ok(Depth {
            waiting: counts.waiting + counts.prioritized + counts.paused,
            active: counts.active,
            delayed: counts.delayed,
            completed: counts.completed,
            dead: counts.failed,
        })
    }

    /// The dead letters, the newest first: at most `most` of them after the first `skip`.
    ///
    /// They are kept for 14 days, and 10,000 of them, unless whoever added the job said otherwise.
    ///
    /// # Errors
    ///
    /// As [`Queue::depth`].
    pub async fn dead(&self, skip: u32, most: u32) -> Result<Vec<DeadJob>, JobsError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let (first, last) = (i64::from(skip), i64::from(skip) + i64::from(most) - 1);
        let dead = self.line.ask(|queue| async move { queue.get_failed(first, last).await }).await?;
        Ok(dead.iter().map(DeadJob::read).collect())
    }

    /// Puts a dead letter back into the queue, with all its attempts; answers whether it was dead.
    ///
    /// # Errors
    ///
    /// As [`Queue::depth`].
    pub async fn revive(&self, id: &str) -> Result<bool, JobsError> {
        let revived = self.line.ask(|queue| async move {
            let Some(mut job) = queue.get_job(id).await? else { return Ok(false) };
            let anew = bullmq::RetryOptions { reset_attempts_made: true, reset_attempts_started: true };
            if queue.get_job_state(job.id()).await? != bullmq::JobState::Failed {
                return Ok(false);
            }
            match job.retry("failed", Some(anew)).await {
                Ok(()) => Ok(true),
                // Somebody else was faster; that is all that the library means by this.
                Err(bullmq::Error::InvalidConfig(_)) => Ok(false),
                Err(error) => Err(error),
            }
        });
        revived.await
    }

    /// Throws a job away that no worker has; answers whether it was there.
    ///
    /// # Errors
    ///
    /// As [`Queue::depth`].
    pub async fn remove(&self, id: &str) -> Result<bool, JobsError> {
        self.line.ask(|queue| async move { queue.remove(id).await }).await
    }

    /// A worker that carries the jobs out by `work`; it begins when it is [started](WorkerSetup::start).
    ///
    /// What `work` answers is kept beside the job, as JSON, where Node's tools show it.
    pub fn worker<W, F, R>(&self, work: W) -> WorkerSetup
    where
        T: DeserializeOwned + Send + 'static,
        W: Fn(Job<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        R: Serialize + Send,
    {
        WorkerSetup::new(Arc::clone(&self.line), work)
    }
}

impl DeadJob {
    fn read(job: &bullmq::Job) -> Self {
        Self {
            id: job.id().to_owned(),
            name: job.name().to_owned(),
            data: job.data().clone(),
            reason: job.failed_reason().to_owned(),
            attempts: job.attempts_made(),
            died_at: job.finished_on().map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000))),
        }
    }

    /// The id, by which it can be revived.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What kind of job it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it works on, as it is kept.
    #[must_use]
    pub const fn data(&self) -> &serde_json::Value {
        &self.data
    }

    /// Why its last attempt failed.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How many attempts failed.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// When it was given up.
    #[must_use]
    pub const fn died_at(&self) -> Option<Timestamp> {
        self.died_at
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.line))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("line", &self.line).finish()
    }
}
