//! What the store refused lately, for the moment when it does not answer.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redstart_keys::Key;

use crate::{Decision, OnOutage, Policy, Reading, Source, Subject};

/// How many refusals are remembered; what comes on top is forgotten, which costs only strictness.
const MOST: usize = 10_000;

/// Refusals by the store that still stand.
///
/// A window that the store called used up stays so until a place in it comes free, whoever answers in
/// the meantime. Without this, a server that slows down under a burst would be relieved by the outage
/// rule and the burst would get the limit twice.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, Instant>>);

impl Refusals {
    /// Remembers what the store refused to single calls.
    pub(crate) fn note(&self, limits: &[(&Policy, Subject)], cost: u32, decision: &Decision, now: Instant) {
        // A higher cost is refused where a lower one might not be.
        if decision.is_allowed() || cost != 1 || decision.source() != Source::Redis {
            return;
        }
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for ((policy, subject), state) in limits.iter().zip(decision.limits()) {
            let Some(wait) = state.retry_after else { continue };
            let key = policy.entity().key(subject);
            if MOST <= standing.len() && !standing.contains_key(&key) {
                standing.retain(|_, until| now < *until);
                if MOST <= standing.len() {
                    return;
                }
            }
            standing.insert(key, now + wait);
        }
    }

    /// How long each refusal still stands; none when none of them does.
    pub(crate) fn standing(&self, limits: &[(&Policy, Subject)], now: Instant) -> Option<Vec<Reading>> {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if standing.is_empty() {
            return None;
        }
        let mut refused = false;
        let reading = |(policy, subject): &(&Policy, Subject)| {
            // A policy that opens when nobody counts has said so.
            let counts = matches!(policy.outage_rule(), OnOutage::Local { .. });
            let until = if counts { standing.get(&policy.entity().key(subject)) } else { None };
            let wait = until.map(|until| until.saturating_duration_since(now)).filter(|wait| !wait.is_zero());
            refused |= wait.is_some();
            Reading { retry_after: wait, ..Reading::new(0, wait.map_or(0, micros)) }
        };
        let readings = limits.iter().map(reading).collect();
        refused.then_some(readings)
    }

    pub(crate) fn forget(&self, policy: &Policy, subject: &Subject) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&policy.entity().key(subject));
    }
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.0.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Refusals").field("standing", &standing).finish()
    }
}
