//! A steady rate with a burst: the generic cell rate algorithm.
//!
//! All state is one moment: when the burst will be full again. A call moves it on by its cost; one
//! that would move it further ahead of now than the whole burst takes to fill is refused.

use crate::rule::{Charged, Reading, Refused, State, Trial};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Burst {
    /// How many may be taken at once.
    pub(crate) size: u32,
    /// In how many microseconds one comes back.
    pub(crate) interval: u64,
}

impl Burst {
    /// The microseconds in which an empty limiter fills up.
    pub(crate) fn span(&self) -> u64 {
        self.interval.saturating_mul(u64::from(self.size))
    }

    /// What `cost` takes of the span.
    pub(crate) fn charge(&self, cost: u32) -> u64 {
        self.interval.saturating_mul(u64::from(cost))
    }

    /// What is left when the limiter is full again after `ahead` microseconds.
    pub(crate) fn reading(&self, ahead: u64) -> Reading {
        let left = self.span().saturating_sub(ahead) / self.interval;
        Reading::new(u32::try_from(left).unwrap_or(self.size), ahead)
    }

    pub(crate) fn try_charge(&self, stored: Option<u64>, cost: u32, now: u64) -> Trial {
        let ceiling = now.saturating_add(self.span());
        let full = stored.unwrap_or(0).max(now).min(ceiling);
        let next = full.saturating_add(self.charge(cost));
        let before = self.reading(full - now);
        if ceiling < next {
            let ahead = stored.is_some_and(|stored| ceiling < stored);
            let repaired = ahead.then_some(State::Full(ceiling));
            return Trial { before, verdict: Err(Refused { wait: next - ceiling, repaired }) };
        }
        let charged = Charged { after: self.reading(next - now), state: State::Full(next) };
        Trial { before, verdict: Ok(charged) }
    }
}
