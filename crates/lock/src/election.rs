//! Leader election: one process of the fleet leads, and the others know which.

use std::{future::Future, time::Duration};

use redstart_keys::{Key, Ttl};

use crate::{Guard, Lease, LockError, LockRequest, Locks};

/// How long one campaign waits before it asks anew; it goes on as long as it takes.
const TERM: Duration = Duration::from_secs(60 * 60);

/// An office that one process holds at a time.
///
/// A leader resigns by [`Guard::release`], and learns by [`Guard::lost`] that it leads no more. Whatever it
/// does in its office it should do under its [fence](Guard::fence), which is larger for each leader.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_lock::Locks;
///
/// const OFFICE: Entity<u64> = Entity::new(Category::Lock, "scheduler").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_lock::LockError> {
/// let locks = Locks::named(Store::memory(), "node-1");
/// let election = locks.election(&OFFICE.key(&1)).ttl(Ttl::seconds(10));
///
/// let office = election.campaign().await?;
/// assert_eq!(election.leader().await?.as_deref(), Some("node-1"));
/// office.release().await?;
/// assert_eq!(election.leader().await?, None);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Election {
    locks: Locks,
    key: Key,
    ttl: Ttl,
}

/// Tells who leads, whenever that changes.
#[derive(Debug)]
pub struct Observer {
    election: Election,
    seen: Option<Option<String>>,
}

impl Election {
    pub(crate) fn new(locks: Locks, key: Key) -> Self {
        Self { locks, key, ttl: Ttl::seconds(15) }
    }

    /// How long an office stays taken after its leader has crashed. Defaults to 15 seconds.
    #[must_use]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// Waits until this process leads, as long as that takes; in the order in which processes came.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, since then nobody can know who leads: try again later.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the candidacy ends, and an office that was won is given up.
    pub async fn campaign(&self) -> Result<Guard, LockError> {
        loop {
            match self.office().wait(TERM).acquire().await {
                Err(LockError::TimedOut { .. }) => {}
                outcome => return outcome,
            }
        }
    }

    /// Leads if nobody does; none if another process leads, or is to lead next.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn try_campaign(&self) -> Result<Option<Guard>, LockError> {
        self.office().try_acquire().await
    }

    /// Waits until this process leads, and works as long as it does.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, and with [`LockError::Lost`] when the work was dropped since
    /// the office was lost.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the work is dropped and the office given up.
    pub async fn lead<T, W: Future<Output = T>>(
        &self,
        work: impl FnOnce(Lease) -> W,
    ) -> Result<T, LockError> {
        self.campaign().await?.run(work).await
    }

    /// The name of the process that leads; none if nobody does.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn leader(&self) -> Result<Option<String>, LockError> {
        Ok(self.locks.holder(&self.key).await?.map(|holder| holder.owner))
    }

    /// Watches who leads.
    #[must_use]
    pub fn observe(&self) -> Observer {
        Observer { election: self.clone(), seen: None }
    }

    fn office(&self) -> LockRequest {
        self.locks.lock(&self.key).ttl(self.ttl).fair()
    }
}

impl Observer {
    /// Waits until another leads than this told last, and tells who; the first answer comes at once.
    ///
    /// It looks three times within the TTL, so what lasts shorter may go unseen.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; call it again.
    ///
    /// # Cancel safety
    ///
    /// Dropping this midway has no effect.
    pub async fn next(&mut self) -> Result<Option<String>, LockError> {
        let pause = self.election.ttl.as_duration() / 3;
        loop {
            let leader = self.election.leader().await?;
            if self.seen.as_ref() != Some(&leader) {
                self.seen = Some(leader.clone());
                return Ok(leader);
            }
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        }
    }
}
