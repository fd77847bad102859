use std::{fmt, num::NonZero, time::Duration};

/// A time to live: at least one millisecond, at most 100 years.
///
/// ```
/// use redstart_keys::Ttl;
/// use std::time::Duration;
///
/// const HOUR: Ttl = Ttl::hours(1);
/// assert_eq!(HOUR.to_string(), "1h");
/// assert_eq!(Ttl::new(Duration::from_micros(1_500)), Some(Ttl::millis(2)));
/// assert_eq!(Ttl::new(Duration::ZERO), None);
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ttl(NonZero<u64>);

/// How long what is stored under a declaration lives.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Lifetime {
    /// It ends after the TTL.
    Expires(Ttl),
    /// It stays until it is deleted.
    Persistent,
}

/// What the server may do to an entry before its time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Persistence {
    /// It may be evicted: it can be computed again.
    Evictable,
    /// It must not be evicted: losing it breaks a promise.
    Required,
    /// It has no TTL and must not be evicted.
    Persistent,
}

impl Ttl {
    /// The longest TTL; longer ones are cut to it.
    ///
    /// 100 years from now, in microseconds, are still exact in a Lua number and far from where
    /// Redis refuses an expiry as invalid.
    pub const MAX: Self = Self::days(36_500);

    const MAX_MILLIS: u64 = 36_500 * 24 * 60 * 60 * 1000;

    /// Makes a TTL of this length, rounded up to a millisecond; none for zero.
    #[must_use]
    pub fn new(duration: Duration) -> Option<Self> {
        let millis = duration.as_nanos().div_ceil(1_000_000);
        let millis = u64::try_from(millis).unwrap_or(u64::MAX).min(Self::MAX_MILLIS);
        NonZero::new(millis).map(Self)
    }

    /// Makes a TTL of so many milliseconds.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn millis(count: u64) -> Self {
        Self::of(count, 1)
    }

    /// Makes a TTL of so many seconds.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn seconds(count: u64) -> Self {
        Self::of(count, 1000)
    }

    /// Makes a TTL of so many minutes.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn minutes(count: u64) -> Self {
        Self::of(count, 60 * 1000)
    }

    /// Makes a TTL of so many hours.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn hours(count: u64) -> Self {
        Self::of(count, 60 * 60 * 1000)
    }

    /// Makes a TTL of so many days of 24 hours.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn days(count: u64) -> Self {
        Self::of(count, 24 * 60 * 60 * 1000)
    }

    const fn of(count: u64, unit: u64) -> Self {
        let millis = count.saturating_mul(unit);
        let millis = if millis > Self::MAX_MILLIS { Self::MAX_MILLIS } else { millis };
        assert!(millis > 0, "a TTL is at least one millisecond");
        match NonZero::new(millis) {
            Some(millis) => Self(millis),
            None => Self(NonZero::<u64>::MIN),
        }
    }

    /// The length in milliseconds; never zero.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0.get()
    }

    /// The length as a duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0.get())
    }

    /// Shortens this by up to `ratio` of itself, by chance, so that entries written together
    /// do not end together.
    ///
    /// A pure function: the same `random` gives the same answer, and random numbers that are
    /// uniform over `u64` give lengths that are uniform.
    /// A ratio below 0 (or not a number) counts as 0, one above 0.5 as 0.5.
    #[must_use]
    pub fn jittered(self, ratio: f64, random: u64) -> Self {
        let ratio = if ratio > 0.0 { ratio.min(0.5) } else { 0.0 };
        let widest = self.as_duration().mul_f64(ratio).as_millis();
        let cut = ((widest + 1) * u128::from(random)) >> 64;
        // At most half of the length, which fits, and which leaves at least a millisecond.
        let left = self.as_millis() - u64::try_from(cut).unwrap_or(0);
        NonZero::new(left).map_or(self, Self)
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.as_millis();
        let units = [(60 * 60 * 1000, "h"), (60 * 1000, "min"), (1000, "s")];
        match units.into_iter().find(|(unit, _)| millis.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", millis / unit),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl fmt::Debug for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ttl({self})")
    }
}

impl Lifetime {
    /// The TTL; none if what is stored is persistent.
    #[must_use]
    pub const fn ttl(self) -> Option<Ttl> {
        match self {
            Self::Expires(ttl) => Some(ttl),
            Self::Persistent => None,
        }
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expires(ttl) => ttl.fmt(f),
            Self::Persistent => f.pad("persistent"),
        }
    }
}

impl fmt::Display for Persistence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Evictable => "evictable",
            Self::Required => "required",
            Self::Persistent => "persistent",
        })
    }
}

#[cfg(test)]
mod tests;
