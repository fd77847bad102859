//! One lock over several independent stores: held while most of them grant it.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::join_all;
use redstart_connection::{BoxFuture, Kept, Loss, Operation, Renewal, Result, Store, Validity};
use redstart_keys::{Key, Ttl};

use crate::{
    Fence, LockError, Locks, Release,
    claim::{Claim, Kind},
    janitor::Task,
    operations::{Acquired, Extend, RaiseFence},
};

/// The pauses between two rounds of asking: the first, the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// Locks over independent servers, for which more than half must agree.
///
/// A lock outlives the loss of fewer than half of the servers, without replication and its gap: what one
/// server forgets by a failover, a majority does not.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
/// use redstart_lock::QuorumLocks;
///
/// const LEDGER: Entity<u64> = Entity::new(Category::Lock, "ledger").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_lock::LockError> {
/// let locks = QuorumLocks::new([Store::memory(), Store::memory(), Store::memory()]);
/// let guard = locks.lock(&LEDGER.key(&1)).acquire().await?;
/// assert!(!guard.valid_for().is_zero());
/// guard.release().await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// - The servers must be independent: no replicas of each other, and each must keep what it granted over a
///   restart (`appendfsync always`), or stay away for a TTL after it.
/// - It rests on time like any lease: a server whose clock runs away, or a process that is paused inside one
///   poll, can break it. Only the [fence](QuorumGuard::fence) is safe then, and it rises as long as any two
///   majorities share a server that remembers.
/// - A server that is away costs each step the command's deadline, so the TTL should be ten times that.
/// - Each step costs a round trip to all servers, and a grant one more. There are no wake-ups and no order
///   among those who wait.
#[derive(Clone, Debug)]
pub struct QuorumLocks(Arc<[Locks]>);

/// A lock over several stores that is asked for.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing before it is acquired"]
pub struct QuorumRequest {
    locks: QuorumLocks,
    key: Key,
    ttl: Ttl,
    wait: Duration,
}

/// A lock that most stores have granted, and that is renewed in the background.
#[must_use = "dropping the guard gives the lock back"]
pub struct QuorumGuard {
    locks: QuorumLocks,
    claim: Claim,
    fence: Fence,
    kept: Kept,
    is_given_back: bool,
}

impl QuorumLocks {
    /// Locks over these stores: an odd number of them, for an even one bears no more failures.
    #[must_use]
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Self {
        Self(stores.into_iter().map(Locks::new).collect())
    }

    /// Asks for the lock of this key.
    pub fn lock(&self, key: &Key) -> QuorumRequest {
        let (ttl, wait) = (Ttl::seconds(30), Duration::from_secs(10));
        QuorumRequest { locks: self.clone(), key: key.clone(), ttl, wait }
    }

    fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    async fn each<O: Operation>(&self, operation: &O) -> Vec<Result<O::Output>> {
        join_all(self.0.iter().map(|locks| locks.0.store.run(operation))).await
    }
}

impl QuorumRequest {
    /// How long the lock outlives its holder. Defaults to 30 s.
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long to wait for the lock. Defaults to 10 seconds; zero asks once.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Takes the lock on a majority of the stores, waiting for it as long as the request allows.
    ///
    /// # Errors
    ///
    /// Fails when others hold it all the time, and when so many stores do not answer that there is no
    /// majority.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, what was granted is given back in the background.
    pub async fn acquire(&self) -> std::result::Result<QuorumGuard, LockError> {
        let waiting = async {
            let mut longest = PAUSES.0;
            loop {
                if let Some(guard) = self.ask().await? {
                    return Ok(guard);
                }
                if self.wait.is_zero() {
                    return Err(LockError::Busy { lock: self.key.clone() });
                }
                tokio::time::sleep(longest.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                longest = PAUSES.1.min(longest * 2);
            }
        };
        if self.wait.is_zero() {
            return waiting.await;
        }
        let granted = tokio::time::timeout(self.wait, waiting).await;
        granted.unwrap_or_else(|_| Err(LockError::TimedOut { lock: self.key.clone(), waited: self.wait }))
    }

    /// Asks all stores once; none if others hold the lock on too many.
    async fn ask(&self) -> std::result::Result<Option<QuorumGuard>, LockError> {
        let Some(first) = self.locks.0.first() else { return Ok(None) };
        let (_, token) = first.0.token();
        let claim = Claim {
            lock: Arc::new(self.key.clone()),
            token,
            ttl: self.ttl,
            kind: Kind::Whole { is_fair: false },
        };
        let asked = Asked { locks: &self.locks, claim: Some(claim.clone()) };
        let sent_at = first.clock().instant();
        let asking = self.locks.0.iter().map(|locks| claim.ask(&locks.0.store, false));
        let (mut fences, mut busy, mut failure) = (Vec::new(), 0, None);
        for answer in join_all(asking).await {
            match answer {
                Ok(Acquired::Granted { fence }) => fences.push(fence),
                Ok(Acquired::Busy { .. }) => busy += 1,
                Err(error) => failure = Some(error),
            }
        }
        if fences.len() < self.locks.majority() {
            return match failure {
                // Not the others stood in the way but those that did not answer.
                Some(error) if busy + fences.len() < self.locks.majority() => {
                    Err(LockError::Unavailable(error))
                }
                _ => Ok(None),
            };
        }
        // Every later majority shares a store with this one, which must not mint a smaller fence.
        let Some(fence) = fences.into_iter().max() else { return Ok(None) };
        let raised = self.locks.each(&RaiseFence::new(&self.key, &claim.token, fence, self.ttl)).await;
        if raised.iter().filter(|raised| matches!(raised, Ok(true))).count() < self.locks.majority() {
            return Ok(None);
        }
        let (locks, extend) = (self.locks.clone(), Extend::new(&self.key, claim.token.clone(), self.ttl));
        let kept =
            first.0.store.renewer().keep(self.ttl, sent_at, move || renew(locks.clone(), extend.clone()));
        asked.keep();
        let guard = QuorumGuard { locks: self.locks.clone(), claim, fence, kept, is_given_back: false };
        if guard.valid_for().is_zero() {
            return Err(LockError::Lost { lock: self.key.clone(), cause: Loss::Expired });
        }
        Ok(Some(guard))
    }
}

/// Prolongs a lock everywhere: it is kept where most keep it, and lost where most cannot any more.
fn renew(locks: QuorumLocks, extend: Extend) -> BoxFuture<'static, Renewal> {
    Box::pin(async move {
        let answers = locks.each(&extend).await;
        let count = |renewal: Renewal| {
            answers.iter().filter(|answer| matches!(answer, Ok(one) if one.first() == Some(&renewal))).count()
        };
        if locks.majority() <= count(Renewal::Kept) {
            return Renewal::Kept;
        }
        let may_be_kept = answers.len() - count(Renewal::Lost);
        if may_be_kept < locks.majority() { Renewal::Lost } else { Renewal::Unknown }
    })
}

/// Gives back what was granted unless a guard takes it over.
struct Asked<'a> {
    locks: &'a QuorumLocks,
    claim: Option<Claim>,
}

impl Asked<'_> {
    fn keep(mut self) {
        self.claim = None;
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(claim) = &self.claim {
            self.locks.give_back(claim);
        }
    }
}

impl QuorumLocks {
    /// Has the janitors give a claim back everywhere.
    fn give_back(&self, claim: &Claim) {
        for locks in self.0.iter() {
            locks.0.janitor.give_back(Task::new(&locks.0.store, claim, None));
        }
    }
}

impl QuorumGuard {
    /// The fence of this grant: larger than all before, as long as two majorities share a store.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Time for which no other majority can have the lock, were it not renewed any more; zero once lost.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.validity().valid_for()
    }

    /// Waits until the lock is not certainly ours any more, and tells why.
    pub fn lost(&self) -> impl Future<Output = Loss> + Send + 'static {
        let validity = self.validity();
        async move { validity.lost().await }
    }

    /// Gives the lock back everywhere, and tells whether it was held to the end.
    ///
    /// # Errors
    ///
    /// Fails when so many stores do not answer that there is no majority; what they hold ends by itself.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the lock is given back in the background.
    pub async fn release(mut self) -> std::result::Result<Release, LockError> {
        self.kept.end(Loss::Released);
        let releasing = self.locks.0.iter().map(|locks| self.claim.give_back(&locks.0.store, None));
        let (mut released, mut answered, mut failure) = (0, 0, None);
        for answer in join_all(releasing).await {
            match answer {
                Ok(given_back) => {
                    answered += 1;
                    released += usize::from(given_back.release == Release::Released);
                }
                Err(error) => failure = Some(error),
            }
        }
        self.is_given_back = failure.is_none();
        match failure {
            _ if self.locks.majority() <= released => Ok(Release::Released),
            Some(error) if answered < self.locks.majority() => Err(LockError::Unavailable(error)),
            _ => Ok(Release::Expired),
        }
    }

    fn validity(&self) -> Validity {
        self.kept.validity()
    }
}

impl Drop for QuorumGuard {
    fn drop(&mut self) {
        self.kept.end(Loss::Released);
        if !self.is_given_back {
            self.locks.give_back(&self.claim);
        }
    }
}

impl fmt::Debug for QuorumGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuorumGuard")
            .field("lock", &self.claim.lock)
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}
