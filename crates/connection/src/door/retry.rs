//! What may be tried again, when, and how often.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use crate::{Certainty, Effect, Error, ErrorKind, redis::full_jitter};

const MAX_ATTEMPTS: u32 = 8;
const BASE: Duration = Duration::from_millis(5);
const CAP: Duration = Duration::from_millis(100);

/// How long to wait before the next attempt; none when there must not be one.
pub(super) fn next_pause(error: &Error, effect: Effect, attempts: u32) -> Option<Duration> {
    if attempts >= MAX_ATTEMPTS || !is_worth_it(error.kind()) {
        return None;
    }
    let safe = match error.certainty() {
        Certainty::NotSent | Certainty::Refused => true,
        Certainty::Unknown => effect != Effect::Once,
        Certainty::Failed => false,
    };
    safe.then(|| full_jitter(BASE.saturating_mul(1 << attempts.min(8)).min(CAP)))
}

/// Whether a moment later the answer may be another.
///
/// `Unavailable` is not among them: the door has waited for a connection already, and while the
/// server is known to be away a quick answer is worth more than a late one.
const fn is_worth_it(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Connection | ErrorKind::ReadOnly | ErrorKind::Loading)
}

/// A tenth of the calls may be tried again, so that a brown-out is not made worse.
///
/// Every call earns a tenth of a retry; a reserve covers short faults.
#[derive(Debug)]
pub(super) struct Budget(AtomicI64);

const RESERVE: i64 = 1_000;
const PRICE: i64 = 10;

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicI64::new(RESERVE))
    }
}

impl Budget {
    pub(super) fn earn(&self) {
        // A full reserve is the rule; it costs one read.
        if self.0.load(Ordering::Relaxed) < RESERVE {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn spend(&self) -> bool {
        if self.0.fetch_sub(PRICE, Ordering::Relaxed) >= PRICE {
            return true;
        }
        self.0.fetch_add(PRICE, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests;
