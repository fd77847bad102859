//! How much of what a policy answers comes from its outage rule.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{Decision, Source};

/// Over which time the share is taken, and how often it is spoken of.
const SPAN: Duration = Duration::from_secs(60);

/// Warns when more than one answer in a hundred comes from a policy's outage rule.
#[derive(Debug)]
pub(crate) struct Outages {
    started: Instant,
    by_policy: RwLock<HashMap<&'static str, Arc<Minute>>>,
}

/// The answers of one policy in one minute.
#[derive(Debug, Default)]
struct Minute {
    number: AtomicU64,
    answers: AtomicU64,
    outages: AtomicU64,
    /// The minute after the last one in which it was spoken of; zero if it never was.
    warned: AtomicU64,
}

impl Outages {
    pub(crate) fn new(now: Instant) -> Self {
        Self { started: now, by_policy: RwLock::default() }
    }

    /// Counts a decision, and warns where it is due.
    pub(crate) fn count(&self, decision: &Decision, now: Instant) {
        let is_outage = matches!(decision.source(), Source::Standby | Source::Overflow | Source::Unavailable);
        let minute = now.saturating_duration_since(self.started).as_secs() / SPAN.as_secs();
        for limit in decision.limits() {
            let share = self.minute_of(limit.policy).count(minute, is_outage);
            if let Some((outages, answers)) = share {
                tracing::warn!(
                    policy = limit.policy,
                    outages,
                    answers,
                    "more than 1 % of a limit's answers in this minute come from its outage rule"
                );
            }
        }
    }

    fn minute_of(&self, policy: &'static str) -> Arc<Minute> {
        if let Some(minute) = self.by_policy.read().unwrap_or_else(PoisonError::into_inner).get(policy) {
            return Arc::clone(minute);
        }
        let mut by_policy = self.by_policy.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_policy.entry(policy).or_default())
    }
}

impl Minute {
    /// Counts an answer; tells the figures when they are to be spoken of.
    ///
    /// The counts of two threads may fall into the wrong minute when it ends; that is no matter.
    fn count(&self, minute: u64, is_outage: bool) -> Option<(u64, u64)> {
        if self.number.swap(minute, Ordering::Relaxed) != minute {
            self.answers.store(0, Ordering::Relaxed);
            self.outages.store(0, Ordering::Relaxed);
        }
        let answers = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        if !is_outage {
            return None;
        }
        let outages = self.outages.fetch_add(1, Ordering::Relaxed) + 1;
        let is_due = answers < outages.saturating_mul(100)
            && self.warned.swap(minute + 1, Ordering::Relaxed) != minute + 1;
        is_due.then_some((outages, answers))
    }
}

#[cfg(test)]
mod tests;
