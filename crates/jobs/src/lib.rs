//! Queues of background work, shared with the workers of Node's BullMQ.
//!
//! A job is put into a [`Queue`] by one process and carried out by a [`Worker`] of another: at least once, later
//! where that is wanted, again with growing pauses when it fails, and set aside as a dead letter when it fails
//! for good. The format on the server is that of BullMQ, so that either side may be a service on Node.
//!
//! ```no_run
//! use redstart_connection::Store;
//! use redstart_jobs::{Failure, Job, Jobs, NewJob};
//! use redstart_keys::{Category, Entity, TextId};
//!
//! const EMAIL: Entity<TextId> = Entity::new(Category::Jobs, "email").persistent();
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let jobs = Jobs::open(&Store::from_env()?).await?;
//! let emails = jobs.queue::<String>(&EMAIL);
//! emails.add(NewJob::new("welcome", "ada@example.com".to_owned())).await?;
//!
//! let worker = emails.worker(|job: Job<String>| async move {
//!     println!("a welcome to {}", job.data());
//!     Ok::<_, Failure>(())
//! });
//! let worker = worker.start();
//! # worker.shutdown(std::time::Duration::from_secs(10)).await;
//! # Ok(()) }
//! ```
//!
//! # What holds
//!
//! - A job that was added is carried out **at least once**: a worker that is killed loses its lease, and another
//!   takes the job over. It may run twice, so what it does must bear that; a job's [id](Job::id) is the same each
//!   time.
//! - An attempt that panics has failed like any other.
//! - On one server, under sentinels and on a cluster. Not on the embedded store and not over REST, which
//!   [`Jobs::open`] says.
//! - The connections are those of the library below (`bullmq-official`), opened with the store's own settings:
//!   they pass neither the door nor its breaker, and are not counted by `REDIS_MAX_CONNECTIONS`.
//! - The server must not evict: a job thrown out is a job lost.

mod error;
mod failure;
mod jobs;
mod library;
mod line;
mod new_job;
mod queue;
mod retry;
mod worker;

pub use crate::{
    error::JobsError,
    failure::Failure,
    jobs::Jobs,
    new_job::NewJob,
    queue::{DeadJob, Depth, Queue},
    retry::Retry,
    worker::{Job, Worker, WorkerSetup},
};
