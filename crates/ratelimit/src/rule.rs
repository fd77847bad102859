//! Rules: the arithmetic of a policy, in whole microseconds, the same here as in the scripts.

use std::{sync::Arc, time::Duration};

use redstart_connection::Timestamp;

use crate::{
    Policy,
    burst::Burst,
    window::{Log, Window},
};

/// Up to this limit each hit has its own stamp; above it, hits of one grain share a stamp.
const EXACT_LIMIT: u32 = 128;
/// Into how many grains the period of a larger limit is cut.
const GRAINS: u64 = 64;
/// 100 years: a moment plus this is still exact in a Lua number.
const LONGEST_SPAN: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;

/// How a limiter counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rule {
    Window(Window),
    Burst(Burst),
}

/// What is kept of a limiter between calls.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Log(Arc<Log>),
    /// The moment at which the burst is full again.
    Full(u64),
}

/// What a limiter has left.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// How many more are admitted now.
    pub remaining: u32,
    /// Time until nothing is used any more.
    pub reset_after: Duration,
    /// Time until the same call would be admitted; none if it was.
    pub retry_after: Option<Duration>,
}

/// What charging a limiter would do.
pub(crate) struct Trial {
    /// What is left as long as nothing is charged.
    pub(crate) before: Reading,
    pub(crate) verdict: Result<Charged, Refused>,
}

pub(crate) struct Charged {
    pub(crate) after: Reading,
    pub(crate) state: State,
}

pub(crate) struct Refused {
    pub(crate) wait: u64,
    /// What must be written although nothing is charged, because the kept state lies ahead of the clock.
    pub(crate) repaired: Option<State>,
}

impl Rule {
    pub(crate) fn of(policy: &Policy) -> Self {
        let (limit, period) = (policy.limit(), micros(policy.period()));
        match policy.stated_burst() {
            Some(burst) => {
                // Rounded up, so that rounding never admits more than the rate.
                let interval = period.div_ceil(u64::from(limit).max(1));
                let most = u32::try_from(LONGEST_SPAN / interval).unwrap_or(u32::MAX);
                Self::Burst(Burst { size: if limit == 0 { 0 } else { burst.min(most) }, interval })
            }
            None if limit <= EXACT_LIMIT => Self::Window(Window { limit, period, grain: 1 }),
            None => Self::Window(Window { limit, period, grain: period.div_ceil(GRAINS) }),
        }
    }

    /// The most that can be had at once; a cost above it never can.
    pub(crate) const fn capacity(&self) -> u32 {
        match self {
            Self::Window(window) => window.limit,
            Self::Burst(burst) => burst.size,
        }
    }

    /// The time in which the whole capacity comes back.
    pub(crate) fn span(&self) -> Duration {
        Duration::from_micros(match self {
            Self::Window(window) => window.period,
            Self::Burst(burst) => burst.span(),
        })
    }

    /// Charges `cost`, which is at least 1 and at most the capacity, in thought.
    pub(crate) fn try_charge(&self, state: Option<&State>, cost: u32, now: u64) -> Trial {
        match (self, state) {
            (Self::Window(window), Some(State::Log(log))) => window.try_charge(log, cost, now),
            (Self::Burst(burst), Some(State::Full(full))) => burst.try_charge(Some(*full), cost, now),
            // What another algorithm left under this name counts as nothing.
            (Self::Window(window), _) => window.try_charge(&Log::default(), cost, now),
            (Self::Burst(burst), _) => burst.try_charge(None, cost, now),
        }
    }

    /// When `state` has become meaningless.
    pub(crate) fn expires_at(&self, state: &State) -> Timestamp {
        Timestamp::from_micros(match (self, state) {
            (Self::Window(window), State::Log(log)) => log.newest().saturating_add(window.period),
            (_, State::Log(log)) => log.newest(),
            (_, State::Full(full)) => *full,
        })
    }
}

impl Reading {
    pub(crate) const fn new(remaining: u32, reset_after: u64) -> Self {
        Self { remaining, reset_after: Duration::from_micros(reset_after), retry_after: None }
    }

    pub(crate) const fn refused(self, wait: u64) -> Self {
        Self { retry_after: Some(Duration::from_micros(wait)), ..self }
    }
}

impl Trial {
    /// What the caller of a refused or of an only imagined charge is told.
    pub(crate) fn reading(&self) -> Reading {
        match &self.verdict {
            Ok(_) => self.before,
            Err(refused) => self.before.refused(refused.wait),
        }
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
