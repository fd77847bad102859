//! Decisions: what a limiter answered, and who answered.

use std::{fmt, time::Duration};

use redstart_connection::Timestamp;

use crate::{Policy, Reading, rule::Rule};

/// What a limiter answered.
///
/// A refusal is a value, not an error. Of several limits the one that governs is the one that
/// refused, or else the one with the least left; `limit`, `remaining` and the times are its own.
#[derive(Clone, Debug)]
pub struct Decision {
    verdict: Verdict,
    source: Source,
    limits: Limits,
    governing: usize,
}

/// Whether it may be done.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Verdict {
    /// It may be done, and has been charged.
    Allowed,
    /// Not now; nothing has been charged.
    Refused,
    /// Never: it costs more than the limit can give at once.
    TooLarge,
}

/// Who answered.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The server, which counts for all processes.
    Redis,
    /// The embedded store of a service without a server.
    Memory,
    /// This process, which remembers that the server refused the same a moment ago.
    DenyCache,
    /// This process, from tokens that it was charged for in advance.
    Lease,
    /// This process, which counts for itself while the server does not answer.
    Standby,
    /// One bucket that all share whom a full memory has no room for.
    Overflow,
    /// The policy's outage rule alone: nobody counted.
    Unavailable,
    /// The policy alone: the cost can never be had.
    Policy,
}

/// One limit of a decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LimitState {
    /// The policy's name.
    pub policy: &'static str,
    /// The most that can be had at once: the burst where one is stated, else the limit.
    pub limit: u32,
    /// The time in which all of it comes back.
    pub window: Duration,
    /// How many more are admitted now.
    pub remaining: u32,
    /// Time until nothing is used any more.
    pub reset_after: Duration,
    /// Time to wait, if this limit refused.
    pub retry_after: Option<Duration>,
    /// How much this call was charged; zero if the call was refused.
    pub charged: u32,
    /// Whether it is on trial: what it refuses is told and not enforced.
    pub is_on_trial: bool,
    /// When it was read, on the clock that counts.
    pub(crate) at: u64,
}

/// A refusal as an error, for `?`.
#[derive(Clone, Debug)]
pub struct Refused(Box<Decision>);

#[derive(Clone, Debug)]
enum Limits {
    One([LimitState; 1]),
    Many(Box<[LimitState]>),
}

impl Decision {
    #[inline]
    pub(crate) fn one(source: Source, state: LimitState) -> Self {
        let verdict = if state.refuses() { Verdict::Refused } else { Verdict::Allowed };
        let limits = Limits::One([state.charged_if(verdict)]);
        Self { verdict, source, limits, governing: 0 }
    }

    pub(crate) fn many(source: Source, mut limits: Vec<LimitState>) -> Self {
        let refused = limits.iter().any(LimitState::refuses);
        let verdict = if refused { Verdict::Refused } else { Verdict::Allowed };
        for limit in &mut limits {
            *limit = limit.charged_if(verdict);
        }
        let governing = limits.iter().enumerate().max_by(|(left_at, left), (right_at, right)| {
            // Whoever makes the caller wait longest, or else has the least left; of equals the first.
            // What is on trial governs only where nothing else does.
            let enforced = right.is_on_trial.cmp(&left.is_on_trial);
            let wait = enforced.then(left.retry_after.cmp(&right.retry_after));
            wait.then(right.remaining.cmp(&left.remaining)).then(right_at.cmp(left_at))
        });
        let governing = governing.map_or(0, |(index, _)| index);
        Self { verdict, source, limits: Limits::Many(limits.into()), governing }
    }

    /// The same with what limits on trial said beside it, in the places where they were asked.
    pub(crate) fn beside(self, trials: Vec<(usize, LimitState)>) -> Self {
        let mut limits = self.limits().to_vec();
        for (place, state) in trials {
            limits.insert(place.min(limits.len()), state);
        }
        Self { verdict: self.verdict, ..Self::many(self.source, limits) }
    }

    /// The same as if one had been asked for.
    pub(crate) fn charged_one(mut self) -> Self {
        if let Limits::One([state]) = &mut self.limits {
            state.charged = state.charged.min(1);
        }
        self
    }

    /// Refuses all `policies`, because the one at `culprit` can never give as much.
    pub(crate) fn too_large<'a>(policies: impl Iterator<Item = &'a Policy>, culprit: usize) -> Self {
        let limits = policies.map(|policy| LimitState::new(policy, Reading::default(), 0)).collect();
        let verdict = Verdict::TooLarge;
        Self { verdict, source: Source::Policy, limits: Limits::Many(limits), governing: culprit }
    }

    /// When the embedded store read its clock for it; none if another answered.
    #[inline]
    pub(crate) fn read_in_memory(&self) -> Option<Timestamp> {
        let at = self.limits().first().map_or(0, |limit| limit.at);
        (self.source == Source::Memory && 0 < at).then_some(Timestamp::from_micros(at))
    }

    /// Whether it may be done.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allowed)
    }

    /// Whether it may be done, and if not, whether it ever could.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Who answered.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The most that the governing limit gives at once; `u32::MAX` if there is no limit at all.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.governing().map_or(u32::MAX, |limit| limit.limit)
    }

    /// How many more the governing limit admits; `u32::MAX` if there is no limit at all.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        self.governing().map_or(u32::MAX, |limit| limit.remaining)
    }

    /// Time until nothing of the governing limit is used any more.
    #[must_use]
    pub fn reset_after(&self) -> Duration {
        self.governing().map_or(Duration::ZERO, |limit| limit.reset_after)
    }

    /// Time to wait before the same is asked again; none if it was allowed or never will be.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.governing()?.retry_after
    }

    /// The name of the policy that refused.
    #[must_use]
    pub fn refused_by(&self) -> Option<&'static str> {
        if self.is_allowed() { None } else { Some(self.governing()?.policy) }
    }

    /// The name of a policy on trial that would have refused.
    #[must_use]
    pub fn would_be_refused_by(&self) -> Option<&'static str> {
        let would = |limit: &&LimitState| limit.is_on_trial && limit.retry_after.is_some();
        self.limits().iter().find(would).map(|limit| limit.policy)
    }

    /// How much the call was charged; zero if it was refused.
    #[must_use]
    pub fn charged(&self) -> u32 {
        self.governing().map_or(0, |limit| limit.charged)
    }

    /// All limits, in the order in which they were asked.
    ///
    /// A refusal by the deny cache holds only the limits that it remembers.
    #[must_use]
    pub fn limits(&self) -> &[LimitState] {
        match &self.limits {
            Limits::One(limit) => limit,
            Limits::Many(limits) => limits,
        }
    }

    /// The refusal as an error.
    ///
    /// # Errors
    ///
    /// Fails when it was not allowed.
    pub fn or_err(self) -> Result<Self, Refused> {
        if self.is_allowed() { Ok(self) } else { Err(Refused(Box::new(self))) }
    }

    fn governing(&self) -> Option<&LimitState> {
        self.limits().get(self.governing)
    }
}

impl Source {
    /// The source in one word, as in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Memory => "memory",
            Self::DenyCache => "deny_cache",
            Self::Lease => "lease",
            Self::Standby => "standby",
            Self::Overflow => "overflow",
            Self::Unavailable => "unavailable",
            Self::Policy => "policy",
        }
    }
}

impl LimitState {
    /// What a limit answered to a call of this cost.
    pub(crate) fn new(policy: &Policy, reading: Reading, cost: u32) -> Self {
        Self::by_rule(policy, &Rule::of(policy), reading, cost)
    }

    /// As [`LimitState::new`], where the policy's rule is at hand.
    #[inline]
    pub(crate) fn by_rule(policy: &Policy, rule: &Rule, reading: Reading, cost: u32) -> Self {
        let Reading { remaining, reset_after, retry_after, at } = reading;
        let charged = if retry_after.is_none() { cost } else { 0 };
        Self {
            policy: policy.name(),
            limit: rule.capacity(),
            window: rule.span(),
            remaining,
            reset_after,
            retry_after,
            charged,
            is_on_trial: policy.is_on_trial(),
            at,
        }
    }

    /// The reading that this was made of.
    pub(crate) const fn reading(&self) -> Reading {
        let Self { remaining, reset_after, retry_after, at, .. } = *self;
        Reading { remaining, reset_after, retry_after, at }
    }

    #[inline]
    const fn refuses(&self) -> bool {
        self.retry_after.is_some() && !self.is_on_trial
    }

    #[inline]
    const fn charged_if(self, verdict: Verdict) -> Self {
        let charged = if matches!(verdict, Verdict::Allowed) { self.charged } else { 0 };
        Self { charged, ..self }
    }
}

impl Refused {
    /// What the limiter answered.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.0
    }

    /// What the limiter answered.
    #[must_use]
    pub fn into_decision(self) -> Decision {
        *self.0
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit {} of {}: ", self.0.refused_by().unwrap_or("none"), self.0.limit())?;
        match self.0.retry_after() {
            Some(wait) => write!(f, "used up for another {wait:?}"),
            None => f.write_str("costs more than it ever gives at once"),
        }
    }
}

impl std::error::Error for Refused {}
