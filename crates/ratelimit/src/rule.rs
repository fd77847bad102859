//! Rules: the arithmetic of a policy, in whole microseconds, the same here as in the scripts.

use std::time::Duration;

use crate::{Policy, bucket::Bucket, burst::Burst, fixed::Fixed, policy::Algorithm, window::Window};

/// Up to this limit each hit has its own stamp; above it, hits of one grain share a stamp.
const EXACT_LIMIT: u32 = 128;
/// Into how many grains the period of a larger limit is cut.
const GRAINS: u64 = 64;
/// 100 years: a moment plus this is still exact in a Lua number.
const LONGEST_SPAN: u64 = 100 * 365 * 24 * 60 * 60 * 1_000_000;

/// How a limiter counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Rule {
    Window(Window),
    Burst(Burst),
    Fixed(Fixed),
    Bucket(Bucket),
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
    /// When it was read, in microseconds of the clock that counts; zero if nobody counted.
    pub(crate) at: u64,
}

impl Rule {
    #[inline(always)]
    pub(crate) fn of(policy: &Policy) -> Self {
        let (limit, period) = (policy.limit(), micros(policy.period()));
        // Rounded up, so that rounding never admits more than the rate.
        let interval = period.div_ceil(u64::from(limit).max(1));
        let at_most = |size: u32, most: u64| {
            if limit == 0 { 0 } else { size.min(u32::try_from(most).unwrap_or(u32::MAX)) }
        };
        let lent = micros(policy.lease_time());
        match policy.algorithm() {
            Algorithm::Burst(burst) => {
                // What is lent may be spent this much later, so as much less may be had at once.
                let late = if lent == 0 { 0 } else { lent.div_ceil(interval) };
                let size = burst.saturating_sub(u32::try_from(late).unwrap_or(u32::MAX));
                // Hardly any fills up for so long, and a division costs more than this.
                let is_longest = LONGEST_SPAN < interval.saturating_mul(u64::from(size));
                let most = if is_longest { LONGEST_SPAN / interval } else { u64::MAX };
                Self::Burst(Burst { size: at_most(size, most), interval })
            }
            Algorithm::Fixed => Self::Fixed(Fixed { limit, period }),
            Algorithm::Bucket(size) => {
                let refill = limit.max(1);
                let most = (LONGEST_SPAN / period).saturating_mul(u64::from(refill));
                Self::Bucket(Bucket { size: at_most(size, most), refill, period })
            }
            Algorithm::Window => {
                let grain = if limit <= EXACT_LIMIT { 1 } else { period.div_ceil(GRAINS) };
                // What is lent may be spent this much later, so it leaves the window as much later. In whole
                // grains, so that entries leave where a grain begins.
                let period = period.saturating_add(lent).div_ceil(grain) * grain;
                Self::Window(Window { limit, period, grain })
            }
        }
    }

    /// The most that can be had at once; a cost above it never can.
    pub(crate) const fn capacity(&self) -> u32 {
        match self {
            Self::Window(window) => window.limit,
            Self::Burst(burst) => burst.size,
            Self::Fixed(fixed) => fixed.limit,
            Self::Bucket(bucket) => bucket.size,
        }
    }

    /// The time in which the whole capacity comes back.
    #[inline]
    pub(crate) fn span(&self) -> Duration {
        Duration::from_micros(match self {
            Self::Window(window) => window.period,
            Self::Burst(burst) => burst.span(),
            Self::Fixed(fixed) => fixed.period,
            Self::Bucket(bucket) => bucket.time_for(bucket.size),
        })
    }

    pub(crate) const fn period(&self) -> u64 {
        match self {
            Self::Window(Window { period, .. })
            | Self::Fixed(Fixed { period, .. })
            | Self::Bucket(Bucket { period, .. })
            | Self::Burst(Burst { interval: period, .. }) => *period,
        }
    }
}

impl Reading {
    pub(crate) const fn new(at: u64, remaining: u32, reset_after: u64) -> Self {
        Self { remaining, reset_after: Duration::from_micros(reset_after), retry_after: None, at }
    }

    /// A reading that nobody took: by the policy alone.
    pub(crate) const fn uncounted(remaining: u32, retry_after: Option<Duration>) -> Self {
        Self { remaining, reset_after: Duration::ZERO, retry_after, at: 0 }
    }

    /// Refused if there is anything to wait for.
    pub(crate) const fn or_wait(self, wait: u64) -> Self {
        let retry_after = if wait == 0 { None } else { Some(Duration::from_micros(wait)) };
        Self { retry_after, ..self }
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
