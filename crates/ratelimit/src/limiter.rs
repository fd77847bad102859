//! The limiter: policies and subjects in, decisions out.

mod adjust;
mod wait;

use std::{num::NonZeroU32, sync::Arc, time::Instant};

use redstart_connection::{Error, ErrorKind, Result, Store};
use redstart_keys::Ttl;

use crate::{
    Decision, Policy, Refused, Source, Subject, Violations, counter::Counter, deadline::Deadline,
    standby::Standby, tallies::Tallies,
};

/// Decides whether something may be done now, counting on the server for all processes.
///
/// Every decision is one atomic step and one round trip on the server's clock. Refused calls are not
/// charged, and for up to a second refused again without asking. While the server does not answer, each
/// policy's [outage rule](crate::OnOutage) holds, and the decision says so. So it does after
/// [`Store::shutdown`], when nobody is asked any more.
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
    tallies: Arc<Tallies>,
    violations: Violations,
    endpoint: Arc<str>,
    caches_refusals: bool,
}

impl Limiter {
    /// A limiter that counts in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let standby = Arc::new(Standby::new(store.clock()));
        let tallies = Arc::new(Tallies::new(store.clock()));
        let source = if store.is_memory() { Source::Memory } else { Source::Redis };
        let least_ttl = Ttl::new(store.least_limit_ttl()).unwrap_or(Ttl::hours(1));
        Self {
            counter: Counter { store, source, least_ttl, deadline: Deadline::default() },
            standby,
            tallies,
            violations: Violations::default(),
            endpoint: Arc::from(""),
            caches_refusals: true,
        }
    }

    /// Keeps every key for at least this long. Defaults to what the store is configured for: one hour,
    /// unless `REDIS_TTL_RATE_LIMIT` says otherwise.
    #[must_use]
    pub fn with_least_ttl(mut self, least_ttl: Ttl) -> Self {
        self.counter.least_ttl = least_ttl;
        self
    }

    /// Waits for the server four times as long as 99 of 100 answers take, at least 25 ms and at most the
    /// command's deadline, whatever the policies say. Defaults to what each policy says.
    ///
    /// A server that has slowed down so does not slow the service down, and one that is far away is not
    /// taken for an outage. The estimate is made anew every 256 answers.
    #[must_use]
    pub fn with_adaptive_deadline(mut self) -> Self {
        self.counter.deadline = Deadline::adaptive();
        self
    }

    /// Asks the server even where it refused the same less than a second ago.
    #[must_use]
    pub fn without_deny_cache(mut self) -> Self {
        self.caches_refusals = false;
        self
    }

    /// The same limiter, for the calls of this endpoint: its [violations](Self::violations) say so.
    ///
    /// Name the route and never the raw path, of which anybody may make up any number.
    #[must_use]
    pub fn at(&self, endpoint: impl Into<Arc<str>>) -> Self {
        Self { endpoint: endpoint.into(), ..self.clone() }
    }

    /// Who ran into which limit lately, in this process.
    #[must_use]
    pub const fn violations(&self) -> &Violations {
        &self.violations
    }

    /// Charges one call.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the call may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub fn check(&self, policy: &Policy, subject: impl Into<Subject>) -> impl Future<Output = Decision> {
        // The same future: one around it would have to copy the decision.
        self.check_cost(policy, subject, 1)
    }

    /// Charges `cost` calls at once, or none of them; a cost of zero answers like [`Limiter::peek`].
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, the cost may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_cost(&self, policy: &Policy, subject: impl Into<Subject>, cost: u32) -> Decision {
        let limits = [(policy, subject.into())];
        if let Some(decision) = self.repeated(&limits, cost) {
            return decision;
        }
        let answer = match self.counter.take_embedded(policy, &limits[0].1, cost) {
            // Counted before the decision is put together, which so is written once, where it is wanted.
            Some(Ok(taken)) if taken.is_allowed() => {
                self.tallies.count_allowed(policy.name(), self.counter.source, taken.read_at());
                return self.counter.decision(policy, taken, cost);
            }
            Some(taken) => taken.map(|taken| self.counter.decision(policy, taken, cost)),
            None => self.counter.take(policy, &limits[0].1, cost).await,
        };
        self.decided(&limits, cost, answer).await
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
        let limits = [(policy, subject.into())];
        let decision = self.counter.take(policy, &limits[0].1, 1).await?;
        self.told(&limits, 1, &decision);
        Ok(decision)
    }

    /// Charges one call to each of several limits, or to none: a refusal by one costs nothing of the others.
    ///
    /// One script decides on all of them in one round trip, whatever their algorithms. In a cluster
    /// whose slots they do not share, the slots are asked all at once, and what some of them charged is
    /// taken back when another refuses; what a slot charged that did not answer stays charged. A limit
    /// that comes twice for the same subject is charged twice.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, all of them may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_all(&self, limits: &[(&Policy, Subject)]) -> Decision {
        self.check_all_cost(limits, NonZeroU32::MIN).await
    }

    /// Charges `cost` calls at once to each of several limits, or none; as [`Limiter::check_all`].
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, all of them may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_all_cost(&self, limits: &[(&Policy, Subject)], cost: NonZeroU32) -> Decision {
        if let Some(decision) = self.repeated(limits, cost.get()) {
            return decision;
        }
        let answer = self.counter.take_all(limits, cost).await;
        self.decided(limits, cost.get(), answer).await
    }

    /// Charges as much of `most` calls as there is; [`Decision::charged`] says how much that was.
    ///
    /// Refused only where there is nothing left at all.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, they may have been charged.
    #[must_use = "a decision that nobody obeys limits nothing"]
    pub async fn check_up_to(&self, policy: &Policy, subject: impl Into<Subject>, most: u32) -> Decision {
        let limits = [(policy, subject.into())];
        if let Some(decision) = self.repeated(&limits, 1) {
            return decision;
        }
        let answer = self.counter.take_some(policy, &limits[0].1, most).await;
        self.decided(&limits, 1, answer).await
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

    pub(crate) const fn store(&self) -> &Store {
        &self.counter.store
    }

    /// Counts a decision that a lease made.
    pub(crate) fn count_lent(&self, decision: &Decision, now: Instant) {
        self.tallies.count(decision, now);
    }

    /// Repeats what was refused a moment ago.
    #[inline]
    fn repeated(&self, limits: &[(&Policy, Subject)], cost: u32) -> Option<Decision> {
        if !self.caches_refusals {
            return None;
        }
        let note = |policy, key, at| self.violations.note_one(&self.endpoint, policy, key, at);
        let (decision, now) = self.standby.repeat(limits, cost, note)?;
        self.tallies.count(&decision, now);
        Some(decision)
    }

    /// What the store answered, or else the outage rules.
    async fn decided(&self, limits: &[(&Policy, Subject)], cost: u32, answer: Result<Decision>) -> Decision {
        let decision = match answer {
            Ok(decision) => {
                self.told(limits, cost, &decision);
                return decision;
            }
            // Boxed, so that the future of an ordinary call is small.
            Err(error) => Box::pin(self.without_store(limits, cost, &error)).await,
        };
        self.count(limits, &decision);
        decision
    }

    /// Remembers what the store refused, and counts.
    #[inline]
    fn told(&self, limits: &[(&Policy, Subject)], cost: u32, decision: &Decision) {
        if !decision.is_allowed() {
            self.standby.note(limits, cost, decision);
        }
        self.count(limits, decision);
    }

    #[inline]
    fn count(&self, limits: &[(&Policy, Subject)], decision: &Decision) {
        let clock = self.counter.store.clock();
        match decision.read_in_memory() {
            // The embedded store goes by the same clock, and has just read it.
            Some(at) => self.tallies.count_at(decision, at),
            None => self.tallies.count(decision, clock.instant()),
        }
        if !decision.is_allowed() || decision.would_be_refused_by().is_some() {
            self.violations.note(&self.endpoint, limits, decision, clock.now());
        }
    }

    /// Decides by the outage rules of the policies.
    async fn without_store(&self, limits: &[(&Policy, Subject)], cost: u32, error: &Error) -> Decision {
        // Those that end a service know it.
        if error.is_transient() || error.kind() == ErrorKind::Shutdown {
            tracing::debug!(%error, "limits are decided by their outage rules");
        } else {
            tracing::warn!(%error, "limits are decided by their outage rules");
        }
        let is_full = self.counter.store.is_memory() && error.kind() == ErrorKind::Overloaded;
        self.standby.decide(limits, cost, is_full).await
    }
}

#[cfg(test)]
mod tests;
