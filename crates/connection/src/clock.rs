//! Time as a value: the system's, or one that a test moves.

mod counter;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A moment in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `micros` microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The moment `duration` later.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// The moment `duration` earlier, at least the epoch.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// Time since `earlier`, zero when that lies ahead.
    #[must_use]
    #[inline]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Where a store takes the time from.
///
/// Deadlines of network calls always follow the machine's clock; everything that is *stored*
/// (lifetimes, windows, leases) follows this one, and on Redis the server's own unless this is a manual
/// one. Stores of one server must therefore not mix manual clocks with the system's: each would see the
/// other's windows and leases as far ahead or long past.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Manual>),
}

struct Manual {
    start: Timestamp,
    base: Instant,
    advanced: AtomicU64,
    stepped_back: AtomicU64,
}

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use redstart_connection::{Clock, Timestamp};
    ///
    /// let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    /// clock.advance(Duration::from_secs(2));
    /// assert_eq!(clock.now(), Timestamp::from_micros(3_000_000));
    /// ```
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        let (advanced, stepped_back) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Source::Manual(Arc::new(Manual { start, base: machine_instant(), advanced, stepped_back })))
    }

    /// The present moment.
    #[must_use]
    #[inline]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let since = machine_time().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(micros(since))
            }
            Source::Manual(manual) => {
                let back = Duration::from_micros(manual.stepped_back.load(Ordering::SeqCst));
                manual.start.saturating_add(manual.elapsed()).saturating_sub(back)
            }
        }
    }

    /// The present moment as the embedded store takes it for its steps: within a few microseconds, and 100 at
    /// the most, what [`Clock::now`] says.
    #[inline]
    pub(crate) fn of_step(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp(counter::nanos() / 1_000),
            Source::Manual(_) => self.now(),
        }
    }

    /// The present moment on the monotonic clock.
    #[must_use]
    pub fn instant(&self) -> Instant {
        match &self.0 {
            Source::System => machine_instant(),
            Source::Manual(manual) => manual.base + manual.elapsed(),
        }
    }

    /// Moves a manual clock forward; the system's clock is not impressed.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.advanced.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Sets the time of a manual clock back, as a failover to a server whose clock is behind does.
    ///
    /// [`Clock::instant`], which is monotonic, does not notice. The system's clock is not impressed.
    pub fn step_back(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            manual.stepped_back.fetch_add(micros(by), Ordering::SeqCst);
        }
    }

    /// Whether this clock moves only by [`Clock::advance`] and [`Clock::step_back`].
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual(_))
    }
}

impl Manual {
    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.advanced.load(Ordering::SeqCst))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System => f.write_str("Clock::system"),
            Source::Manual(_) => write!(f, "Clock::manual at {} µs", self.now().as_micros()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else asks")]
fn machine_instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the Clock that everybody else asks")]
fn machine_time() -> SystemTime {
    SystemTime::now()
}

/// Nanoseconds since the Unix epoch by the machine's clock.
fn system_nanos() -> u64 {
    let since = machine_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The runtime's present, for deadlines of network calls.
#[expect(
    clippy::disallowed_methods,
    reason = "network deadlines follow the runtime's timer, not a store's clock"
)]
pub(crate) fn runtime_now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The moment when `within` will have passed; the far future when it never will.
pub(crate) fn deadline_in(within: Duration) -> tokio::time::Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    runtime_now() + within.min(FAR)
}
