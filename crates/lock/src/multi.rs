//! Several locks at once: all of them or none.

use std::{future::Future, time::Duration};

use futures_util::future::join_all;
use redstart_connection::{Loss, Validity};
use redstart_keys::{Key, Ttl};

use crate::{Fence, Guard, LockError, LockRequest, Locks, Release};

/// Several locks that are asked for together.
///
/// They are taken one after the other in the order of their names, so that two who want the same locks never
/// wait for each other; if one is not to be had, those taken before are given back.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing before it is acquired"]
pub struct MultiRequest {
    locks: Locks,
    requests: Vec<(Key, LockRequest)>,
    wait: Duration,
}

/// Several locks that are held; dropping it gives all of them back.
#[derive(Debug)]
#[must_use = "dropping the guard gives the locks back"]
pub struct MultiGuard(Vec<(Key, Guard)>);

impl MultiRequest {
    pub(crate) fn new<'k>(locks: &Locks, keys: impl IntoIterator<Item = &'k Key>) -> Self {
        let mut keys: Vec<Key> = keys.into_iter().cloned().collect();
        keys.sort();
        keys.dedup();
        let requests = keys.into_iter().map(|key| (key.clone(), locks.lock(&key))).collect();
        Self { locks: locks.clone(), requests, wait: Duration::from_secs(10) }
    }

    /// How long each lock outlives its holder. Defaults to 30 s.
    pub fn ttl(self, ttl: Ttl) -> Self {
        self.each(|request| request.ttl(ttl))
    }

    /// How long to wait for all of them together. Defaults to 10 seconds; zero asks once for each.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Takes the locks away from their holder after this time. Defaults to never.
    pub fn max_hold(self, max_hold: Duration) -> Self {
        self.each(|request| request.max_hold(max_hold))
    }

    /// Grants each lock in the order in which processes asked for it.
    pub fn fair(self) -> Self {
        self.each(LockRequest::fair)
    }

    /// Takes all locks, or none.
    ///
    /// # Errors
    ///
    /// Fails like [`LockRequest::acquire`], with what happened to the first lock that was not to be had;
    /// [`LockError::Lost`] if one was lost while the others were waited for.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, what was granted is given back in the background.
    pub async fn acquire(&self) -> Result<MultiGuard, LockError> {
        let clock = self.locks.clock();
        let started = clock.instant();
        let mut guard = MultiGuard(Vec::with_capacity(self.requests.len()));
        for (key, request) in &self.requests {
            let waited = clock.instant().saturating_duration_since(started);
            let request = request.clone().wait(self.wait.saturating_sub(waited));
            match request.acquire().await {
                Ok(got) => guard.0.push((key.clone(), got)),
                Err(LockError::Busy { lock }) if !self.wait.is_zero() => {
                    return Err(LockError::TimedOut { lock, waited: self.wait });
                }
                Err(error) => return Err(error),
            }
        }
        let lost = guard.0.iter().find_map(|(_, held)| Some(held.lost_error(held.lease().loss()?)));
        lost.map_or(Ok(guard), Err)
    }

    /// Runs `work` while all locks are held, and releases them however the work ends.
    ///
    /// The work is dropped at its next await once one of the locks is not certainly ours any more.
    ///
    /// # Errors
    ///
    /// Fails like [`MultiRequest::acquire`] before the work has begun, and with [`LockError::Lost`] when
    /// the work was dropped.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the work is dropped, and the locks are given back in the background.
    pub async fn with<T, W: Future<Output = T>>(
        &self,
        work: impl FnOnce(Fence) -> W,
    ) -> Result<T, LockError> {
        let guard = self.acquire().await?;
        let outcome = Validity::while_all_valid(&guard.validities(), work(guard.fence())).await;
        let outcome = outcome.map_err(|(index, cause)| guard.0[index].1.lost_error(cause));
        if let Err(error) = guard.release().await {
            tracing::debug!(%error, "locks are given back in the background");
        }
        outcome
    }

    fn each(mut self, change: impl Fn(LockRequest) -> LockRequest) -> Self {
        self.requests = self.requests.into_iter().map(|(key, request)| (key, change(request))).collect();
        self
    }
}

impl MultiGuard {
    /// The fence of one of the locks; none if it is not among them.
    #[must_use]
    pub fn fence_of(&self, key: &Key) -> Option<Fence> {
        self.0.iter().find(|(held, _)| held == key).map(|(_, guard)| guard.fence())
    }

    /// The fence of the first lock by name; zero for no locks at all.
    ///
    /// It rises with each grant of that lock. A resource that several locks protect should keep the fences
    /// of all, or of one that is always among them.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.0.first().map_or(Fence::new(0), |(_, guard)| guard.fence())
    }

    /// Time for which nobody else can have any of the locks; zero once one is lost.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        self.0.iter().map(|(_, guard)| guard.valid_for()).min().unwrap_or(Duration::MAX)
    }

    /// Why one of the locks is not certainly ours any more; none while all are.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.0.iter().find_map(|(_, guard)| guard.lease().loss())
    }

    fn validities(&self) -> Vec<Validity> {
        self.0.iter().map(|(_, guard)| guard.lease().validity).collect()
    }

    /// Waits until one of the locks is not certainly ours any more, and tells why.
    pub fn lost(&self) -> impl Future<Output = Loss> + Send + 'static {
        let validities = self.validities();
        async move { Validity::any_lost(&validities).await.1 }
    }

    /// Gives all locks back, and tells for each whether it was held to the end.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer for one; all are tried.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the locks are given back in the background.
    pub async fn release(self) -> Result<Vec<(Key, Release)>, LockError> {
        let released =
            self.0.into_iter().map(|(key, guard)| async { guard.release().await.map(|r| (key, r)) });
        join_all(released).await.into_iter().collect()
    }
}
