//! A steady rate with a burst: the generic cell rate algorithm.
//!
//! All state is one moment: when the burst will be full again. A call moves it on by its cost; one
//! that would move it further ahead of now than the whole burst takes to fill is refused.

use crate::rule::Reading;

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Burst {
    /// How many may be taken at once.
    pub(crate) size: u32,
    /// In how many microseconds one comes back.
    pub(crate) interval: u64,
}

/// How full the burst is now.
#[derive(Debug)]
pub(crate) struct LiveBurst {
    rule: Burst,
    now: u64,
    /// When the burst is full again.
    full: u64,
}

impl Burst {
    /// The microseconds in which an empty limiter fills up.
    #[inline]
    pub(crate) fn span(&self) -> u64 {
        self.interval.saturating_mul(u64::from(self.size))
    }

    /// What `cost` takes of the span.
    #[inline]
    pub(crate) fn charge(&self, cost: u32) -> u64 {
        self.interval.saturating_mul(u64::from(cost))
    }

    /// What is left at `now` when the limiter is full again after `ahead` microseconds.
    #[inline]
    pub(crate) fn reading(&self, now: u64, ahead: u64) -> Reading {
        Reading::new(now, self.left(ahead), ahead)
    }

    /// The burst at `now`, and whether what is kept lay further ahead than there is.
    #[inline]
    pub(crate) fn open(&self, stored: Option<u64>, now: u64) -> (LiveBurst, bool) {
        let ceiling = now.saturating_add(self.span());
        let full = stored.unwrap_or(0).max(now).min(ceiling);
        (LiveBurst { rule: *self, now, full }, stored.is_some_and(|stored| ceiling < stored))
    }

    #[inline]
    fn left(&self, ahead: u64) -> u32 {
        u32::try_from(self.span().saturating_sub(ahead) / self.interval).unwrap_or(self.size)
    }
}

impl LiveBurst {
    #[inline]
    pub(crate) fn left(&self) -> u32 {
        self.rule.left(self.reset_after())
    }

    #[inline]
    pub(crate) fn reset_after(&self) -> u64 {
        self.full - self.now
    }

    #[inline]
    pub(crate) fn wait_for(&self, cost: u32) -> u64 {
        let next = self.reset_after().saturating_add(self.rule.charge(cost));
        next.saturating_sub(self.rule.span())
    }

    #[inline]
    pub(crate) fn charge(&mut self, cost: u32) {
        self.full = self.full.saturating_add(self.rule.charge(cost));
    }

    /// Takes back a charge after which the burst was to be full at `until`.
    ///
    /// What of it has come back by itself since then is not given twice.
    pub(crate) fn refund(&mut self, cost: u32, until: u64) {
        let outstanding = until.saturating_sub(self.now);
        self.full -= self.rule.charge(cost).min(outstanding).min(self.reset_after());
    }

    #[inline]
    pub(crate) fn full(&self) -> u64 {
        self.full
    }
}
