//! Work that is done once, however often it is asked for.

mod fingerprint;
mod run;
#[cfg(test)]
mod tests;

use std::{fmt, future::Future, time::Duration};

use bytes::Bytes;
use redstart_connection::{Error, Loss, Store};
use redstart_keys::{Entity, Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{fingerprint::Fingerprint, run::Run};
use crate::operations::{self, Attempt, Begin};

/// Work that is done once, however often it is asked for.
///
/// The first who [begins](Self::begin) gets the work and a lease, which is renewed while it works. Repeats
/// are told that it is under way, and get its answer when it is done, for as long as the declaration of the
/// keys says (24 hours is usual). A repeat whose [`Fingerprint`] differs is told so.
///
/// A process that dies amid the work leaves it to a repeat after its lease has ended, at the earliest. The
/// work may then have been done in part, or wholly with its answer lost: what must not happen twice even
/// then needs a mark in the system that it changes, such as a unique column with the same id.
///
/// While the store does not answer, nothing begins.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_state::{Fingerprint, Idempotency, Once};
///
/// const PAYMENT: Entity<u64> = Entity::new(Category::Idempotency, "payment").ttl(Ttl::hours(24));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let payments = Idempotency::new(&Store::memory(), &PAYMENT);
/// let pay = || async { Ok::<_, std::io::Error>("paid".to_owned()) };
/// let order = Fingerprint::of(&[b"order 7", b"EUR 12.50"]);
/// assert_eq!(payments.run(&7, &order, pay).await?, Once::Ran("paid".to_owned()));
/// assert_eq!(payments.run(&7, &order, pay).await?, Once::Before("paid".to_owned()));
/// # Ok(()) }
/// ```
pub struct Idempotency<I> {
    store: Store,
    entity: Entity<I>,
    lease: Ttl,
    retention: Ttl,
}

/// Whether a piece of work may begin.
#[derive(Debug)]
#[must_use = "work that has begun is given back when this is dropped"]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each; there is no fifth answer")]
pub enum Begun {
    /// It is ours.
    New(Run),
    /// It was done before, with this answer.
    Done(Bytes),
    /// Another does it.
    Running {
        /// Until that one's lease ends, if it is not prolonged.
        expires_in: Duration,
    },
    /// What was asked for under this id before was something else.
    Mismatch,
}

/// What came of work that is done once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each; there is no fifth answer")]
pub enum Once<T> {
    /// It ran now.
    Ran(T),
    /// It ran before, and answered this.
    Before(T),
    /// It runs elsewhere.
    Running {
        /// Until that one's lease ends, if it is not prolonged.
        expires_in: Duration,
    },
    /// What was asked for under this id before was something else.
    Mismatch,
}

/// Why work that is to be done once was not, or not certainly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnceError<E> {
    /// The work failed by itself; a repeat may do it.
    #[error("the work failed")]
    Work(#[source] E),
    /// Its lease was lost while it ran; it has been dropped, and a repeat may do it.
    #[error("the lease was lost amid the work: {}", cause.name())]
    Lost {
        /// Why it was lost.
        cause: Loss,
    },
    /// The store did not answer, so nobody knows whether it may begin.
    #[error("the store did not say whether the work may begin")]
    Unavailable(#[source] Error),
    /// The answer can't be written, or not read as it was written.
    #[error("the answer is not what it should be")]
    Answer(#[source] serde_json::Error),
}

impl<I: Id + Sync> Idempotency<I> {
    /// Work kept in `store` under the keys of `entity`, whose TTL is how long answers are kept; 24 hours
    /// where it has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<I>) -> Self {
        let retention = entity.ttl().unwrap_or(Ttl::hours(24));
        Self { store: store.clone(), entity: *entity, lease: Ttl::seconds(30), retention }
    }

    /// How long work stays taken after its process has died. Defaults to 30 seconds.
    #[must_use]
    pub const fn with_lease(mut self, lease: Ttl) -> Self {
        self.lease = lease;
        self
    }

    /// Begins the work of this id, unless it is done or under way.
    ///
    /// Ids must be apart for those who must not see each other's answers: let the user be a part of it.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer: nothing may begin then.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the work may count as begun, until the lease ends.
    pub async fn begin(&self, id: &I, fingerprint: &Fingerprint) -> Result<Begun, Error> {
        let attempt = Attempt::new(self.entity.key(id), fingerprint.clone());
        let sent_at = self.store.clock().instant();
        Ok(match self.store.run(&Begin::new(attempt.clone(), self.lease)).await? {
            operations::Begun::New => {
                Begun::New(Run::keep(&self.store, attempt, sent_at, self.lease, self.retention))
            }
            operations::Begun::Done(answer) => Begun::Done(answer),
            operations::Begun::Running { expires_in } => Begun::Running { expires_in },
            operations::Begun::Mismatch => Begun::Mismatch,
        })
    }

    /// Runs `work` unless it ran before or runs elsewhere, and keeps what it answers as JSON.
    ///
    /// Work that fails is given back, for a repeat to do. Work whose lease is lost is dropped.
    ///
    /// # Errors
    ///
    /// Fails when the work fails or is lost, or the store does not answer. Where the store fails only after
    /// the work was done, its answer is given, and kept in the background as soon as that can be done.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the work is dropped, and a repeat may do it.
    pub async fn run<T, E, W>(
        &self,
        id: &I,
        fingerprint: &Fingerprint,
        work: impl FnOnce() -> W,
    ) -> Result<Once<T>, OnceError<E>>
    where
        T: Serialize + DeserializeOwned,
        W: Future<Output = Result<T, E>>,
    {
        let run = match self.begin(id, fingerprint).await.map_err(OnceError::Unavailable)? {
            Begun::New(run) => run,
            Begun::Done(answer) => {
                return serde_json::from_slice(&answer).map(Once::Before).map_err(OnceError::Answer);
            }
            Begun::Running { expires_in } => return Ok(Once::Running { expires_in }),
            Begun::Mismatch => return Ok(Once::Mismatch),
        };
        let done = run.validity().while_valid(work()).await.map_err(|cause| OnceError::Lost { cause })?;
        let answer = match done {
            Ok(answer) => answer,
            Err(error) => {
                if let Err(error) = run.abandon().await {
                    tracing::debug!(%error, "work that failed is free when its lease has ended");
                }
                return Err(OnceError::Work(error));
            }
        };
        let written = serde_json::to_vec(&answer).map_err(OnceError::Answer)?;
        // It is done whatever the store says now; what could not be kept is tried again in the background.
        if let Err(error) = run.complete(written.into()).await {
            tracing::warn!(%error, "the answer of work that is done could not be kept yet");
        }
        Ok(Once::Ran(answer))
    }
}

impl<I> Clone for Idempotency<I> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), ..*self }
    }
}

impl<I> fmt::Debug for Idempotency<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entity, lease, retention, .. } = self;
        write!(f, "Idempotency({entity:?}, {lease} at work, kept for {retention})")
    }
}
