//! Policies: what is limited, as plain values.

use std::time::Duration;

use redstart_keys::{Category, Entity, Ttl};

use crate::Subject;

/// How often something may be done.
///
/// A policy is a constant with a name, which stands in its keys, metrics and errors. Two policies of
/// one name share their counts; give each its own.
///
/// A plain policy is a sliding window: in *any* window of its period at most `limit` are admitted.
/// With a [burst](Policy::burst) it is a steady rate of `limit` per period (GCRA): after a pause the
/// burst may be taken at once, in any time `t` at most `t × rate + burst`. The
/// [fixed window](Policy::fixed_window) and the [token bucket](Policy::bucket) are there for those who
/// have promised them to somebody.
///
/// ```
/// use redstart_ratelimit::{OnOutage, Policy};
/// use std::time::Duration;
///
/// const SEARCH: Policy = Policy::per_minute("search", 60).burst(10);
/// const LOGIN: Policy = Policy::per("login", 5, Duration::from_secs(15 * 60))
///     .sensitive()
///     .on_outage(OnOutage::Deny);
/// assert_eq!(LOGIN.name(), "login");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    entity: Entity<Subject>,
    limit: u32,
    period: Duration,
    algorithm: Algorithm,
    on_outage: OnOutage,
    patience: Patience,
    is_on_trial: bool,
    lease: Duration,
}

/// How a policy counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Algorithm {
    Window,
    Burst(u32),
    Fixed,
    Bucket(u32),
}

/// For how long an answer of the server is waited for; the least patient comes first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Patience {
    /// For a few times as long as is usual.
    Adaptive,
    /// For the deadline of every command.
    Command,
}

/// What a limiter answers while the store does not.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OnOutage {
    /// This process counts for itself, with its share of the limit: 1 / number of processes.
    Local {
        /// The part of the limit that this process gives, above 0 and at most 1.
        share: f64,
    },
    /// Everything is allowed.
    Allow,
    /// Everything is refused.
    Deny,
}

impl Policy {
    /// So many per second.
    ///
    /// # Panics
    ///
    /// Panics on a name that cannot stand in a key; in a constant the compiler says so.
    #[must_use]
    pub const fn per_second(name: &'static str, limit: u32) -> Self {
        Self::per(name, limit, Duration::from_secs(1))
    }

    /// So many per minute.
    ///
    /// # Panics
    ///
    /// Panics on a name that cannot stand in a key; in a constant the compiler says so.
    #[must_use]
    pub const fn per_minute(name: &'static str, limit: u32) -> Self {
        Self::per(name, limit, Duration::from_secs(60))
    }

    /// So many per hour.
    ///
    /// # Panics
    ///
    /// Panics on a name that cannot stand in a key; in a constant the compiler says so.
    #[must_use]
    pub const fn per_hour(name: &'static str, limit: u32) -> Self {
        Self::per(name, limit, Duration::from_secs(60 * 60))
    }

    /// So many per `period`, which is at least a millisecond and at most 100 years.
    ///
    /// A limit of zero refuses everything.
    ///
    /// # Panics
    ///
    /// Panics on a period out of bounds and on a name that cannot stand in a key; in a constant the
    /// compiler says so.
    #[must_use]
    pub const fn per(name: &'static str, limit: u32, period: Duration) -> Self {
        assert!(1 <= period.as_millis(), "the period of a limit is at least a millisecond");
        assert!(
            period.as_secs() <= Ttl::MAX.as_duration().as_secs(),
            "the period of a limit is at most 100 years"
        );
        let ttl = Ttl::millis(period.as_secs() * 1_000 + period.subsec_millis() as u64);
        Self {
            entity: Entity::new(Category::RateLimit, name).ttl(ttl),
            limit,
            period,
            algorithm: Algorithm::Window,
            on_outage: OnOutage::Local { share: 1.0 },
            patience: Patience::Command,
            is_on_trial: false,
            lease: Duration::ZERO,
        }
    }

    /// Turns the window into a steady rate of which `burst` may be taken at once.
    #[must_use]
    pub const fn burst(mut self, burst: u32) -> Self {
        self.algorithm = Algorithm::Burst(burst);
        self
    }

    /// Counts in windows that begin with the first call in them, and end all at once.
    ///
    /// Across the end of one up to twice the limit may pass within a moment; the sliding window, which
    /// costs little more, admits no such thing.
    #[must_use]
    pub const fn fixed_window(mut self) -> Self {
        self.algorithm = Algorithm::Fixed;
        self
    }

    /// Takes from a bucket of `size` tokens, to which `limit` are added at the end of each period.
    ///
    /// The periods are counted from the call that took the first token of a full bucket. For tokens
    /// that come back one by one there is the [burst](Self::burst).
    #[must_use]
    pub const fn bucket(mut self, size: u32) -> Self {
        self.algorithm = Algorithm::Bucket(size);
        self
    }

    /// Only tells what it would refuse: it is charged and reported, but refuses nobody.
    ///
    /// It costs a round trip of its own beside those that are enforced.
    #[must_use]
    pub const fn on_trial(mut self) -> Self {
        self.is_on_trial = true;
        self
    }

    /// Lets processes take tokens in advance and spend them for at most `time`, see [`Leases`](crate::Leases).
    ///
    /// What was taken in advance may be spent later than it was charged. So that no window ever holds more
    /// than the limit all the same, everybody's window is longer by this time, or everybody's burst smaller
    /// by what comes back in it. A fixed window or a bucket is never lent. Defaults to nothing.
    ///
    /// # Panics
    ///
    /// Panics on a time of more than 100 years; in a constant the compiler says so.
    #[must_use]
    pub const fn lent_for(mut self, time: Duration) -> Self {
        assert!(time.as_secs() <= Ttl::MAX.as_duration().as_secs(), "tokens are lent for at most 100 years");
        self.lease = time;
        self
    }

    /// Keeps the subjects to ourselves: only a keyed digest reaches the server, logs and metrics.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.entity = self.entity.sensitive();
        self
    }

    /// Says what it is for; shown in catalogues.
    #[must_use]
    pub const fn describe(mut self, description: &'static str) -> Self {
        self.entity = self.entity.describe(description);
        self
    }

    /// Says what holds while the store does not answer. Defaults to counting in this process.
    #[must_use]
    pub const fn on_outage(mut self, rule: OnOutage) -> Self {
        self.on_outage = rule;
        self
    }

    /// Waits for the server four times as long as 99 of 100 answers take, at least 25 ms and at most the
    /// command's deadline. Defaults to the command's deadline.
    ///
    /// Of several limits that are checked at once the least patient decides. For all policies of a limiter
    /// there is [`Limiter::with_adaptive_deadline`](crate::Limiter::with_adaptive_deadline).
    #[must_use]
    pub const fn adaptive_deadline(mut self) -> Self {
        self.patience = Patience::Adaptive;
        self
    }

    /// The same policy with another limit, for plans and tenants; the counts stay.
    #[must_use]
    pub const fn with_limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// The same policy, waiting for the server for as long.
    pub(crate) const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// The same policy, on trial or not.
    pub(crate) const fn with_trial(mut self, is_on_trial: bool) -> Self {
        self.is_on_trial = is_on_trial;
        self
    }

    /// The same policy with another period.
    pub(crate) const fn with_period(mut self, period: Duration) -> Self {
        self.period = period;
        self
    }

    /// The name, as in keys and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.entity.name()
    }

    /// How many are admitted per period.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// The time that the limit is for.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// How many may be taken at once, where that is stated.
    #[must_use]
    pub const fn stated_burst(&self) -> Option<u32> {
        if let Algorithm::Burst(burst) = self.algorithm { Some(burst) } else { None }
    }

    /// Whether it only tells what it would refuse.
    #[must_use]
    pub const fn is_on_trial(&self) -> bool {
        self.is_on_trial
    }

    /// For how long tokens may be held in advance; zero where none may.
    #[must_use]
    pub const fn lease_time(&self) -> Duration {
        match self.algorithm {
            Algorithm::Window | Algorithm::Burst(_) => self.lease,
            Algorithm::Fixed | Algorithm::Bucket(_) => Duration::ZERO,
        }
    }

    pub(crate) const fn patience(&self) -> Patience {
        self.patience
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What holds while the store does not answer.
    #[must_use]
    pub const fn outage_rule(&self) -> OnOutage {
        self.on_outage
    }

    /// The declaration of its keys, for catalogues.
    #[must_use]
    pub const fn entity(&self) -> &Entity<Subject> {
        &self.entity
    }

    /// Whether both count in the same way.
    pub(crate) fn counts_like(&self, other: &Self) -> bool {
        self.limit == other.limit
            && self.period == other.period
            && self.algorithm == other.algorithm
            && self.lease == other.lease
    }

    /// What one process gives while it counts for itself: at least one, where there is a limit.
    pub(crate) fn shared(&self, share: f64) -> Self {
        let part = |whole: u32| share_of(whole, share);
        let algorithm = match self.algorithm {
            Algorithm::Burst(burst) => Algorithm::Burst(part(burst)),
            Algorithm::Bucket(size) => Algorithm::Bucket(part(size)),
            whole @ (Algorithm::Window | Algorithm::Fixed) => whole,
        };
        Self { limit: part(self.limit), algorithm, ..*self }
    }
}

/// What one process gives of a whole: at least one, where there is anything.
pub(crate) fn share_of(whole: u32, share: f64) -> u32 {
    portion(whole, share).max(1).min(whole)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float casts saturate, and NaN gives zero: exactly what a share out of bounds should do"
)]
fn portion(whole: u32, share: f64) -> u32 {
    (f64::from(whole) * share) as u32
}
