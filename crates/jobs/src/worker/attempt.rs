//! One attempt at a job.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use redstart_connection::{BoxFuture, Clock, Timestamp, names};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// A job that is being carried out.
#[derive(Clone, Debug)]
pub struct Job<T> {
    id: String,
    name: String,
    data: T,
    attempt: u32,
    attempts: u32,
    added_at: Timestamp,
}

impl<T> Job<T> {
    /// The id, the same at each attempt.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What kind of job it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it works on.
    #[must_use]
    pub const fn data(&self) -> &T {
        &self.data
    }

    /// Gives what it works on.
    #[must_use]
    pub fn into_data(self) -> T {
        self.data
    }

    /// Which attempt this is, counted from 1; those of workers that died don't count.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether it becomes a dead letter if this attempt fails.
    #[must_use]
    pub const fn is_last_attempt(&self) -> bool {
        self.attempts <= self.attempt
    }

    /// When it was added.
    #[must_use]
    pub const fn added_at(&self) -> Timestamp {
        self.added_at
    }
}

type Work = dyn Fn(bullmq::Job) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync;

/// What carries out the jobs of a worker.
#[derive(Clone)]
pub(super) struct Attempts {
    queue: &'static str,
    clock: Clock,
    work: Arc<Work>,
}

impl Attempts {
    pub(super) fn new<T, W, F, R>(queue: &'static str, clock: Clock, work: W) -> Self
    where
        T: DeserializeOwned + Send + 'static,
        W: Fn(Job<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
        R: Serialize + Send,
    {
        let work = Arc::new(work);
        let work = move |job: bullmq::Job| -> BoxFuture<'static, Result<Value, Failure>> {
            let work = Arc::clone(&work);
            Box::pin(async move {
                let answer = work(read(&job)?).await?;
                serde_json::to_value(answer).map_err(|error| Failure::for_good(format!("no JSON: {error}")))
            })
        };
        Self { queue, clock, work: Arc::new(work) }
    }

    /// Makes one attempt; `dropping` ends it before its time.
    ///
    /// The errors are what the library below understands by them.
    pub(super) async fn make(
        &self,
        job: bullmq::Job,
        dropping: CancellationToken,
    ) -> Result<Value, bullmq::Error> {
        let is_last = attempts(&job) <= job.attempts_made() + 1;
        let started = self.clock.instant();
        // A panic that got out would end the library's task and leave its lease to be renewed for ever.
        let work = AssertUnwindSafe(async { (self.work)(job).await }).catch_unwind();
        let (outcome, answer) = tokio::select! {
            biased;
            // To be rate limited puts a job back as it was, and is no failure.
            () = dropping.cancelled() => ("given_back", Err(bullmq::Error::RateLimited { delay_ms: 0 })),
            ended = work => match ended.unwrap_or_else(|_| Err(Failure::new("the work panicked"))) {
                Ok(answer) => ("completed", Ok(answer)),
                Err(failure) if failure.is_final() => ("dead", Err(bullmq::Error::Unrecoverable(failure.to_string()))),
                Err(failure) => {
                    let outcome = if is_last { "dead" } else { "retried" };
                    (outcome, Err(bullmq::Error::ProcessingError(failure.to_string())))
                }
            },
        };
        let took = self.clock.instant().saturating_duration_since(started);
        metrics::counter!(names::JOBS_ENDED, "queue" => self.queue, "outcome" => outcome).increment(1);
        metrics::histogram!(names::JOB_SECONDS, "queue" => self.queue).record(took.as_secs_f64());
        answer
    }
}

fn read<T: DeserializeOwned>(job: &bullmq::Job) -> Result<Job<T>, Failure> {
    let data = T::deserialize(job.data())
        .map_err(|error| Failure::for_good(format!("the data of {} can't be read: {error}", job.name())))?;
    Ok(Job {
        id: job.id().to_owned(),
        name: job.name().to_owned(),
        data,
        attempt: job.attempts_made() + 1,
        attempts: attempts(job),
        added_at: Timestamp::from_micros(job.timestamp().saturating_mul(1_000)),
    })
}

fn attempts(job: &bullmq::Job) -> u32 {
    job.opts().attempts.unwrap_or(1).max(1)
}
