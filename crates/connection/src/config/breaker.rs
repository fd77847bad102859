//! When a server is left alone.

use std::time::Duration;

/// When a server that fails or drags is left alone, and for how long.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::{BreakerConfig, Config};
///
/// let patient = BreakerConfig::default().with_failure_rate(0.8).with_min_calls(100);
/// let config = Config::memory().with_breaker(patient);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    pub(crate) window: Duration,
    pub(crate) failure_rate: f64,
    pub(crate) slow_rate: f64,
    pub(crate) slow_call: Option<Duration>,
    pub(crate) min_calls: u32,
    pub(crate) open_for: Duration,
    pub(crate) open_for_at_most: Duration,
    pub(crate) half_open_calls: u32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            failure_rate: 0.5,
            slow_rate: 0.8,
            slow_call: None,
            min_calls: 20,
            open_for: Duration::from_secs(1),
            open_for_at_most: Duration::from_secs(30),
            half_open_calls: 3,
        }
    }
}

impl BreakerConfig {
    /// How far back calls count. Defaults to 10 seconds.
    #[must_use]
    pub const fn with_window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// The share of failed calls that opens it. Defaults to 0.5.
    #[must_use]
    pub const fn with_failure_rate(mut self, share: f64) -> Self {
        self.failure_rate = share;
        self
    }

    /// The share of slow calls that opens it. Defaults to 0.8.
    #[must_use]
    pub const fn with_slow_rate(mut self, share: f64) -> Self {
        self.slow_rate = share;
        self
    }

    /// From when on a call is slow. Defaults to four fifths of the command's time-out.
    #[must_use]
    pub const fn with_slow_call(mut self, duration: Duration) -> Self {
        self.slow_call = Some(duration);
        self
    }

    /// How many calls the window must hold before it opens. Defaults to 20.
    #[must_use]
    pub const fn with_min_calls(mut self, calls: u32) -> Self {
        self.min_calls = calls;
        self
    }

    /// How long it is open at first and, doubling, at most. Defaults to 1 and 30 seconds, each with a
    /// quarter of jitter.
    #[must_use]
    pub const fn with_open_for(mut self, first: Duration, at_most: Duration) -> Self {
        (self.open_for, self.open_for_at_most) = (first, at_most);
        self
    }

    /// How many probes must succeed to close it. Defaults to 3.
    #[must_use]
    pub const fn with_half_open_calls(mut self, calls: u32) -> Self {
        self.half_open_calls = calls;
        self
    }
}
