//! What is counted of each policy's decisions: the metric, and how much comes from its outage rule.

use std::{
    collections::HashMap,
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use metrics::Counter;
use redstart_connection::{Clock, Timestamp, names};

use crate::{Decision, LimitState, Source, Verdict, outages::Minute};

const VERDICTS: usize = 5;
const SOURCES: usize = 8;
/// So many policies are found without hashing their names.
const PLACES: usize = 64;

/// The tallies of all policies of a limiter.
#[derive(Debug)]
pub(crate) struct Tallies {
    started: (Instant, Timestamp),
    /// By where a name lies, in the order in which they came: a few are sooner looked through than one is
    /// hashed, and nobody waits for anybody.
    by_place: [OnceLock<(&'static str, Arc<Tally>)>; PLACES],
    /// By the name itself, of which the compiler may have made several copies.
    by_name: Mutex<HashMap<&'static str, Arc<Tally>>>,
}

/// The tally of one policy.
#[derive(Default)]
struct Tally {
    minute: Minute,
    /// Looking a counter up by its labels costs more than counting, so each is kept.
    counters: [[OnceLock<Counter>; SOURCES]; VERDICTS],
}

/// A verdict as the metric tells it, of one limit among several.
#[derive(Clone, Copy, Debug)]
enum Told {
    Allowed,
    Refused,
    TooLarge,
    WouldRefuse,
    /// It refused nothing in a call that another refused, and was not charged.
    Spared,
}

impl Tallies {
    pub(crate) fn new(clock: &Clock) -> Self {
        let started = (clock.instant(), clock.now());
        Self { started, by_place: [const { OnceLock::new() }; PLACES], by_name: Mutex::default() }
    }

    /// Counts a decision, and warns where much comes from an outage rule.
    ///
    /// The recorder of metrics must be installed before the first decision: until then counters lead nowhere.
    pub(crate) fn count(&self, decision: &Decision, now: Instant) {
        self.count_after(decision, now.saturating_duration_since(self.started.0));
    }

    /// As [`Tallies::count`], by the clock of what is stored.
    #[inline]
    pub(crate) fn count_at(&self, decision: &Decision, now: Timestamp) {
        self.count_after(decision, now.since(self.started.1));
    }

    /// Counts one limit that refused nothing, by the clock of what is stored.
    #[inline(always)]
    pub(crate) fn count_allowed(&self, policy: &'static str, source: Source, now: Timestamp) {
        self.count_one(policy, Told::Allowed, source, now.since(self.started.1).as_secs());
    }

    fn count_after(&self, decision: &Decision, elapsed: Duration) {
        let (source, seconds) = (decision.source(), elapsed.as_secs());
        for limit in decision.limits() {
            self.count_one(limit.policy, Told::of(limit, decision), source, seconds);
        }
    }

    #[inline(always)]
    fn count_one(&self, policy: &'static str, told: Told, source: Source, seconds: u64) {
        match self.known(policy) {
            Some(tally) => tally.count(policy, told, source, seconds),
            None => self.learn(policy).count(policy, told, source, seconds),
        }
    }

    /// The tally of a policy whose name lies where one lay before.
    #[inline]
    fn known(&self, policy: &'static str) -> Option<&Tally> {
        let mut known = self.by_place.iter().map_while(OnceLock::get);
        known.find(|(name, _)| ptr::eq(*name, policy)).map(|(_, tally)| &**tally)
    }

    #[cold]
    fn learn(&self, policy: &'static str) -> Arc<Tally> {
        let tally = {
            let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(by_name.entry(policy).or_default())
        };
        // The first free place; where there is none, the name is hashed each time.
        let _taken = self.by_place.iter().find(|place| place.set((policy, Arc::clone(&tally))).is_ok());
        tally
    }
}

impl Tally {
    #[inline(always)]
    fn count(&self, policy: &'static str, told: Told, source: Source, seconds: u64) {
        let (verdict, place) = told.name();
        let counter = &self.counters[place][source.place()];
        let known = counter.get();
        known.unwrap_or_else(|| counter.get_or_init(|| counter_of(policy, verdict, source))).increment(1);
        self.minute.count_at(policy, seconds, source.is_outage());
    }
}

#[cold]
fn counter_of(policy: &'static str, verdict: &'static str, source: Source) -> Counter {
    let labels = [("policy", policy), ("verdict", verdict), ("source", source.name())];
    metrics::counter!(names::LIMIT_DECISIONS, &labels)
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("minute", &self.minute).finish_non_exhaustive()
    }
}

impl Told {
    #[inline]
    fn of(limit: &LimitState, decision: &Decision) -> Self {
        let refused = limit.retry_after.is_some();
        match decision.verdict() {
            _ if limit.is_on_trial && refused => Self::WouldRefuse,
            Verdict::Allowed => Self::Allowed,
            _ if !refused && Some(limit.policy) != decision.refused_by() => Self::Spared,
            Verdict::Refused => Self::Refused,
            Verdict::TooLarge => Self::TooLarge,
        }
    }

    /// The label, and the place among the counters.
    const fn name(self) -> (&'static str, usize) {
        match self {
            Self::Allowed => ("allowed", 0),
            Self::Refused => ("refused", 1),
            Self::TooLarge => ("too_large", 2),
            Self::WouldRefuse => ("would_refuse", 3),
            Self::Spared => ("spared", 4),
        }
    }
}

impl Source {
    /// Whether the policy's outage rule answered.
    const fn is_outage(self) -> bool {
        matches!(self, Self::Standby | Self::Overflow | Self::Unavailable)
    }

    /// The place among the counters.
    const fn place(self) -> usize {
        match self {
            Self::Redis => 0,
            Self::Memory => 1,
            Self::DenyCache => 2,
            Self::Lease => 3,
            Self::Standby => 4,
            Self::Overflow => 5,
            Self::Unavailable => 6,
            Self::Policy => 7,
        }
    }
}

#[cfg(test)]
mod tests;
