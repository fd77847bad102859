//! What the store refused lately.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_connection::Timestamp;
use redstart_keys::Key;

use crate::{
    Decision, LimitState, OnOutage, Policy, Reading, Source, Subject,
    rule::{Rule, micros},
};

/// How many refusals are remembered; what comes on top is forgotten, which costs only strictness.
const MOST: usize = 10_000;
/// For how long a refusal is repeated without asking: a reset by another process is so soon seen.
const FRESH: Duration = Duration::from_secs(1);
/// How often a full memory is searched for refusals that have ended.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// Refusals by the store that still stand.
///
/// The fresh ones are repeated without a round trip. All of them stand while the store does not answer:
/// a window that the store called used up stays so until a place in it comes free. Without this, a
/// server that slows down under a burst would be relieved by the outage rule and the burst would get
/// the limit twice.
#[derive(Default)]
pub(crate) struct Refusals {
    standing: Mutex<Standing>,
    /// So that those who were never refused anything pay nothing.
    any: AtomicBool,
}

#[derive(Default)]
struct Standing {
    by_key: HashMap<Key, Refusal>,
    searched_at: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Refusal {
    /// What refused; another limit under the same name may well admit.
    rule: Rule,
    /// The least that was refused; less might be admitted.
    cost: u32,
    at: Instant,
    reading: Reading,
}

impl Refusals {
    /// Remembers what the store refused.
    pub(crate) fn note(&self, limits: &[(&Policy, Subject)], cost: u32, decision: &Decision, now: Instant) {
        if decision.is_allowed() || cost == 0 || decision.source() != Source::Redis {
            return;
        }
        let mut standing = self.held();
        for ((policy, subject), state) in limits.iter().zip(decision.limits()) {
            if state.retry_after.is_some() && !state.is_on_trial {
                let refusal = Refusal { rule: Rule::of(policy), cost, at: now, reading: state.reading() };
                standing.note(policy.entity().key(subject), refusal, now);
            }
        }
        self.any.store(true, Ordering::Release);
    }

    /// Whether there ever was anything to repeat.
    pub(crate) fn may_repeat(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Repeats the refusals of a moment ago, and notes each with the server's time; none if each of the limits has to be asked.
    pub(crate) fn repeat(
        &self,
        limits: &[(&Policy, Subject)],
        cost: u32,
        now: Instant,
        mut note: impl FnMut(&'static str, Key, Timestamp),
    ) -> Option<Decision> {
        if cost == 0 {
            return None;
        }
        let mut repeated = |(policy, subject): &(&Policy, Subject)| {
            if policy.is_on_trial() {
                return None;
            }
            let key = policy.entity().key(subject);
            let refusal = *self.held().by_key.get(&key)?;
            let is_same = refusal.cost <= cost && refusal.rule == Rule::of(policy);
            let reading = refusal.after(now).filter(|_| is_same && now < refusal.at + FRESH)?;
            note(policy.name(), key, Timestamp::from_micros(reading.at));
            Some(LimitState::new(policy, reading, cost))
        };
        if let [limit] = limits {
            return repeated(limit).map(|state| Decision::one(Source::DenyCache, state));
        }
        let states: Vec<LimitState> = limits.iter().filter_map(repeated).collect();
        if states.is_empty() { None } else { Some(Decision::many(Source::DenyCache, states)) }
    }

    /// How long each refusal still stands; none when none of them does.
    pub(crate) fn standing(
        &self,
        limits: &[(&Policy, Subject)],
        cost: u32,
        now: Instant,
    ) -> Option<Vec<Reading>> {
        let standing = self.held();
        if standing.by_key.is_empty() {
            return None;
        }
        let mut refused = false;
        let reading = |(policy, subject): &(&Policy, Subject)| {
            // A policy that opens when nobody counts has said so.
            let counts = matches!(policy.outage_rule(), OnOutage::Local { .. });
            let refusal = if counts { standing.by_key.get(&policy.entity().key(subject)) } else { None };
            let refusal = refusal.filter(|refusal| refusal.cost <= cost.max(1));
            let wait = refusal.and_then(|refusal| refusal.after(now)?.retry_after);
            refused |= wait.is_some();
            Reading { retry_after: wait, ..Reading::new(0, 0, wait.map_or(0, micros)) }
        };
        let readings = limits.iter().map(reading).collect();
        refused.then_some(readings)
    }

    pub(crate) fn forget(&self, policy: &Policy, subject: &Subject) {
        let mut standing = self.held();
        standing.by_key.remove(&policy.entity().key(subject));
    }

    fn held(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn note(&mut self, key: Key, refusal: Refusal, now: Instant) {
        if MOST <= self.by_key.len() && !self.by_key.contains_key(&key) {
            // A search looks at every refusal, so a memory that stays full is not searched at every call.
            if self.searched_at.is_some_and(|last| now < last + SEARCH_EVERY) {
                return;
            }
            self.searched_at = Some(now);
            self.by_key.retain(|_, refusal| refusal.after(now).is_some());
            if MOST <= self.by_key.len() {
                return;
            }
        }
        let kept = self.by_key.entry(key).or_insert(refusal);
        let says_more = kept.cost < refusal.cost && kept.rule == refusal.rule && kept.after(now).is_some();
        if !says_more {
            *kept = refusal;
        }
    }
}

impl Refusal {
    /// What it says now; none when it has ended.
    fn after(&self, now: Instant) -> Option<Reading> {
        let elapsed = now.saturating_duration_since(self.at);
        let wait = self.reading.retry_after?.checked_sub(elapsed).filter(|wait| !wait.is_zero())?;
        Some(Reading {
            reset_after: self.reading.reset_after.saturating_sub(elapsed),
            retry_after: Some(wait),
            at: self.reading.at.saturating_add(micros(elapsed)),
            ..self.reading
        })
    }
}

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.held().by_key.len();
        f.debug_struct("Refusals").field("standing", &standing).finish()
    }
}

#[cfg(test)]
mod tests;
