//! Guards: locks that are held.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use metrics::{counter, histogram};
use redstart_connection::{Kept, Loss, Validity, names};
use redstart_keys::Key;

use crate::{Fence, LockError, claim::Claim, janitor::Task, locks::Inner, operations::GivenBack};

/// A lock that is held, and renewed in the background.
///
/// Dropping it gives the lock back as soon as possible, without waiting; [`Guard::release`] also tells
/// how it went. Work that must not go on without the lock watches [`Guard::lost`], or better runs under
/// [`LockRequest::with`](crate::LockRequest::with), which drops it in time.
#[must_use = "dropping the guard gives the lock back"]
pub struct Guard {
    locks: Arc<Inner>,
    held: Arc<Held>,
}

/// What is known of a lock that is held, to hand around.
#[derive(Clone, Debug)]
pub struct Lease {
    fence: Fence,
    pub(crate) validity: Validity,
}

/// What became of a lock that was given back.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Release {
    /// It was held to the end, and is free now.
    Released,
    /// It had ended before, and nobody holds it.
    Expired,
    /// It had ended before, and another holds it.
    Taken,
}

/// A lock in the hands of this process.
pub(crate) struct Held {
    pub(crate) id: u64,
    pub(crate) claim: Claim,
    pub(crate) fence: Fence,
    pub(crate) kept: Kept,
    pub(crate) since: Instant,
    is_ended: AtomicBool,
    is_given_back: AtomicBool,
}

impl Guard {
    pub(crate) fn new(locks: Arc<Inner>, held: Held) -> Self {
        let held = Arc::new(held);
        locks.register(&held);
        Self { locks, held }
    }

    /// The fence of this grant: larger than all before.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.held.fence
    }

    /// Time for which nobody else can have the lock, were it not renewed any more; zero once lost.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.held.kept.validity().valid_for()
    }

    /// Waits until the lock is not certainly ours any more, and tells why.
    ///
    /// It answers before another can have got the lock.
    pub fn lost(&self) -> impl Future<Output = Loss> + Send + 'static {
        let validity = self.held.kept.validity();
        async move { validity.lost().await }
    }

    /// What is known of the lock, to hand to others.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { fence: self.held.fence, validity: self.held.kept.validity() }
    }

    /// Gives the lock back, and tells whether it was held to the end.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; then it is tried once more in the background, and at the
    /// latest the lock ends with its lease.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the lock is given back in the background.
    pub async fn release(self) -> Result<Release, LockError> {
        let clock = self.locks.store.clock();
        let valid_until = clock.instant() + self.valid_for();
        self.end();
        let given_back = self.held.give_back(&self.locks).await.map_err(LockError::Unavailable)?;
        // The lease cannot have ended by itself, so it was the question whose answer was lost that ended it.
        let was_ours = given_back.was_repeated && clock.instant() < valid_until;
        Ok(if was_ours { Release::Released } else { given_back.release })
    }

    /// Runs `work` as long as the lock is held, and releases the lock however the work ends.
    pub(crate) async fn run<T, W: Future<Output = T>>(
        self,
        work: impl FnOnce(Lease) -> W,
    ) -> Result<T, LockError> {
        let lease = self.lease();
        // Boxed: the futures of services nest what they call, and the compiler has a limit to that.
        let outcome = lease.validity.while_valid(Box::pin(work(lease.clone()))).await;
        let outcome = outcome.map_err(|cause| self.lost_error(cause));
        let lock = self.held.claim.lock.entity_name();
        if let Err(error) = self.release().await {
            // The work is done, or dropped; that the lock ends only with its lease does not change that.
            tracing::debug!(lock, %error, "a lock is given back in the background");
        }
        outcome
    }

    pub(crate) fn lost_error(&self, cause: Loss) -> LockError {
        LockError::Lost { lock: Key::clone(&self.held.claim.lock), cause }
    }

    /// Ends the renewal, and with it the validity.
    fn end(&self) {
        if self.held.is_ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let lock = self.held.claim.lock.entity_name();
        let held_for = self.locks.store.clock().instant().saturating_duration_since(self.held.since);
        histogram!(names::LOCK_HOLD_SECONDS, "lock" => lock).record(held_for);
        if let Some(cause) = self.held.kept.validity().loss() {
            counter!(names::LOCK_LOSSES, "lock" => lock, "cause" => cause.name()).increment(1);
        }
        self.held.kept.end(Loss::Released);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.held.is_given_back.load(Ordering::Acquire) {
            self.end();
            let Held { claim, fence, .. } = &*self.held;
            self.locks.janitor.give_back(Task::new(&self.locks.store, claim, Some(*fence)));
        }
        self.locks.forget(&self.held);
    }
}

impl Held {
    pub(crate) const fn new(id: u64, claim: Claim, fence: Fence, kept: Kept, since: Instant) -> Self {
        let (is_ended, is_given_back) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { id, claim, fence, kept, since, is_ended, is_given_back }
    }

    /// Gives the lock back; if there is no answer, the guard's drop sees to it.
    pub(crate) async fn give_back(&self, locks: &Inner) -> redstart_connection::Result<GivenBack> {
        let given_back = locks.ways.give_back(&self.claim, Some(self.fence)).await?;
        self.is_given_back.store(true, Ordering::Release);
        given_back.next.iter().for_each(|next| locks.inbox.tell(next));
        Ok(given_back)
    }
}

impl Lease {
    /// The fence of this grant: larger than all before.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Time for which nobody else can have the lock, were it not renewed any more; zero once lost.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.validity.valid_for()
    }

    /// Whether nobody else can have the lock.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.validity.is_valid()
    }

    /// Why the lock is not certainly ours any more; none while it is.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.validity.loss()
    }

    /// Waits until the lock is not certainly ours any more, and tells why.
    pub async fn lost(&self) -> Loss {
        self.validity.lost().await
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held { claim, fence, .. } = &*self.held;
        f.debug_struct("Guard").field("lock", &claim.lock).field("fence", fence).finish_non_exhaustive()
    }
}
