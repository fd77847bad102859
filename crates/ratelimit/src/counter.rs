//! One store that counts, whichever it is.

use std::num::NonZeroU32;

use redstart_connection::{Result, Store};
use redstart_keys::Ttl;

use crate::{
    Decision, LimitState, Policy, Reading, Source, Subject,
    operations::{Charge, Peek, Reset, Take, TakeAll},
};

const ONE: NonZeroU32 = NonZeroU32::MIN;

/// A store and what its decisions are called after.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) store: Store,
    pub(crate) source: Source,
    pub(crate) least_ttl: Ttl,
}

/// The charges of one call, each limiter once.
struct Charges {
    distinct: Vec<Charge>,
    /// For each limit that was asked, where among the distinct ones it is.
    places: Vec<usize>,
}

impl Counter {
    /// Charges one limit; a cost of zero is only imagined to be one.
    pub(crate) async fn take(&self, policy: &Policy, subject: &Subject, cost: u32) -> Result<Decision> {
        let (cost, imagined) = NonZeroU32::new(cost).map_or((ONE, true), |cost| (cost, false));
        let Some(charge) = Charge::new(policy, subject, cost) else {
            return Ok(Decision::too_large([policy].into_iter(), 0));
        };
        let reading = if imagined {
            self.store.run(&Peek::new(charge)).await?
        } else {
            self.store.run(&Take::new(charge, self.least_ttl)).await?
        };
        Ok(Decision::one(self.source, policy, reading))
    }

    /// Charges one to each of several limits, or to none.
    pub(crate) async fn take_all(&self, limits: &[(&Policy, Subject)]) -> Result<Decision> {
        let Charges { mut distinct, places } = match Charges::of(limits) {
            Ok(charges) => charges,
            Err(culprit) => {
                return Ok(Decision::too_large(limits.iter().map(|&(policy, _)| policy), culprit));
            }
        };
        let readings: Vec<Reading> = match distinct.len() {
            0 => Vec::new(),
            1 => vec![self.store.run(&Take::new(distinct.remove(0), self.least_ttl)).await?],
            _ => self.store.run(&TakeAll::new(distinct, self.least_ttl)).await?,
        };
        let states = limits.iter().zip(places).map(|(&(policy, _), place)| {
            LimitState::new(policy, readings.get(place).copied().unwrap_or_default())
        });
        Ok(Decision::many(self.source, states.collect()))
    }

    pub(crate) async fn reset(&self, policy: &Policy, subject: &Subject) -> Result<()> {
        self.store.run(&Reset::new(policy, subject)).await
    }
}

impl Charges {
    /// Adds up what falls on the same limiter; else tells which limit can never give as much.
    fn of(limits: &[(&Policy, Subject)]) -> Result<Self, usize> {
        let mut charges =
            Self { distinct: Vec::with_capacity(limits.len()), places: Vec::with_capacity(limits.len()) };
        for (index, (policy, subject)) in limits.iter().enumerate() {
            let charge = Charge::new(policy, subject, ONE).ok_or(index)?;
            let place = charges.distinct.iter().position(|other| other.is_same_limiter(&charge));
            match place {
                Some(place) => charges.distinct[place].raise().ok_or(index)?,
                None => charges.distinct.push(charge),
            }
            charges.places.push(place.unwrap_or(charges.distinct.len() - 1));
        }
        Ok(charges)
    }
}
