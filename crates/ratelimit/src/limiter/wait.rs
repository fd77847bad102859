//! Waiting until a call is allowed.

use std::time::{Duration, Instant};

use redstart_connection::Clock;

use super::Limiter;
use crate::{Decision, Policy, Refused, Subject};

/// The most that is added to a wait, so that not all who were refused come back at once.
const JITTER: Duration = Duration::from_millis(50);
/// How often a wait looks at a clock that a test moves.
const MANUAL_TICK: Duration = Duration::from_millis(1);

impl Limiter {
    /// Charges one call, and waits for up to `within` until it is allowed.
    ///
    /// It sleeps for as long as the limit said and up to 50 ms more, and does not begin a wait that
    /// would end too late. Those who wait are not in a queue: whoever asks first after a place has come
    /// free gets it.
    ///
    /// # Errors
    ///
    /// Fails with the last refusal when it would not be allowed in time.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call may have been charged.
    pub async fn wait(
        &self,
        policy: &Policy,
        subject: impl Into<Subject>,
        within: Duration,
    ) -> Result<Decision, Refused> {
        let (subject, clock) = (subject.into(), self.counter.store.clock());
        // A time beyond what the clock can tell is for ever.
        let deadline = clock.instant().checked_add(within);
        loop {
            let decision = self.check(policy, subject.clone()).await;
            let Some(wait) = decision.retry_after() else { return decision.or_err() };
            let now = clock.instant();
            if deadline.is_some_and(|deadline| deadline < now + wait) {
                return decision.or_err();
            }
            let jitter = JITTER.min(wait / 4).mul_f64(fastrand::f64());
            let moment = now + wait + jitter;
            wait_until(clock, deadline.map_or(moment, |deadline| moment.min(deadline))).await;
        }
    }
}

async fn wait_until(clock: &Clock, moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(clock.instant());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(if clock.is_manual() { left.min(MANUAL_TICK) } else { left }).await;
    }
}
