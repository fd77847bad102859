//! Jobs that one process of the fleet runs in each period.

use std::{future::Future, time::Duration};

use redstart_keys::{Key, Ttl};

use crate::{
    Lease, LockError, Locks,
    operations::{DonePeriod, Due},
};

/// A job that is run once in each period, by whichever process comes first.
///
/// Periods follow the store's clock and begin at multiples of their length since 1970 (UTC), the same for
/// all. A process that dies amid the job leaves it to another, once its lease is over: so a job is finished
/// once in a period, but may be begun more often, and should be harmless when begun again.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_lock::{Locks, Ran};
///
/// const REPORT: Entity<u64> = Entity::new(Category::Lock, "report").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_lock::LockError> {
/// let locks = Locks::new(Store::memory());
/// let daily = locks.once_every(&REPORT.key(&1), Duration::from_secs(86_400));
/// assert!(matches!(daily.run(|_| async { "sent" }).await?, Ran::Done("sent")));
/// assert!(matches!(daily.run(|_| async { "sent" }).await?, Ran::Before));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct OnceEvery {
    locks: Locks,
    key: Key,
    period: Duration,
    ttl: Ttl,
}

/// What came of a job in this period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth outcome")]
pub enum Ran<T> {
    /// This process ran it to its end.
    Done(T),
    /// It was finished before in this period.
    Before,
    /// Another process is at it.
    Elsewhere,
}

impl OnceEvery {
    pub(crate) fn new(locks: Locks, key: Key, period: Duration) -> Self {
        let period = period.max(Duration::from_millis(1));
        Self { locks, key, period, ttl: Ttl::seconds(30) }
    }

    /// How long the job stays taken after its process has crashed. Defaults to 30 seconds.
    #[must_use]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Runs the job unless it was run in this period, or another process is at it.
    ///
    /// When the work ends, however it ends, the period is done; work that failed and shall be tried again
    /// in the same period must not end but be dropped, or panic.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, and with [`LockError::Lost`] when the work was dropped since
    /// its lock was lost. If the store fails after the work is done, another may do it again.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the work is dropped, and another may run it in the same period.
    pub async fn run<T, W: Future<Output = T>>(
        &self,
        work: impl FnOnce(Lease) -> W,
    ) -> Result<Ran<T>, LockError> {
        // Asked first, so that the many who come too late cost one read and no lock.
        let Some(_) = self.due().await? else { return Ok(Ran::Before) };
        let request = self.locks.lock(&self.key).ttl(self.ttl).wait(Duration::ZERO);
        let job = request.with(|lease| async move {
            // The one who held the lock a moment ago may have finished it.
            let Some(period) = self.due().await? else { return Ok(Ran::Before) };
            let done = work(lease).await;
            self.locks.run(&DonePeriod::new(&self.key, period, self.period)).await?;
            Ok(Ran::Done(done))
        });
        match job.await {
            Ok(outcome) => outcome,
            Err(LockError::Busy { .. }) => Ok(Ran::Elsewhere),
            Err(error) => Err(error),
        }
    }

    /// The present period, if the job was not finished in it.
    async fn due(&self) -> Result<Option<u64>, LockError> {
        self.locks.run(&Due::new(&self.key, self.period)).await
    }
}
