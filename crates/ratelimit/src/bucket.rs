//! A token bucket that is refilled in steps: so many tokens at the end of each period.
//!
//! The steps are counted from the call that took the first token of a full bucket. In any time `t`
//! at most `size + refill × (t / period + 1)` are admitted, the division rounded down.

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Bucket {
    /// How many tokens there are at most.
    pub(crate) size: u32,
    /// How many come with each step.
    pub(crate) refill: u32,
    /// The microseconds between two steps.
    pub(crate) period: u64,
}

/// What is kept: the last step, and how many tokens were missing after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Level {
    pub(crate) stepped_at: u64,
    pub(crate) missing: u32,
}

/// The bucket with all the steps that have been since.
#[derive(Debug)]
pub(crate) struct LiveBucket {
    rule: Bucket,
    now: u64,
    level: Level,
}

impl Bucket {
    /// The bucket at `now`, and whether what is kept lay ahead of the clock or below the bottom.
    pub(crate) fn open(&self, stored: Option<Level>, now: u64) -> (LiveBucket, bool) {
        let stored = stored.unwrap_or(Level { stepped_at: now, missing: 0 });
        let (stepped_at, most) = (stored.stepped_at.min(now), stored.missing.min(self.size));
        let is_repaired = stepped_at < stored.stepped_at || most < stored.missing;
        let steps = (now - stepped_at) / self.period;
        let missing = u64::from(most).saturating_sub(steps.saturating_mul(u64::from(self.refill)));
        let missing = u32::try_from(missing).unwrap_or(most);
        let stepped_at = if missing == 0 { now } else { stepped_at + steps * self.period };
        (LiveBucket { rule: *self, now, level: Level { stepped_at, missing } }, is_repaired)
    }

    /// In how many microseconds from a step on so many tokens come back.
    pub(crate) fn time_for(&self, tokens: u32) -> u64 {
        u64::from(tokens.div_ceil(self.refill)).saturating_mul(self.period)
    }
}

impl LiveBucket {
    pub(crate) fn left(&self) -> u32 {
        self.rule.size - self.level.missing.min(self.rule.size)
    }

    pub(crate) fn reset_after(&self) -> u64 {
        self.wait_for_tokens(self.level.missing)
    }

    pub(crate) fn wait_for(&self, cost: u32) -> u64 {
        self.wait_for_tokens(cost.saturating_sub(self.left()))
    }

    pub(crate) fn charge(&mut self, cost: u32) {
        self.level.missing = self.level.missing.saturating_add(cost);
    }

    /// Takes back a charge after which `missing` were missing and the bucket was to be full at `until`.
    ///
    /// What of it has come back by itself since then is not given twice.
    pub(crate) fn refund(&mut self, cost: u32, until: u64, missing: u32) {
        let steps_left = until.saturating_sub(self.now).div_ceil(self.rule.period);
        let steps_done = u64::from(missing.div_ceil(self.rule.refill)).saturating_sub(steps_left);
        let come_back = steps_done.saturating_mul(u64::from(self.rule.refill));
        let outstanding = u64::from(missing).saturating_sub(come_back);
        let outstanding = if steps_left == 0 { 0 } else { u32::try_from(outstanding).unwrap_or(missing) };
        self.level.missing = self.level.missing.saturating_sub(cost.min(outstanding));
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    fn wait_for_tokens(&self, tokens: u32) -> u64 {
        if tokens == 0 {
            return 0;
        }
        (self.level.stepped_at + self.rule.time_for(tokens)).saturating_sub(self.now)
    }
}

impl Level {
    /// Reads what the script wrote, after its first letter.
    pub(crate) fn decode(packed: &[u8]) -> Option<Self> {
        let (stepped_at, missing) = packed.split_first_chunk()?;
        Some(Self {
            stepped_at: u64::from_be_bytes(*stepped_at),
            missing: u32::from_be_bytes(missing.try_into().ok()?),
        })
    }
}
