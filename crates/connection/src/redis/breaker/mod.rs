//! The circuit breaker of a server: what fails or drags is left alone for a while.
//!
//! Closed, it counts; when too many of the last calls failed or were slow it opens, and refuses calls at
//! once. After a pause it is half open and lets a few calls through as probes: all must succeed to close
//! it, one failure opens it for longer, unless the server itself says that it is not ready yet. Results of calls that began before the last change of state are
//! ignored, as are calls whose callers went away.

mod window;

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use self::window::Window;
use crate::{BreakerConfig, Certainty, Error, ErrorKind, Result, clock::runtime_now};

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const HALF_OPEN: u8 = 2;

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a breaker has these three states")]
pub enum BreakerState {
    /// Calls go through.
    #[default]
    Closed,
    /// A few calls go through as probes.
    HalfOpen,
    /// Calls are refused.
    Open,
}

/// A change of state, for whoever tells of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    Opened(String),
    HalfOpened,
    Closed,
}

impl Turn {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "open",
            Self::HalfOpened => "half_open",
            Self::Closed => "closed",
        }
    }
}

/// One server's breaker.
pub(crate) struct Breaker {
    config: Option<BreakerConfig>,
    slow_call: Duration,
    born: Instant,
    /// What `detail` says, to be read without its lock.
    state: AtomicU8,
    window: Window,
    detail: Mutex<Detail>,
    turned: Box<dyn Fn(Turn) + Send + Sync>,
}

struct Detail {
    /// Counts the changes of state, so that late results can be told.
    generation: u64,
    /// How often it opened since it was closed.
    openings: u32,
    until: Instant,
    cause: String,
    /// Probes under way, and those that succeeded.
    probing: u32,
    succeeded: u32,
}

/// What is to be said of a call that failed.
#[derive(Clone, Copy)]
struct Failure<'a> {
    cause: &'a dyn fmt::Display,
    /// The server lives and says itself that it is not ready yet: to leave it alone for longer and longer
    /// would only keep it waiting once it is.
    is_early: bool,
}

/// The right to make one call.
#[must_use = "a call that is not settled counts for nothing"]
pub(crate) struct Permit<'a> {
    breaker: &'a Breaker,
    began: Instant,
    deadline: Instant,
    /// The state's generation where the call is a probe.
    probe: Option<u64>,
    settled: bool,
}

impl Breaker {
    pub(crate) fn new(
        config: Option<BreakerConfig>,
        command_timeout: Duration,
        turned: impl Fn(Turn) + Send + Sync + 'static,
    ) -> Self {
        let window = config.as_ref().map_or(Duration::from_secs(10), |config| config.window);
        let slow_call = config.as_ref().and_then(|config| config.slow_call);
        let now = runtime_now();
        Self {
            slow_call: slow_call.unwrap_or_else(|| command_timeout.mul_f64(0.8)),
            config,
            born: now,
            state: AtomicU8::new(CLOSED),
            window: Window::new(window),
            detail: Mutex::new(Detail {
                generation: 0,
                openings: 0,
                until: now,
                cause: String::new(),
                probing: 0,
                succeeded: 0,
            }),
            turned: Box::new(turned),
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        match self.state.load(Ordering::Acquire) {
            CLOSED => BreakerState::Closed,
            OPEN => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    /// Lets a call through, or refuses it at once.
    pub(crate) fn admit(&self, deadline: Instant) -> Result<Permit<'_>> {
        let began = runtime_now();
        let permit = |probe| Permit { breaker: self, began, deadline, probe, settled: false };
        if self.state.load(Ordering::Acquire) == CLOSED {
            return Ok(permit(None));
        }
        let mut detail = self.detail();
        match self.state.load(Ordering::Acquire) {
            CLOSED => return Ok(permit(None)),
            OPEN if began < detail.until => {
                let pause = detail.until - began;
                return Err(refused(&format!("the breaker is open for {pause:?} more: {}", detail.cause)));
            }
            OPEN => self.half_open(&mut detail),
            _ => {}
        }
        if detail.probing + detail.succeeded >= self.probes() {
            return Err(refused(&format!("the breaker is half open and has its probes: {}", detail.cause)));
        }
        detail.probing += 1;
        Ok(permit(Some(detail.generation)))
    }

    /// Opens it for a reason that needs no counting.
    pub(crate) fn trip(&self, cause: &str) {
        if self.config.is_none() {
            return;
        }
        let mut detail = self.detail();
        if self.state.load(Ordering::Acquire) != OPEN {
            self.open(&mut detail, cause.to_owned());
        }
    }

    /// Ends the pause, since there is a sign of life.
    pub(crate) fn probe_now(&self) {
        let mut detail = self.detail();
        if self.state.load(Ordering::Acquire) == OPEN {
            self.half_open(&mut detail);
        }
    }

    fn settle(&self, permit: &Permit<'_>, failed: Option<Failure<'_>>) {
        let now = runtime_now();
        let took = now.saturating_duration_since(permit.began);
        let slow = took >= self.slow_call;
        match permit.probe {
            Some(generation) => self.settle_probe(generation, failed, slow),
            None => self.settle_call(now, failed.map(|failed| failed.cause), slow),
        }
    }

    fn settle_call(&self, now: Instant, failed: Option<&dyn fmt::Display>, slow: bool) {
        let Some(config) = &self.config else { return };
        if self.state.load(Ordering::Acquire) != CLOSED {
            return;
        }
        let at = now.saturating_duration_since(self.born);
        self.window.count(at, failed.is_some(), slow);
        if failed.is_none() && !slow {
            return;
        }
        let counts = self.window.counts(at);
        if counts.calls < config.min_calls {
            return;
        }
        let share = |part: u32| f64::from(part) / f64::from(counts.calls.max(1));
        let cause = if share(counts.failures) >= config.failure_rate {
            let last = failed.map(|failed| format!(", the last one: {failed}")).unwrap_or_default();
            format!("{} of {} calls failed{last}", counts.failures, counts.calls)
        } else if share(counts.slow) >= config.slow_rate {
            format!("{} of {} calls took {:?} or more", counts.slow, counts.calls, self.slow_call)
        } else {
            return;
        };
        let mut detail = self.detail();
        if self.state.load(Ordering::Acquire) == CLOSED {
            self.open(&mut detail, cause);
        }
    }

    fn settle_probe(&self, generation: u64, failed: Option<Failure<'_>>, slow: bool) {
        let mut detail = self.detail();
        if detail.generation != generation {
            return;
        }
        detail.probing = detail.probing.saturating_sub(1);
        match failed {
            Some(Failure { cause, is_early }) => {
                if is_early {
                    detail.openings = 0;
                }
                self.open(&mut detail, format!("a probe failed: {cause}"));
            }
            None if slow => self.open(&mut detail, format!("a probe took {:?} or more", self.slow_call)),
            None => {
                detail.succeeded += 1;
                if detail.succeeded >= self.probes() {
                    self.close(&mut detail);
                }
            }
        }
    }

    fn open(&self, detail: &mut Detail, cause: String) {
        let (first, longest) = match &self.config {
            Some(config) => (config.open_for, config.open_for_at_most),
            None => return,
        };
        let pause = first.saturating_mul(1 << detail.openings.min(16)).min(longest);
        // Spread, so that a fleet does not probe in one instant.
        let jittered = pause.mul_f64(0.75 + fastrand::f64() / 2.0);
        detail.openings = detail.openings.saturating_add(1);
        detail.until = runtime_now() + jittered;
        detail.cause.clone_from(&cause);
        self.turn(detail, OPEN, Turn::Opened(cause));
    }

    fn half_open(&self, detail: &mut Detail) {
        self.turn(detail, HALF_OPEN, Turn::HalfOpened);
    }

    fn close(&self, detail: &mut Detail) {
        detail.openings = 0;
        self.window.clear();
        self.turn(detail, CLOSED, Turn::Closed);
    }

    fn turn(&self, detail: &mut Detail, state: u8, turn: Turn) {
        detail.generation += 1;
        (detail.probing, detail.succeeded) = (0, 0);
        self.state.store(state, Ordering::Release);
        (self.turned)(turn);
    }

    fn probes(&self) -> u32 {
        self.config.as_ref().map_or(u32::MAX, |config| config.half_open_calls.max(1))
    }

    fn detail(&self) -> MutexGuard<'_, Detail> {
        // Every change under this lock is complete before anything could panic.
        self.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Takes the call's answer to the count, and passes it on.
    pub(crate) fn settle<T>(mut self, answer: Result<T>) -> Result<T> {
        self.settled = true;
        match &answer {
            Err(error) if is_failure(error.kind()) => {
                let is_early = error.kind() == ErrorKind::Loading;
                self.breaker.settle(&self, Some(Failure { cause: error, is_early }));
            }
            _ => self.breaker.settle(&self, None),
        }
        answer
    }
}

impl Drop for Permit<'_> {
    /// Without an answer by its deadline the call has failed; a caller that went away says nothing.
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if runtime_now() >= self.deadline {
            self.breaker.settle(self, Some(Failure { cause: &"no answer in time", is_early: false }));
        } else if let Some(generation) = self.probe {
            let mut detail = self.breaker.detail();
            if detail.generation == generation {
                detail.probing = detail.probing.saturating_sub(1);
            }
        }
    }
}

/// What the server or the way to it is to blame for.
const fn is_failure(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::Loading | ErrorKind::Protocol)
}

fn refused(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, Certainty::NotSent, what.to_owned())
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("state", &self.state()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
