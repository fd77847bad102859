//! The certainty that a lease still holds, and what may go on only with it.

use std::{
    fmt,
    future::{Future, pending, poll_fn},
    pin::pin,
    slice,
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::future::select_all;
use redstart_keys::Ttl;
use tokio::sync::watch;

use crate::Clock;

/// How often a wait looks at a clock that a test moves.
const MANUAL_TICK: Duration = Duration::from_millis(1);

/// Why a lease is not valid any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// It was not renewed in time, so somebody else may have it.
    Expired,
    /// The store said that it is not ours any more.
    Gone,
    /// It was given back.
    Released,
    /// It was held for as long as it may be.
    HeldTooLong,
    /// The store is being shut down.
    Shutdown,
}

/// Whether a lease still holds, for as many readers as want to know.
#[derive(Clone)]
pub struct Validity {
    pub(super) clock: Clock,
    pub(super) standing: watch::Receiver<Standing>,
}

#[derive(Clone, Copy)]
pub(super) struct Standing {
    /// Until when the store has it for us.
    pub(super) leased_until: Instant,
    /// Until when we may hold it at all.
    pub(super) limit: Option<Instant>,
    pub(super) loss: Option<Loss>,
}

impl Validity {
    /// Time for which the lease is certainly ours; zero if it is not any more.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        let standing = *self.standing.borrow();
        if standing.loss.is_some() {
            return Duration::ZERO;
        }
        standing.ends_at().saturating_duration_since(self.clock.instant())
    }

    /// Whether the lease is certainly ours.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.valid_for().is_zero()
    }

    /// Why the lease is not certainly ours any more; none while it is.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.standing.borrow().loss_at(self.clock.instant())
    }

    /// Waits until the lease is not certainly ours any more, and tells why.
    ///
    /// # Cancel safety
    ///
    /// Dropping this midway has no effect.
    pub async fn lost(&self) -> Loss {
        let mut standing = self.standing.clone();
        loop {
            let now = *standing.borrow_and_update();
            if let Some(loss) = now.loss_at(self.clock.instant()) {
                return loss;
            }
            tokio::select! {
                changed = standing.changed() => if changed.is_err() {
                    return standing.borrow().loss.unwrap_or(Loss::Released);
                },
                () = wait_until(&self.clock, now.ends_at()) => {}
            }
        }
    }

    /// Polls `work` only while the lease is certainly ours; drops it before answering why it is not.
    ///
    /// What runs inside one poll is not interrupted.
    ///
    /// # Errors
    ///
    /// Fails with why the lease was lost; the work has been dropped then.
    pub async fn while_valid<T, W: Future<Output = T>>(&self, work: W) -> Result<T, Loss> {
        Self::while_all_valid(slice::from_ref(self), work).await.map_err(|(_, cause)| cause)
    }

    /// Polls `work` as [`Validity::while_valid`] does, only while all of the leases are certainly ours.
    ///
    /// # Errors
    ///
    /// Fails with which of them was lost first, and why; the work has been dropped then.
    pub async fn while_all_valid<T, W: Future<Output = T>>(
        all: &[Self],
        work: W,
    ) -> Result<T, (usize, Loss)> {
        let mut lost = pin!(Self::any_lost(all));
        let mut work = pin!(work);
        poll_fn(|context| {
            // The signal wakes us; only the clock tells for certain, for after a pause of the whole process
            // the work may be polled before the timer has had its turn.
            if let Some(lost) = all.iter().enumerate().find_map(|(index, one)| Some((index, one.loss()?))) {
                return Poll::Ready(Err(lost));
            }
            match lost.as_mut().poll(context) {
                Poll::Ready(lost) => Poll::Ready(Err(lost)),
                Poll::Pending => work.as_mut().poll(context).map(Ok),
            }
        })
        .await
    }

    /// Waits until one of the leases is not certainly ours any more, and tells which and why.
    ///
    /// # Cancel safety
    ///
    /// Dropping this midway has no effect.
    pub async fn any_lost(all: &[Self]) -> (usize, Loss) {
        match all {
            [] => pending().await,
            [one] => (0, one.lost().await),
            all => {
                let (cause, index, _) = select_all(all.iter().map(|one| Box::pin(one.lost()))).await;
                (index, cause)
            }
        }
    }
}

impl Standing {
    /// When the validity ends, were the lease not renewed any more.
    pub(super) fn ends_at(&self) -> Instant {
        self.limit.map_or(self.leased_until, |limit| limit.min(self.leased_until))
    }

    /// Why the lease is not certainly ours at `now`.
    pub(super) fn loss_at(&self, now: Instant) -> Option<Loss> {
        let is_over = |end: Instant| end <= now;
        let by_time = || {
            if is_over(self.leased_until) {
                return Some(Loss::Expired);
            }
            self.limit.is_some_and(is_over).then_some(Loss::HeldTooLong)
        };
        self.loss.or_else(by_time)
    }
}

/// How long a lease of `ttl` is certainly ours, counted from before the request was sent.
pub(super) fn validity(ttl: Ttl) -> Duration {
    let ttl = ttl.as_duration();
    ttl.saturating_sub(ttl / 100).saturating_sub(Duration::from_millis(2))
}

pub(super) fn lose(standing: &watch::Sender<Standing>, cause: Loss) {
    standing.send_if_modified(|standing| {
        let is_first = standing.loss.is_none();
        standing.loss.get_or_insert(cause);
        is_first
    });
}

pub(super) async fn wait_until(clock: &Clock, moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(clock.instant());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(if clock.is_manual() { left.min(MANUAL_TICK) } else { left }).await;
    }
}

impl Loss {
    /// The cause in one word, as in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Gone => "gone",
            Self::Released => "released",
            Self::HeldTooLong => "held_too_long",
            Self::Shutdown => "shutdown",
        }
    }
}

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loss = self.standing.borrow().loss;
        f.debug_struct("Validity").field("valid_for", &self.valid_for()).field("loss", &loss).finish()
    }
}

#[cfg(test)]
mod tests;
