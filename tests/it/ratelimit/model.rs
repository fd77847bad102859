//! What a limiter should answer, as plainly as it can be said: histories and fractions, no tricks.

use std::collections::HashMap;

/// One policy, as the model understands it; times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Every call within the last period counts, those of one grain from its end on.
    Window { limit: u64, period: u64, grain: u64 },
    /// Tokens come back one by one, each after an interval.
    Burst { size: u64, interval: u64 },
    /// All calls since the first one of a period count until it ends.
    Fixed { limit: u64, period: u64 },
    /// Tokens come back several at once, at the end of each period.
    Bucket { size: u64, refill: u64, period: u64 },
}

/// What is done to a limiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Take(u64),
    TakeSome(u64),
    Peek(u64),
    Refund { cost: u64, until: u64, used: u64 },
    Block(u64),
}

/// Remaining, microseconds until nothing is in use, microseconds to wait, charged.
pub(crate) type Told = (u64, u64, u64, u64);

/// What is remembered of each limiter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model(HashMap<(usize, u64), Memory>);

#[derive(Clone, Debug, Default)]
struct Memory {
    /// Until when, and for how long it was spoken.
    block: Option<(u64, u64)>,
    count: Option<Count>,
}

#[derive(Clone, Debug, PartialEq)]
enum Count {
    /// The moments at which calls count, oldest first, each by itself.
    Calls(Vec<u64>),
    /// So many tokens were missing at a moment, and one came back in each interval.
    Missing {
        tokens: Ratio,
        at: u64,
        interval: u64,
    },
    Fixed {
        ends: u64,
        used: u64,
    },
    Steps {
        last: u64,
        missing: u64,
    },
}

impl Model {
    /// Does a step at `now`; answers what the limiter should.
    pub(crate) fn step(&mut self, limiter: (usize, u64), kind: Kind, step: Step, now: u64) -> Told {
        let kept = self.0.entry(limiter).or_default();
        let mut memory = kept.clone();
        let ahead = memory.catch_up(kind, now);
        let (charged, writes) = match step {
            Step::Peek(_) => (0, false),
            Step::Take(cost) if memory.wait(kind, cost, now) == 0 => (memory.charge(kind, cost, now), true),
            Step::TakeSome(cost) if 0 < memory.left(kind, now) => {
                (memory.charge(kind, cost.min(memory.left(kind, now)), now), true)
            }
            Step::Take(_) | Step::TakeSome(_) => (0, ahead),
            Step::Refund { cost, until, used } => {
                memory.refund(kind, cost, until, used, now);
                (0, true)
            }
            Step::Block(length) => {
                let longer = memory.block.is_none_or(|(until, _)| until < now + length) && 0 < length;
                memory.block = if longer { Some((now + length, length)) } else { memory.block };
                (0, true)
            }
        };
        let wait = match step {
            Step::Take(cost) | Step::Peek(cost) if charged == 0 => memory.wait(kind, cost, now),
            Step::TakeSome(_) if charged == 0 => memory.wait(kind, 1, now),
            _ => 0,
        };
        let told = (memory.left(kind, now), memory.reset(kind, now), wait, charged);
        if writes {
            *kept = memory;
        }
        told
    }
}

impl Memory {
    /// Forgets what is past, and has what lies ahead of the clock happen now; answers whether anything did.
    fn catch_up(&mut self, kind: Kind, now: u64) -> bool {
        self.block = self.block.filter(|(until, _)| now < *until);
        let clamped = self.block.map(|(until, length)| (until.min(now + length), length));
        let mut ahead = clamped != self.block;
        self.block = clamped;
        let count = match (kind, self.count.take()) {
            (Kind::Window { period, grain, .. }, Some(Count::Calls(mut calls))) => {
                let latest = end_of_grain(now, grain);
                ahead |= calls.iter().any(|call| latest < *call);
                // What had left the window does not come back when the clock steps back.
                let newest = calls.last().map_or(0, |call| call - late(grain));
                calls.retain(|call| now.max(newest) < call + period);
                Count::Calls(calls.into_iter().map(|call| call.min(latest)).collect())
            }
            (Kind::Window { .. }, _) => Count::Calls(Vec::new()),
            (Kind::Burst { size, interval }, Some(Count::Missing { tokens, at, interval: before })) => {
                // A token that was missing took as long to come back as one took then.
                let time = tokens.times(before);
                let left = time.minus(i128::from(now) - i128::from(at));
                let tokens = left.over(interval);
                ahead |= Ratio::whole(size).is_below(tokens);
                let tokens = if tokens.is_below(Ratio::whole(0)) { Ratio::whole(0) } else { tokens };
                let tokens = if Ratio::whole(size).is_below(tokens) { Ratio::whole(size) } else { tokens };
                Count::Missing { tokens, at: now, interval }
            }
            (Kind::Burst { interval, .. }, _) => {
                Count::Missing { tokens: Ratio::whole(0), at: now, interval }
            }
            (Kind::Fixed { period, .. }, Some(Count::Fixed { ends, used })) if now < ends => {
                ahead |= now + period < ends;
                Count::Fixed { ends: ends.min(now + period), used }
            }
            (Kind::Fixed { period, .. }, _) => Count::Fixed { ends: now + period, used: 0 },
            (Kind::Bucket { size, refill, period }, Some(Count::Steps { mut last, mut missing })) => {
                ahead |= now < last || size < missing;
                (last, missing) = (last.min(now), missing.min(size));
                while 0 < missing && last + period <= now {
                    (last, missing) = (last + period, missing.saturating_sub(refill));
                }
                Count::Steps { last: if missing == 0 { now } else { last }, missing }
            }
            (Kind::Bucket { .. }, _) => Count::Steps { last: now, missing: 0 },
        };
        self.count = Some(count);
        ahead
    }

    fn left(&self, kind: Kind, now: u64) -> u64 {
        if self.blocked_for(now) > 0 {
            return 0;
        }
        match (kind, &self.count) {
            (Kind::Window { limit, .. }, Some(Count::Calls(calls))) => {
                limit.saturating_sub(u64::try_from(calls.len()).unwrap())
            }
            (Kind::Burst { size, .. }, Some(Count::Missing { tokens, .. })) => size - tokens.rounded_up(),
            (Kind::Fixed { limit, .. }, Some(Count::Fixed { used, .. })) => limit.saturating_sub(*used),
            (Kind::Bucket { size, .. }, Some(Count::Steps { missing, .. })) => size.saturating_sub(*missing),
            _ => unreachable!("it has caught up"),
        }
    }

    fn reset(&self, kind: Kind, now: u64) -> u64 {
        let counted =
            match (kind, &self.count) {
                (Kind::Window { period, .. }, Some(Count::Calls(calls))) => {
                    calls.last().map_or(0, |call| call + period - now)
                }
                (Kind::Burst { interval, .. }, Some(Count::Missing { tokens, .. })) => {
                    tokens.times(interval).rounded_up()
                }
                (_, Some(Count::Fixed { ends, used })) => {
                    if *used == 0 {
                        0
                    } else {
                        ends - now
                    }
                }
                (Kind::Bucket { refill, period, .. }, Some(Count::Steps { last, missing })) => {
                    if *missing == 0 { 0 } else { last + missing.div_ceil(refill) * period - now }
                }
                _ => unreachable!("it has caught up"),
            };
        counted.max(self.blocked_for(now))
    }

    fn wait(&self, kind: Kind, cost: u64, now: u64) -> u64 {
        let counted = match (kind, &self.count) {
            (Kind::Window { limit, period, .. }, Some(Count::Calls(calls))) => {
                let used = u64::try_from(calls.len()).unwrap();
                match (used + cost).saturating_sub(limit) {
                    0 => 0,
                    missing => calls[usize::try_from(missing).unwrap() - 1] + period - now,
                }
            }
            (Kind::Burst { size, interval }, Some(Count::Missing { tokens, .. })) => {
                let over = tokens.plus(cost).minus(size.into());
                if over.is_below(Ratio::whole(0)) { 0 } else { over.times(interval).rounded_up() }
            }
            (Kind::Fixed { limit, .. }, Some(Count::Fixed { ends, used })) => {
                if used + cost <= limit {
                    0
                } else {
                    ends - now
                }
            }
            (Kind::Bucket { size, refill, period }, Some(Count::Steps { last, missing })) => {
                match (missing + cost).saturating_sub(size) {
                    0 => 0,
                    tokens => last + tokens.div_ceil(refill) * period - now,
                }
            }
            _ => unreachable!("it has caught up"),
        };
        counted.max(self.blocked_for(now))
    }

    fn charge(&mut self, kind: Kind, cost: u64, now: u64) -> u64 {
        match (kind, &mut self.count) {
            (Kind::Window { grain, .. }, Some(Count::Calls(calls))) => {
                calls.extend((0..cost).map(|_| end_of_grain(now, grain)));
            }
            (_, Some(Count::Missing { tokens, .. })) => *tokens = tokens.plus(cost),
            (_, Some(Count::Fixed { used, .. })) => *used += cost,
            (_, Some(Count::Steps { missing, .. })) => *missing += cost,
            _ => unreachable!("it has caught up"),
        }
        cost
    }

    fn refund(&mut self, kind: Kind, cost: u64, until: u64, used_then: u64, now: u64) {
        match (kind, &mut self.count) {
            (_, Some(Count::Calls(calls))) if now < until => {
                calls.drain(..usize::try_from(cost).unwrap().min(calls.len()));
            }
            (_, Some(Count::Calls(_))) => {}
            (Kind::Burst { interval, .. }, Some(Count::Missing { tokens, .. })) => {
                let outstanding = Ratio::whole(until.saturating_sub(now)).over(interval);
                let mut back = Ratio::whole(cost);
                for most in [outstanding, *tokens] {
                    back = if most.is_below(back) { most } else { back };
                }
                *tokens = tokens.less(back);
            }
            (_, Some(Count::Fixed { ends, used })) => {
                *used = if until == *ends { used.saturating_sub(cost) } else { *used };
            }
            (Kind::Bucket { refill, period, .. }, Some(Count::Steps { missing, .. })) => {
                // Back from the end, step by step, to what is still missing of that time.
                let mut to_come = until.saturating_sub(now).div_ceil(period);
                let steps = used_then.div_ceil(refill);
                let mut outstanding = if to_come == 0 { 0 } else { used_then };
                while 0 < outstanding && to_come < steps {
                    (outstanding, to_come) = (outstanding.saturating_sub(refill), to_come + 1);
                }
                *missing = missing.saturating_sub(cost.min(outstanding));
            }
            _ => unreachable!("it has caught up"),
        }
    }

    fn blocked_for(&self, now: u64) -> u64 {
        self.block.map_or(0, |(until, _)| until.saturating_sub(now))
    }
}

fn end_of_grain(now: u64, grain: u64) -> u64 {
    now - now % grain + late(grain)
}

/// How much later than it happened a call counts at most.
fn late(grain: u64) -> u64 {
    if grain == 1 { 0 } else { grain }
}

/// A fraction, exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    above: i128,
    below: i128,
}

impl Ratio {
    fn whole(number: u64) -> Self {
        Self { above: number.into(), below: 1 }
    }

    fn reduced(above: i128, below: i128) -> Self {
        let (mut left, mut right) = (above.abs(), below);
        while right != 0 {
            (left, right) = (right, left % right);
        }
        let divisor = left.max(1);
        Self { above: above / divisor, below: below / divisor }
    }

    fn plus(self, number: u64) -> Self {
        Self::reduced(self.above + i128::from(number) * self.below, self.below)
    }

    fn minus(self, number: i128) -> Self {
        Self::reduced(self.above - number * self.below, self.below)
    }

    fn less(self, other: Self) -> Self {
        Self::reduced(self.above * other.below - other.above * self.below, self.below * other.below)
    }

    fn times(self, number: u64) -> Self {
        Self::reduced(self.above * i128::from(number), self.below)
    }

    fn over(self, number: u64) -> Self {
        Self::reduced(self.above, self.below * i128::from(number))
    }

    fn is_below(self, other: Self) -> bool {
        self.above * other.below < other.above * self.below
    }

    fn rounded_up(self) -> u64 {
        u64::try_from((self.above + self.below - 1).div_euclid(self.below)).unwrap()
    }
}
