//! The limiter: policies and subjects in, decisions out.

use std::sync::Arc;

use metrics::counter;
use redstart_connection::{Error, ErrorKind, Result, Store, names};
use redstart_keys::Ttl;

use crate::{Decision, Policy, Refused, Source, Subject, counter::Counter, standby::Standby};

/// Decides whether something may be done now, counting on the server for all processes.
///
/// Every decision is one atomic step and one round trip on the server's clock. Refused calls are not
/// charged. While the server does not answer, each policy's [outage rule](crate::OnOutage) holds, and
/// the decision says so.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_ratelimit::{Limiter, Policy};
///
/// const EXPORT: Policy = Policy::per_hour("export", 2);
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let limiter = Limiter::new(Store::memory());
/// assert!(limiter.check(&EXPORT, "ada").await.is_allowed());
/// assert_eq!(limiter.check(&EXPORT, "ada").await.remaining(), 0);
///
/// let third = limiter.check(&EXPORT, "ada").await;
/// assert_eq!(third.refused_by(), Some("export"));
/// assert!(third.retry_after().is_some());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Limiter {
    counter: Counter,
    standby: Arc<Standby>,
}

impl Limiter {
    /// A limiter that counts in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let standby = Arc::new(Standby::new(store.clock()));
        let source = if store.is_memory() { Source::Memory } else { Source::Redis };
        let least_ttl = Ttl::new(store.least_limit_ttl()).unwrap_or(Ttl::hours(1));
        Self { counter: Counter { store, source, least_ttl }, standby }
    }

    /// Keeps every key for at least this long. Defaults to what the store is configured for: one hour,
    /// unless `REDIS_TTL_RATE_LIMIT` says otherwise.
    #[must_use]
    pub fn with_least_ttl(mut self, least_ttl: Ttl) -> Self {
        self.counter.least_ttl = least_ttl;
        self
    }

    /// Charges one call.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check(&self, policy: &Policy, subject: impl Into<Subject>) -> Decision {
        self.check_cost(policy, subject, 1).await
    }

    /// Charges `cost` calls at once, or none of them; a cost of zero answers like [`Limiter::peek`].
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the cost may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_cost(&self, policy: &Policy, subject: impl Into<Subject>, cost: u32) -> Decision {
        let subject = subject.into();
        let decision = match self.counter.take(policy, &subject, cost).await {
            Ok(decision) => self.noted(&[(policy, subject)], cost, decision),
            Err(error) => self.without_store(&[(policy, subject)], cost, &error).await,
        };
        count(&decision);
        decision
    }

    /// Charges one call, and turns a refusal into an error.
    ///
    /// # Errors
    ///
    /// Fails when the call is refused.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call may have been charged.
    pub async fn check_or_err(
        &self,
        policy: &Policy,
        subject: impl Into<Subject>,
    ) -> Result<Decision, Refused> {
        self.check(policy, subject).await.or_err()
    }

    /// Charges one call; no outage rule holds, the caller gets the store's error.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer; whether the call was charged, its certainty says.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call may have been charged.
    pub async fn try_check(&self, policy: &Policy, subject: impl Into<Subject>) -> Result<Decision> {
        let decision = self.counter.take(policy, &subject.into(), 1).await?;
        count(&decision);
        Ok(decision)
    }

    /// Charges one call to each of several limits, or to none: a refusal by one costs nothing of the others.
    ///
    /// One script decides on all of them in one round trip, whatever their algorithms. A limit that
    /// comes twice for the same subject is charged twice.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, all of them may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_all(&self, limits: &[(&Policy, Subject)]) -> Decision {
        let decision = match self.counter.take_all(limits).await {
            Ok(decision) => self.noted(limits, 1, decision),
            Err(error) => self.without_store(limits, 1, &error).await,
        };
        count(&decision);
        decision
    }

    /// What [`Limiter::check`] would answer; charges nothing.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn peek(&self, policy: &Policy, subject: impl Into<Subject>) -> Decision {
        let subject = subject.into();
        match self.counter.take(policy, &subject, 0).await {
            Ok(decision) => decision,
            Err(error) => self.without_store(&[(policy, subject)], 0, &error).await,
        }
    }

    /// Forgets what was counted for `subject`.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn reset(&self, policy: &Policy, subject: impl Into<Subject>) -> Result<()> {
        let subject = subject.into();
        self.standby.reset(policy, &subject).await;
        self.counter.reset(policy, &subject).await
    }

    /// Remembers what was refused, for the time when the store does not answer.
    fn noted(&self, limits: &[(&Policy, Subject)], cost: u32, decision: Decision) -> Decision {
        if !decision.is_allowed() {
            self.standby.note(limits, cost, &decision);
        }
        decision
    }

    /// Decides by the outage rules of the policies.
    async fn without_store(&self, limits: &[(&Policy, Subject)], cost: u32, error: &Error) -> Decision {
        if error.is_transient() {
            tracing::debug!(%error, "limits are decided by their outage rules");
        } else {
            tracing::warn!(%error, "limits are decided by their outage rules");
        }
        let is_full = self.counter.store.is_memory() && error.kind() == ErrorKind::Overloaded;
        self.standby.decide(limits, cost, is_full).await
    }
}

fn count(decision: &Decision) {
    let source = decision.source().name();
    for limit in decision.limits() {
        // A limit that refused nothing in a refused call was not charged either.
        let is_spared = !decision.is_allowed()
            && Some(limit.policy) != decision.refused_by()
            && limit.retry_after.is_none();
        let verdict = if is_spared { "spared" } else { decision.verdict().name() };
        counter!(names::LIMIT_DECISIONS, "policy" => limit.policy, "verdict" => verdict, "source" => source)
            .increment(1);
    }
}

#[cfg(test)]
mod tests;
