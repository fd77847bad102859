//! How much of what a policy answers comes from its outage rule.

use std::sync::atomic::{AtomicU64, Ordering};

/// Over how many seconds the share is taken, and how often it is spoken of.
const SPAN: u64 = 60;

/// The answers of one policy in one minute.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    number: AtomicU64,
    answers: AtomicU64,
    outages: AtomicU64,
    /// The minute after the last one in which it was spoken of; zero if it never was.
    warned: AtomicU64,
}

impl Minute {
    /// Counts an answer, and warns when more than one in a hundred comes from the policy's outage rule.
    #[inline(always)]
    pub(crate) fn count_at(&self, policy: &'static str, seconds: u64, is_outage: bool) {
        if let Some((outages, answers)) = self.count(seconds / SPAN, is_outage) {
            warn(policy, outages, answers);
        }
    }

    /// Counts an answer; tells the figures when they are to be spoken of.
    ///
    /// The counts of two threads may fall into the wrong minute when it ends; that is no matter.
    #[inline(always)]
    fn count(&self, minute: u64, is_outage: bool) -> Option<(u64, u64)> {
        if self.number.load(Ordering::Relaxed) != minute {
            self.begin(minute);
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

    #[cold]
    fn begin(&self, minute: u64) {
        if self.number.swap(minute, Ordering::Relaxed) != minute {
            self.answers.store(0, Ordering::Relaxed);
            self.outages.store(0, Ordering::Relaxed);
        }
    }
}

#[cold]
fn warn(policy: &'static str, outages: u64, answers: u64) {
    tracing::warn!(
        policy,
        outages,
        answers,
        "more than 1 % of a limit's answers in this minute come from its outage rule"
    );
}

#[cfg(test)]
mod tests;
