//! Requests: how long a lock is wanted, and how long it is waited for.

use std::{future::Future, sync::Arc, time::Duration};

use metrics::histogram;
use redstart_connection::names;
use redstart_keys::{Key, Ttl};

use crate::{
    Guard, Lease, LockError, Locks,
    claim::{Claim, Kind},
    operations::Token,
    waiting::{Asking, Attempt, First},
};

/// A lock that is asked for.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing before it is acquired"]
pub struct LockRequest {
    locks: Locks,
    key: Arc<Key>,
    ttl: Ttl,
    wait: Duration,
    max_hold: Option<Duration>,
    kind: Kind,
}

/// What came of asking for a lock.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth outcome")]
#[must_use = "dropping it gives the lock back"]
pub enum Outcome {
    /// It is ours.
    Acquired(Guard),
    /// Another holds it, and there was no time to wait.
    Busy {
        /// Until its lease ends, if nobody prolongs it; none if nobody knows.
        expires_in: Option<Duration>,
    },
    /// Others held it all the time.
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
    },
}

impl LockRequest {
    pub(crate) fn new(locks: Locks, key: Key, kind: Kind) -> Self {
        let (ttl, wait) = (Ttl::seconds(30), Duration::from_secs(10));
        Self { locks, key: Arc::new(key), ttl, wait, max_hold: None, kind }
    }

    /// How long the lock outlives its holder; it is renewed after a third of that. Defaults to 30 s.
    ///
    /// Shorter ones free a lock sooner after a crash, and lose it sooner when the store is slow.
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = ttl;
        self
    }

    /// How long to wait for the lock. Defaults to 10 seconds; zero asks once.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Takes the lock away from its holder after this time, however often it was renewed. Defaults to never.
    ///
    /// It ends like any lost lock, with [`Loss::HeldTooLong`](crate::Loss::HeldTooLong): so work that hangs does not keep the lock
    /// for ever.
    pub const fn max_hold(mut self, max_hold: Duration) -> Self {
        self.max_hold = Some(max_hold);
        self
    }

    /// Grants the lock in the order in which processes asked for it, and none to who comes in between.
    ///
    /// A process has one place in that order, for the first of its own line, and a new one at the end when
    /// it was served. Waiters that died lose their place after three seconds. All who ask for a lock should
    /// be fair, for others are not held back by those who wait. A release hands any lock to its first waiter; a
    /// fair one is also left to that waiter when a lease ended by itself. Shares are always fair.
    pub const fn fair(mut self) -> Self {
        if let Kind::Whole { is_fair } = &mut self.kind {
            *is_fair = true;
        }
        self
    }

    /// Takes the lock if it is free; none if another holds it.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, since then nobody can know who holds the lock.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, a lock that was granted is given back in the background.
    pub async fn try_acquire(&self) -> Result<Option<Guard>, LockError> {
        Ok(match self.ask().await? {
            Attempt::Granted(guard) => Some(guard),
            Attempt::Busy(_) => None,
        })
    }

    /// Takes the lock, waiting for it as long as the request allows.
    ///
    /// Waiters of this process stand in line: only the first asks the store. Who releases the lock, in
    /// whichever process, hands it to the one that came first; had that one died, the lock is free again after
    /// three seconds.
    ///
    /// # Errors
    ///
    /// Fails when another holds the lock all the time, and when the store does not answer, since then
    /// nobody can know who holds it.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the place in the line is given up, and a lock that was granted is
    /// given back in the background.
    pub async fn acquire(&self) -> Result<Guard, LockError> {
        match self.outcome().await? {
            Outcome::Acquired(guard) => Ok(guard),
            Outcome::Busy { .. } => Err(LockError::Busy { lock: Key::clone(&self.key) }),
            Outcome::TimedOut { waited } => Err(LockError::TimedOut { lock: Key::clone(&self.key), waited }),
        }
    }

    /// Takes the lock like [`LockRequest::acquire`]; that others hold it is an outcome and no error.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, since then nobody can know who holds the lock.
    ///
    /// # Cancel safety
    ///
    /// As [`LockRequest::acquire`].
    pub async fn outcome(&self) -> Result<Outcome, LockError> {
        if self.wait.is_zero() {
            return Ok(match self.ask().await? {
                Attempt::Granted(guard) => Outcome::Acquired(guard),
                Attempt::Busy(refusal) => Outcome::Busy { expires_in: refusal.expires_in },
            });
        }
        let clock = self.locks.0.store.clock();
        let started = clock.instant();
        let closing = self.locks.0.closing.begun();
        let granted = tokio::select! {
            biased;
            granted = tokio::time::timeout(self.wait, self.stand_in_line()) => granted,
            // Whoever waits is dropped where it stands, so that its token is withdrawn while that can be.
            () = closing => Ok(Err(LockError::ShuttingDown)),
        };
        let waited = clock.instant().saturating_duration_since(started);
        histogram!(names::LOCK_WAIT_SECONDS, "lock" => self.key.entity_name()).record(waited);
        match granted {
            Ok(granted) => granted.map(Outcome::Acquired),
            Err(_) => Ok(Outcome::TimedOut { waited: self.wait }),
        }
    }

    /// Runs `work` while the lock is held, and releases the lock however the work ends.
    ///
    /// Before each poll of the work the lease is checked, and once it is not certain any more, the work
    /// is dropped: it ends at the await where it stands. What runs *within* one poll, or was handed to
    /// another task, is not stopped by that; there the [fence](Lease::fence) protects.
    ///
    /// # Errors
    ///
    /// Fails like [`LockRequest::acquire`] before the work has begun, and with [`LockError::Lost`] when
    /// the work was dropped.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the work is dropped, and the lock is given back in the background.
    pub async fn with<T, W: Future<Output = T>>(
        &self,
        work: impl FnOnce(Lease) -> W,
    ) -> Result<T, LockError> {
        self.acquire().await?.run(work).await
    }

    pub(crate) fn claim(&self, token: Token) -> Claim {
        Claim { lock: Arc::clone(&self.key), token, ttl: self.ttl, kind: self.kind }
    }

    pub(crate) const fn longest_hold(&self) -> Option<Duration> {
        self.max_hold
    }

    async fn stand_in_line(&self) -> Result<Guard, LockError> {
        let place = self.locks.0.queues.line_up(&self.key, self.kind.is_strict());
        // Declared last, so that it is dropped while it still has its place.
        let mut asking = Asking::begin(&self.locks.0, self);
        match asking.its_turn(&place).await {
            First::Handed(handed) => asking.take(handed, &place),
            // Held until the lock is granted.
            First::Turn(_turn) => asking.until_granted(&place).await,
        }
    }

    async fn ask(&self) -> Result<Attempt, LockError> {
        Asking::begin(&self.locks.0, self).once(false).await
    }
}
