//! How often a failed job is tried again.

use std::time::Duration;

use bullmq::{JobOptions, types::BackoffStrategy};

/// How often a job is tried, and how long it rests in between.
///
/// ```
/// use std::time::Duration;
/// use redstart_jobs::Retry;
///
/// let retry = Retry::growing(5, Duration::from_secs(1));
/// let rests = (1..5).filter_map(|failed| retry.rest_after(failed)).map(|rest| rest.as_secs());
/// assert_eq!(rests.collect::<Vec<_>>(), [1, 2, 4, 8]);
/// assert_eq!(retry.rest_after(5), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retry {
    attempts: u32,
    first: Duration,
    grows: bool,
}

impl Default for Retry {
    /// Five attempts, with rests of 1, 2, 4 and 8 seconds.
    fn default() -> Self {
        Self::growing(5, Duration::from_secs(1))
    }
}

impl Retry {
    /// One attempt alone.
    pub const NEVER: Self = Self { attempts: 1, first: Duration::ZERO, grows: false };

    /// Rests for `first` after the first failure, and twice as long after each further one.
    ///
    /// No attempts are one, and times are whole milliseconds.
    #[must_use]
    pub const fn growing(attempts: u32, first: Duration) -> Self {
        Self { attempts: if attempts == 0 { 1 } else { attempts }, first, grows: true }
    }

    /// Rests for `rest` after each failure.
    ///
    /// No attempts are one, and times are whole milliseconds.
    #[must_use]
    pub const fn steady(attempts: u32, rest: Duration) -> Self {
        Self { grows: false, ..Self::growing(attempts, rest) }
    }

    /// How many attempts there are.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long a job rests after this many failures; none when that was its last attempt.
    #[must_use]
    pub fn rest_after(&self, failed: u32) -> Option<Duration> {
        let doublings = if self.grows { failed.saturating_sub(1).min(31) } else { 0 };
        (failed < self.attempts).then(|| self.first.saturating_mul(1 << doublings))
    }

    /// Writes it as the library below has it; the rests are worked out there, as Node's workers do.
    pub(crate) fn write(self, options: &mut JobOptions) {
        let first = u64::try_from(self.first.as_millis()).unwrap_or(u64::MAX);
        let backoff =
            if self.grows { BackoffStrategy::Exponential(first) } else { BackoffStrategy::Fixed(first) };
        options.attempts = Some(self.attempts);
        options.backoff = (first > 0).then_some(backoff);
    }
}
