//! Accounts: what a limiter has counted, opened at a moment to be looked at and changed.

use std::sync::Arc;

use redstart_connection::Timestamp;

use crate::{
    bucket::{Level, LiveBucket},
    burst::LiveBurst,
    fixed::{LiveFixed, Span},
    rule::{Reading, Rule},
    window::{LiveWindow, Log},
};

/// What is kept of a limiter between calls.
#[derive(Clone, Debug)]
pub(crate) struct State {
    block: Option<Block>,
    counted: Counted,
}

#[derive(Clone, Debug)]
enum Counted {
    Nothing,
    Log(Arc<Log>),
    /// The moment at which the burst is full again.
    Full(u64),
    Span(Span),
    Level(Level),
}

/// Until when everything is refused, whatever was counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Block {
    until: u64,
    /// For how long it was spoken, so that a clock that steps back does not make it longer.
    length: u64,
}

/// A limiter at a moment.
#[derive(Debug)]
pub(crate) struct Account {
    now: u64,
    rule: Rule,
    live: Live,
    block: Option<Block>,
    is_repaired: bool,
}

#[derive(Debug)]
enum Live {
    Window(LiveWindow),
    Burst(LiveBurst),
    Fixed(LiveFixed),
    Bucket(LiveBucket),
}

/// What is known of a charge that is to be taken back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Receipt {
    pub(crate) cost: u32,
    /// When all that was in use after the charge will have come back by itself.
    pub(crate) until: u64,
    /// How much was in use after the charge.
    pub(crate) used: u32,
}

impl Account {
    #[inline(always)]
    pub(crate) fn open(rule: &Rule, state: Option<&State>, now: u64) -> Self {
        let counted = state.map(|state| &state.counted);
        // What another algorithm left under this name counts as nothing.
        let (live, is_ahead) = match (rule, counted) {
            (Rule::Window(window), Some(Counted::Log(log))) => live(Live::Window, window.open(log, now)),
            (Rule::Window(window), _) => live(Live::Window, window.open(&Log::default(), now)),
            (Rule::Burst(burst), Some(Counted::Full(full))) => {
                live(Live::Burst, burst.open(Some(*full), now))
            }
            (Rule::Burst(burst), _) => live(Live::Burst, burst.open(None, now)),
            (Rule::Fixed(fixed), Some(Counted::Span(span))) => {
                live(Live::Fixed, fixed.open(Some(*span), now))
            }
            (Rule::Fixed(fixed), _) => live(Live::Fixed, fixed.open(None, now)),
            (Rule::Bucket(bucket), Some(Counted::Level(level))) => {
                live(Live::Bucket, bucket.open(Some(*level), now))
            }
            (Rule::Bucket(bucket), _) => live(Live::Bucket, bucket.open(None, now)),
        };
        let stored = state.and_then(|state| state.block).filter(|block| now < block.until);
        let block =
            stored.map(|block| Block { until: block.until.min(now.saturating_add(block.length)), ..block });
        Self { now, rule: *rule, live, block, is_repaired: is_ahead || block != stored }
    }

    /// Whether what is kept must be written even if nothing is charged: it lies ahead of the clock, and
    /// left as it is it would refuse for as long.
    pub(crate) const fn is_repaired(&self) -> bool {
        self.is_repaired
    }

    #[inline]
    pub(crate) fn left(&self) -> u32 {
        match (&self.live, self.block) {
            (_, Some(_)) => 0,
            (Live::Window(window), None) => window.left(),
            (Live::Burst(burst), None) => burst.left(),
            (Live::Fixed(fixed), None) => fixed.left(),
            (Live::Bucket(bucket), None) => bucket.left(),
        }
    }

    /// The microseconds until `cost`, which is at most the capacity, can be charged.
    #[inline(always)]
    pub(crate) fn wait_for(&self, cost: u32) -> u64 {
        self.blocked_for().max(match &self.live {
            Live::Window(window) => window.wait_for(cost),
            Live::Burst(burst) => burst.wait_for(cost),
            Live::Fixed(fixed) => fixed.wait_for(cost),
            Live::Bucket(bucket) => bucket.wait_for(cost),
        })
    }

    /// What is left, with the wait for `cost`.
    pub(crate) fn reading_for(&self, cost: u32) -> Reading {
        self.reading().or_wait(self.wait_for(cost))
    }

    /// What is left.
    #[inline(always)]
    pub(crate) fn reading(&self) -> Reading {
        let reset_after = match &self.live {
            Live::Window(window) => window.reset_after(),
            Live::Burst(burst) => burst.reset_after(),
            Live::Fixed(fixed) => fixed.reset_after(),
            Live::Bucket(bucket) => bucket.reset_after(),
        };
        Reading::new(self.now, self.left(), reset_after.max(self.blocked_for()))
    }

    /// Charges `cost` without asking whether there is as much.
    #[inline(always)]
    pub(crate) fn charge(&mut self, cost: u32) {
        match &mut self.live {
            Live::Window(window) => window.charge(cost),
            Live::Burst(burst) => burst.charge(cost),
            Live::Fixed(fixed) => fixed.charge(cost),
            Live::Bucket(bucket) => bucket.charge(cost),
        }
    }

    pub(crate) fn refund(&mut self, Receipt { cost, until, used }: Receipt) {
        match &mut self.live {
            Live::Window(window) => window.refund(cost, until),
            Live::Burst(burst) => burst.refund(cost, until),
            Live::Fixed(fixed) => fixed.refund(cost, until),
            Live::Bucket(bucket) => bucket.refund(cost, until, used),
        }
    }

    /// Refuses everything for `length` microseconds; a block that lasts longer stays.
    pub(crate) fn block(&mut self, length: u64) {
        let until = self.now.saturating_add(length);
        if self.block.is_none_or(|block| block.until < until) && 0 < length {
            self.block = Some(Block { until, length });
        }
    }

    /// What is to be kept, and when it has become meaningless.
    #[inline(always)]
    pub(crate) fn close(self) -> (State, Timestamp) {
        let (counted, ends_at) = match self.live {
            Live::Window(window) => {
                let log = window.into_log();
                let ends_at = log.newest().saturating_add(self.rule.period());
                (Counted::Log(log), ends_at)
            }
            Live::Burst(burst) => (Counted::Full(burst.full()), burst.full()),
            Live::Fixed(fixed) => (Counted::Span(fixed.span()), fixed.span().ends_at),
            Live::Bucket(bucket) => {
                (Counted::Level(bucket.level()), self.now.saturating_add(bucket.reset_after()))
            }
        };
        let ends_at = ends_at.max(self.block.map_or(0, |block| block.until));
        (State { block: self.block, counted }, Timestamp::from_micros(ends_at))
    }

    #[inline]
    fn blocked_for(&self) -> u64 {
        self.block.map_or(0, |block| block.until.saturating_sub(self.now))
    }
}

fn live<T>(kind: impl FnOnce(T) -> Live, (opened, is_ahead): (T, bool)) -> (Live, bool) {
    (kind(opened), is_ahead)
}

impl State {
    /// Reads a limiter's key as a script left it; what is none counts as nothing.
    pub(crate) fn decode(stored: &[u8]) -> Self {
        let (block, rest) = match stored.split_first() {
            Some((b'x', rest)) => split_block(rest).map_or((None, rest), |(block, rest)| (Some(block), rest)),
            _ => (None, stored),
        };
        Self { block, counted: Counted::decode(rest).unwrap_or(Counted::Nothing) }
    }

    #[cfg(test)]
    pub(crate) fn log(&self) -> Option<&Log> {
        if let Counted::Log(log) = &self.counted { Some(log) } else { None }
    }
}

fn split_block(packed: &[u8]) -> Option<(Block, &[u8])> {
    let (until, rest) = packed.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    Some((Block { until: u64::from_be_bytes(*until), length: u64::from_be_bytes(*length) }, rest))
}

impl Counted {
    fn decode(packed: &[u8]) -> Option<Self> {
        match packed.split_first()? {
            (b'w', log) => Log::decode(log).map(|log| Self::Log(Arc::new(log))),
            (b'f', span) => Span::decode(span).map(Self::Span),
            (b'b', level) => Level::decode(level).map(Self::Level),
            _ => std::str::from_utf8(packed).ok()?.parse().ok().map(Self::Full),
        }
    }
}
