//! Stretches of time that are counted apart.

use std::time::Duration;

use redstart_connection::Timestamp;

/// How long a stretch of time is that is counted apart; each begins at a full one in UTC.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Bucket {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Bucket {
    /// Its length.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 60 * 60,
            Self::Day => 24 * 60 * 60,
        })
    }

    /// Which one a moment is in, counted since 1970.
    pub(super) const fn at(self, moment: Timestamp) -> u64 {
        moment.as_secs() / self.length().as_secs()
    }

    /// When one begins.
    pub(super) const fn begin(self, bucket: u64) -> Timestamp {
        Timestamp::from_micros(bucket.saturating_mul(self.length().as_secs()).saturating_mul(1_000_000))
    }

    /// How many of them cover `span`, begun ones included.
    pub(super) fn covering(self, span: Duration) -> u64 {
        let length = self.length().as_micros();
        u64::try_from(span.as_micros().div_ceil(length)).unwrap_or(u64::MAX)
    }
}
