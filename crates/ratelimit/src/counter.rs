//! One store that counts, whichever it is.

use std::{collections::HashMap, num::NonZeroU32, time::Duration};

use metrics::counter;
use redstart_connection::{Operation, Result, Store, Timestamp, names};
use redstart_keys::Ttl;

use crate::{
    Decision, LimitState, Policy, Reading, Source, Subject,
    deadline::Deadline,
    operations::{Block, Charge, Peek, Refund, Refunds, Reset, Take, TakeAll, TakeSome},
    policy::Patience,
    room,
    rule::Rule,
};

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// So many limits are compared with each other one by one; more are looked up by their hash.
const FEW: usize = 16;

/// A store and what its decisions are called after.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) store: Store,
    pub(crate) source: Source,
    pub(crate) least_ttl: Ttl,
    pub(crate) deadline: Deadline,
}

/// The charges of one call, each limiter once.
struct Charges {
    distinct: Vec<Charge>,
    /// For each limit that was asked, where among the distinct ones it is.
    places: Vec<usize>,
}

/// What the embedded store answered, and by which rule.
#[derive(Debug)]
pub(crate) struct Taken {
    rule: Rule,
    reading: Reading,
}

impl Taken {
    #[inline]
    pub(crate) const fn is_allowed(&self) -> bool {
        self.reading.retry_after.is_none()
    }

    /// When the store read its clock for it.
    #[inline]
    pub(crate) const fn read_at(&self) -> Timestamp {
        Timestamp::from_micros(self.reading.at)
    }
}

impl Counter {
    /// Charges one limit; a cost of zero is only imagined to be one.
    pub(crate) async fn take(&self, policy: &Policy, subject: &Subject, cost: u32) -> Result<Decision> {
        let (amount, imagined) = NonZeroU32::new(cost).map_or((ONE, true), |cost| (cost, false));
        let Some(charge) = Charge::new(policy, subject, amount) else {
            return Ok(too_large(policy));
        };
        let reading = if imagined {
            self.run(policy.patience(), &Peek::new(charge)).await?
        } else {
            self.run(policy.patience(), &Take::new(charge, self.least_ttl)).await?
        };
        Ok(Decision::one(self.source, LimitState::new(policy, reading, cost)))
    }

    /// As [`Counter::take`] on the embedded store, which answers at once; none where more is to be done.
    ///
    /// The future of a call that may go to a server is large, and to move it takes longer than such a step.
    // Always, and so what it calls for each decision: to hand on by memory what was just written there stalls.
    #[inline(always)]
    pub(crate) fn take_embedded(
        &self,
        policy: &Policy,
        subject: &Subject,
        cost: u32,
    ) -> Option<Result<Taken>> {
        if !self.store.is_memory() {
            return None;
        }
        let (cost, rule) = (NonZeroU32::new(cost)?, Rule::of(policy));
        if rule.capacity() < cost.get() {
            return None;
        }
        let key = policy.entity().key_in(room::take(), subject);
        let take = Take::new(Charge { key, rule, cost }, self.least_ttl);
        let reading = self.store.run_embedded(&take)?;
        room::leave(take.into_key());
        Some(reading.map(|reading| Taken { rule, reading }))
    }

    /// What `policy` decided by what the embedded store answered.
    #[inline(always)]
    pub(crate) fn decision(&self, policy: &Policy, Taken { rule, reading }: Taken, cost: u32) -> Decision {
        Decision::one(self.source, LimitState::by_rule(policy, &rule, reading, cost))
    }

    /// Charges as much of `cost` as there is.
    pub(crate) async fn take_some(&self, policy: &Policy, subject: &Subject, cost: u32) -> Result<Decision> {
        let most = NonZeroU32::new(cost.min(Rule::of(policy).capacity()));
        let Some(charge) = most.and_then(|cost| Charge::new(policy, subject, cost)) else {
            return Ok(too_large(policy));
        };
        let (taken, reading) = self.run(policy.patience(), &TakeSome::new(charge, self.least_ttl)).await?;
        Ok(Decision::one(self.source, LimitState::new(policy, reading, taken)))
    }

    /// Charges the cost to each of several limits, or to none; those on trial are asked after the others.
    pub(crate) async fn take_all(&self, limits: &[(&Policy, Subject)], cost: NonZeroU32) -> Result<Decision> {
        if !limits.iter().any(|(policy, _)| policy.is_on_trial()) {
            return self.take_enforced(limits, cost).await;
        }
        let enforced: Vec<_> = limits.iter().filter(|(policy, _)| !policy.is_on_trial()).cloned().collect();
        let decision = self.take_enforced(&enforced, cost).await?;
        let mut trials = Vec::new();
        for (place, (policy, subject)) in limits.iter().enumerate() {
            if policy.is_on_trial() {
                // A refused call is charged nowhere, so it is only imagined then.
                let cost = if decision.is_allowed() { cost.get() } else { 0 };
                let state = self.take(policy, subject, cost).await.ok();
                let state = state.and_then(|decision| decision.limits().first().copied());
                let unknown = || LimitState::new(policy, Reading::default(), 0);
                trials.push((place, state.unwrap_or_else(unknown)));
            }
        }
        Ok(decision.beside(trials))
    }

    async fn take_enforced(&self, limits: &[(&Policy, Subject)], cost: NonZeroU32) -> Result<Decision> {
        let Charges { mut distinct, places } = match Charges::of(limits, cost) {
            Ok(charges) => charges,
            Err(culprit) => {
                return Ok(Decision::too_large(limits.iter().map(|&(policy, _)| policy), culprit));
            }
        };
        // One answer is for all of them, so the least patient decides.
        let patience = limits.iter().map(|(policy, _)| policy.patience()).min().unwrap_or(Patience::Command);
        let readings: Vec<Reading> = match distinct.len() {
            0 => Vec::new(),
            1 => vec![self.run(patience, &Take::new(distinct.remove(0), self.least_ttl)).await?],
            _ => self.take_distinct(patience, distinct).await?,
        };
        let states = limits.iter().zip(places).map(|(&(policy, _), place)| {
            LimitState::new(policy, readings.get(place).copied().unwrap_or_default(), cost.get())
        });
        Ok(Decision::many(self.source, states.collect()))
    }

    /// Charges all limiters or none; takes back what only some of the slots have charged.
    async fn take_distinct(&self, patience: Patience, charges: Vec<Charge>) -> Result<Vec<Reading>> {
        let all = TakeAll::new(charges, self.least_ttl);
        let result = self.run(patience, &all).await;
        let charged = all.take_charged();
        if charged.is_empty() {
            return result;
        }
        match result {
            Ok(mut readings) => {
                let back: Vec<usize> = charged.iter().filter_map(|refund| all.place_of(refund)).collect();
                if let Ok(told) = self.take_back(charged).await {
                    for (place, reading) in back.into_iter().zip(told) {
                        readings[place] = reading;
                    }
                }
                Ok(readings)
            }
            Err(error) => {
                // The deadline is spent, and the caller has an answer to give.
                let counter = self.clone();
                let back = async move { drop(counter.take_back(charged).await) };
                self.store.tasks().spawn("limits taken back", back);
                Err(error)
            }
        }
    }

    pub(crate) async fn take_back(&self, refunds: Vec<Refund>) -> Result<Vec<Reading>> {
        let count = u64::try_from(refunds.len()).unwrap_or(u64::MAX);
        let result = self.run(Patience::Command, &Refunds::new(refunds, self.least_ttl)).await;
        let outcome = if result.is_ok() { "returned" } else { "unknown" };
        counter!(names::LIMIT_TAKEN_BACK, "outcome" => outcome).increment(count);
        result
    }

    /// Takes back what each of these was charged.
    pub(crate) async fn refund(
        &self,
        charged: impl Iterator<Item = (Policy, &Subject, LimitState)>,
    ) -> Result<()> {
        let refund = |(policy, subject, state): (Policy, &Subject, LimitState)| {
            let charge = Charge::new(&policy, subject, NonZeroU32::new(state.charged)?)?;
            Some(Refund::new(charge, &state.reading()))
        };
        let refunds: Vec<Refund> = charged.filter_map(refund).collect();
        if refunds.is_empty() { Ok(()) } else { self.take_back(refunds).await.map(drop) }
    }

    pub(crate) async fn block(&self, policy: &Policy, subject: &Subject, length: Duration) -> Result<()> {
        self.run(Patience::Command, &Block::new(policy, subject, length, self.least_ttl)).await.map(drop)
    }

    pub(crate) async fn reset(&self, policy: &Policy, subject: &Subject) -> Result<()> {
        self.run(Patience::Command, &Reset::new(policy, subject)).await
    }

    async fn run<O: Operation>(&self, patience: Patience, operation: &O) -> Result<O::Output> {
        self.deadline.run(patience, &self.store, operation).await
    }
}

/// Refuses a cost that can never be had; a policy on trial only says so.
fn too_large(policy: &Policy) -> Decision {
    if policy.is_on_trial() {
        let reading = Reading::uncounted(0, Some(Rule::of(policy).span()));
        return Decision::one(Source::Policy, LimitState::new(policy, reading, 0));
    }
    Decision::too_large([policy].into_iter(), 0)
}

impl Charges {
    /// Adds up what falls on the same limiter; else tells which limit can never give as much.
    fn of(limits: &[(&Policy, Subject)], cost: NonZeroU32) -> Result<Self, usize> {
        let mut charges =
            Self { distinct: Vec::with_capacity(limits.len()), places: Vec::with_capacity(limits.len()) };
        let mut known = HashMap::new();
        for (index, (policy, subject)) in limits.iter().enumerate() {
            let charge = Charge::new(policy, subject, cost).ok_or(index)?;
            let place = if limits.len() <= FEW {
                charges.distinct.iter().position(|other| other.is_same_limiter(&charge))
            } else {
                let first = *known.entry((charge.key.clone(), charge.rule)).or_insert(charges.distinct.len());
                (first < charges.distinct.len()).then_some(first)
            };
            match place {
                Some(place) => charges.distinct[place].raise(cost).ok_or(index)?,
                None => charges.distinct.push(charge),
            }
            charges.places.push(place.unwrap_or(charges.distinct.len() - 1));
        }
        Ok(charges)
    }
}
