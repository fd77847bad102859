//! Requests: how long a lock is wanted, and how long it is waited for.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use metrics::histogram;
use redstart_connection::{Certainty, Loss, Renewal, names};
use redstart_keys::{Key, Ttl};

use crate::{
    Guard, Lease, LockError, Locks,
    guard::Held,
    janitor::Task,
    locks::Inner,
    operations::{Acquire, Acquired, Extend, Token},
};

/// The first pause between two questions of the first in line.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A lock that is asked for.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing before it is acquired"]
pub struct LockRequest {
    locks: Locks,
    key: Key,
    ttl: Ttl,
    wait: Duration,
}

/// What came of asking once.
enum Attempt {
    Granted(Guard),
    Busy { expires_in: Option<Duration> },
}

impl LockRequest {
    pub(crate) fn new(locks: Locks, key: Key) -> Self {
        Self { locks, key, ttl: Ttl::seconds(30), wait: Duration::from_secs(10) }
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
            Attempt::Busy { .. } => None,
        })
    }

    /// Takes the lock, waiting for it as long as the request allows.
    ///
    /// Waiters of this process stand in line: only the first asks the store, and a release in this
    /// process wakes it at once.
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
        if self.wait.is_zero() {
            return self.try_acquire().await?.ok_or(LockError::Busy);
        }
        let clock = self.locks.0.store.clock();
        let started = clock.instant();
        let granted = tokio::time::timeout(self.wait, self.stand_in_line()).await;
        let waited = clock.instant().saturating_duration_since(started);
        histogram!(names::LOCK_WAIT_SECONDS, "lock" => self.key.entity_name()).record(waited);
        granted.unwrap_or(Err(LockError::TimedOut { waited: self.wait }))
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
        let guard = self.acquire().await?;
        let outcome = while_valid(guard.lease(), work).await;
        if let Err(error) = guard.release().await {
            // The work is done, or dropped; that the lock ends only with its lease does not change that.
            tracing::debug!(lock = self.key.entity_name(), %error, "a lock is given back in the background");
        }
        outcome.map_err(|cause| LockError::Lost { cause })
    }

    async fn stand_in_line(&self) -> Result<Guard, LockError> {
        let place = self.locks.0.queues.line_up(&self.key);
        let _turn = place.turn().await;
        let mut longest = FIRST_PAUSE;
        loop {
            let expires_in = match self.ask().await? {
                Attempt::Granted(guard) => return Ok(guard),
                Attempt::Busy { expires_in } => expires_in.unwrap_or(Duration::MAX),
            };
            // Up to half of it by chance, so that processes do not ask in step.
            let pause = longest.mul_f64(0.5 + fastrand::f64() / 2.0);
            let pause = pause.min(expires_in.saturating_add(Duration::from_millis(1)));
            tokio::select! {
                () = place.released() => longest = FIRST_PAUSE,
                () = tokio::time::sleep(pause) => longest = (longest * 2).min(LONGEST_PAUSE),
            }
        }
    }

    async fn ask(&self) -> Result<Attempt, LockError> {
        let inner = &self.locks.0;
        if inner.is_closing() {
            return Err(LockError::ShuttingDown);
        }
        inner.janitor.start();
        let (id, token) = inner.token();
        let sent_at = inner.store.clock().instant();
        let mut unanswered = Unanswered { request: self, token: &token, is_answered: false };
        let answer = inner.store.run(&Acquire::new(&self.key, token.clone(), self.ttl)).await;
        unanswered.is_answered = match &answer {
            Ok(_) => true,
            Err(error) => matches!(error.certainty(), Certainty::NotSent | Certainty::Refused),
        };
        drop(unanswered);
        let fence = match answer.map_err(LockError::Unavailable)? {
            Acquired::Granted { fence } => fence,
            Acquired::Busy { expires_in } => return Ok(Attempt::Busy { expires_in }),
        };
        let extend = Extend::new(&self.key, token.clone(), self.ttl);
        let store = inner.store.clone();
        let kept = inner.store.renewer().keep(self.ttl, sent_at, move || {
            let (store, extend) = (store.clone(), extend.clone());
            Box::pin(async move { store.run(&extend).await.unwrap_or(Renewal::Unknown) })
        });
        let (lock, ttl) = (self.key.clone(), self.ttl);
        let guard = Guard::new(Arc::clone(inner), Held::new(id, lock, token, fence, ttl, kept));
        if inner.is_closing() {
            return Err(LockError::ShuttingDown);
        }
        // The grant may have come so late that the lease is over.
        if guard.valid_for().is_zero() {
            return Err(LockError::Lost { cause: Loss::Expired });
        }
        Ok(Attempt::Granted(guard))
    }
}

/// Gives back what a question may have got whose answer nobody waits for.
struct Unanswered<'a> {
    request: &'a LockRequest,
    token: &'a Token,
    is_answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let inner: &Inner = &self.request.locks.0;
            let task = Task::new(&inner.store, &self.request.key, self.token, None, self.request.ttl);
            inner.janitor.give_back(task);
        }
    }
}

/// Polls `work` only while the lease is valid; drops it before answering.
async fn while_valid<T, W: Future<Output = T>>(
    lease: Lease,
    work: impl FnOnce(Lease) -> W,
) -> Result<T, Loss> {
    let watched = lease.clone();
    let mut lost = pin!(watched.lost());
    let mut work = pin!(work(lease));
    poll_fn(|context| {
        // The signal wakes us; only the clock tells for certain, for after a pause of the whole process
        // the work may be polled before the timer has had its turn.
        if let Some(cause) = watched.loss() {
            return Poll::Ready(Err(cause));
        }
        match lost.as_mut().poll(context) {
            Poll::Ready(cause) => Poll::Ready(Err(cause)),
            Poll::Pending => work.as_mut().poll(context).map(Ok),
        }
    })
    .await
}
