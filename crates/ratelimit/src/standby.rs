//! What is decided while the store does not answer.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::counter;
use redstart_connection::{Clock, ErrorKind, Result, Store, Timestamp, names};
use redstart_keys::{Key, Ttl};

use crate::{
    Decision, LimitState, OnOutage, Policy, Reading, Source, Subject, Verdict, counter::Counter,
    deadline::Deadline, refusals::Refusals, rule::Rule,
};

/// When to ask again after a refusal that nobody counted.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The limiter of this process alone.
#[derive(Clone, Debug)]
pub(crate) struct Standby {
    local: Counter,
    /// One bucket per policy, for those whom the memory has no room for.
    overflow: Counter,
    clock: Clock,
    refusals: Arc<Refusals>,
}

impl Standby {
    pub(crate) fn new(clock: &Clock) -> Self {
        let counter = |source| {
            let store = Store::memory_with(clock.clone());
            Counter { store, source, least_ttl: Ttl::millis(1), deadline: Deadline::default() }
        };
        let (local, overflow) = (counter(Source::Standby), counter(Source::Overflow));
        Self { local, overflow, clock: clock.clone(), refusals: Arc::default() }
    }

    /// Decides by the policies' outage rules; with `is_full`, because an embedded store is.
    pub(crate) async fn decide(&self, limits: &[(&Policy, Subject)], cost: u32, is_full: bool) -> Decision {
        let denies =
            |policy: &Policy| matches!(policy.outage_rule(), OnOutage::Deny) && !policy.is_on_trial();
        if limits.iter().any(|(policy, _)| denies(policy)) {
            return uncounted(limits, |policy| Reading::uncounted(0, denies(policy).then_some(ASK_AGAIN)));
        }
        if let Some(readings) = self.refusals.standing(limits, cost, self.clock.instant()) {
            let states = limits
                .iter()
                .zip(readings)
                .map(|((policy, _), reading)| LimitState::new(policy, reading, cost));
            return Decision::many(Source::Standby, states.collect());
        }
        let counted: Vec<(Policy, Subject)> = limits.iter().filter_map(share).collect();
        if counted.is_empty() {
            return uncounted(limits, |policy| open(policy, cost));
        }
        let counted: Vec<(&Policy, Subject)> =
            counted.iter().map(|(policy, subject)| (policy, subject.clone())).collect();
        let Ok(decision) = self.count(&counted, cost, is_full).await else {
            // Two memories of our own gave no answer, which leaves the cautious one.
            return uncounted(limits, |_| Reading::uncounted(0, Some(ASK_AGAIN)));
        };
        let mut states = decision.limits().iter().copied().map(|state| match decision.verdict() {
            // The cost is above this process's share, not above the limit: later it may be had.
            Verdict::TooLarge => LimitState { retry_after: Some(ASK_AGAIN), ..state },
            _ => state,
        });
        let all = limits.iter().map(|(policy, _)| {
            let state = if is_counted(policy) { states.next() } else { None };
            state.unwrap_or_else(|| LimitState::new(policy, open(policy, cost), 0))
        });
        let source = if is_full { Source::Overflow } else { Source::Standby };
        Decision::many(
            if decision.source() == Source::Policy { source } else { decision.source() },
            all.collect(),
        )
    }

    /// Remembers what the store refused.
    pub(crate) fn note(&self, limits: &[(&Policy, Subject)], cost: u32, decision: &Decision) {
        self.refusals.note(limits, cost, decision, self.clock.instant());
    }

    /// Repeats what the store refused a moment ago, and when that is; notes each refusal.
    pub(crate) fn repeat(
        &self,
        limits: &[(&Policy, Subject)],
        cost: u32,
        note: impl FnMut(&'static str, Key, Timestamp),
    ) -> Option<(Decision, Instant)> {
        if !self.refusals.may_repeat() {
            return None;
        }
        let now = self.clock.instant();
        Some((self.refusals.repeat(limits, cost, now, note)?, now))
    }

    /// Takes back what this process counted for itself.
    pub(crate) async fn refund(&self, limits: &[(&Policy, Subject)], decision: &Decision) -> Result<()> {
        let charged = limits.iter().zip(decision.limits()).filter_map(|(limit, state)| {
            let (shared, _) = share(limit)?;
            Some((shared, &limit.1, *state))
        });
        self.local.refund(charged).await
    }

    /// Forgets that the store refused a subject, which may not hold any more.
    pub(crate) fn forget(&self, policy: &Policy, subject: &Subject) {
        self.refusals.forget(policy, subject);
    }

    /// Forgets a subject here as well, so that a reset holds during an outage.
    pub(crate) async fn reset(&self, policy: &Policy, subject: &Subject) {
        self.refusals.forget(policy, subject);
        // The memory store always answers a removal.
        drop(self.local.reset(policy, subject).await);
    }

    async fn count(&self, limits: &[(&Policy, Subject)], cost: u32, is_full: bool) -> Result<Decision> {
        if !is_full {
            match take(&self.local, limits, cost).await {
                Err(error) if error.kind() == ErrorKind::Overloaded => {}
                other => return other,
            }
        }
        let shared: Vec<(&Policy, Subject)> =
            limits.iter().map(|&(policy, _)| (policy, Subject::from("all"))).collect();
        take(&self.overflow, &shared, cost).await
    }
}

async fn take(counter: &Counter, limits: &[(&Policy, Subject)], cost: u32) -> Result<Decision> {
    match limits {
        [(policy, subject)] => counter.take(policy, subject, cost).await,
        limits => counter.take_all(limits, NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN)).await,
    }
}

fn is_counted(policy: &Policy) -> bool {
    matches!(policy.outage_rule(), OnOutage::Local { .. })
}

fn share((policy, subject): &(&Policy, Subject)) -> Option<(Policy, Subject)> {
    let OnOutage::Local { share } = policy.outage_rule() else { return None };
    Some((policy.shared(share), subject.clone()))
}

fn open(policy: &Policy, cost: u32) -> Reading {
    Reading::uncounted(Rule::of(policy).capacity().saturating_sub(cost), None)
}

fn uncounted(limits: &[(&Policy, Subject)], reading: impl Fn(&Policy) -> Reading) -> Decision {
    let states = limits.iter().map(|(policy, _)| {
        counter!(names::LIMITER_ERRORS, "policy" => policy.name()).increment(1);
        LimitState::new(policy, reading(policy), 0)
    });
    Decision::many(Source::Unavailable, states.collect())
}
