//! What is shown when a value is not fresh any more, and how loads are waited for.

use std::time::Duration;

use redstart_connection::Timestamp;
use redstart_keys::Ttl;

use crate::held::Life;

/// How a cache deals with old values, slow loads and failing ones.
///
/// A plain value: one for a cache, by [`CacheBuilder::freshness`](crate::CacheBuilder::freshness), or one
/// for a call, by [`Entry::freshness`](crate::Entry::freshness). What was invalidated is never shown,
/// however old values are dealt with; [`Cache::expire`](crate::Cache::expire) is the verb that lets them be.
///
/// ```
/// use std::time::Duration;
///
/// use redstart_cache::{EarlyRefresh, Freshness};
/// use redstart_keys::Ttl;
///
/// const FORGIVING: Freshness = Freshness::new()
///     .stale_while_revalidate(Ttl::minutes(1))
///     .stale_if_error(Ttl::hours(1))
///     .soft_timeout(Duration::from_millis(80))
///     .early_refresh(EarlyRefresh::xfetch());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    pub(crate) stale_if_error: Duration,
    pub(crate) stale_while_revalidate: Duration,
    pub(crate) early: EarlyRefresh,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) hard_timeout: Option<Duration>,
    pub(crate) failure_pause: Option<Pause>,
}

/// How long loads of an id rest after one has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

/// Whether fresh values are loaded again before they end.
#[derive(Clone, Copy, Debug)]
pub struct EarlyRefresh(Early);

#[derive(Clone, Copy, Debug)]
enum Early {
    Never,
    At(f64),
    XFetch(f64),
}

impl Freshness {
    /// Nothing old is shown; a failed load rests for 100 ms, and longer each time, up to 5 seconds.
    #[must_use]
    pub const fn new() -> Self {
        let pause = Pause { first: Duration::from_millis(100), longest: Duration::from_secs(5) };
        Self {
            stale_if_error: Duration::ZERO,
            stale_while_revalidate: Duration::ZERO,
            early: EarlyRefresh::never(),
            soft_timeout: None,
            hard_timeout: None,
            failure_pause: Some(pause),
        }
    }

    /// For how long after its end a value is shown when the load that should replace it fails or is
    /// given up. Defaults to never.
    #[must_use]
    pub const fn stale_if_error(self, window: Ttl) -> Self {
        Self { stale_if_error: window.as_duration(), ..self }
    }

    /// For how long after its end a value is shown while it is being replaced. Defaults to never.
    ///
    /// [`Entry::fetch`](crate::Entry::fetch) replaces it in the background and lets nobody wait;
    /// [`Cache::get_or_load`](crate::Cache::get_or_load) lets the one caller wait who loads.
    #[must_use]
    pub const fn stale_while_revalidate(self, window: Ttl) -> Self {
        Self { stale_while_revalidate: window.as_duration(), ..self }
    }

    /// Loads values again before they end. Defaults to never.
    #[must_use]
    pub const fn early_refresh(self, early: EarlyRefresh) -> Self {
        Self { early, ..self }
    }

    /// How long a caller waits for a load while there is an old value to show instead. Defaults to as
    /// long as the load takes.
    ///
    /// The load goes on: in the background where [`Entry::fetch`](crate::Entry::fetch) began it, else in
    /// the caller who does it. Old values are those within [`Freshness::stale_if_error`].
    #[must_use]
    pub const fn soft_timeout(self, time: Duration) -> Self {
        Self { soft_timeout: Some(time), ..self }
    }

    /// How long a load may take before it is dropped and counts as failed. Defaults to the cache's
    /// [`max_load`](crate::CacheBuilder::max_load).
    #[must_use]
    pub const fn hard_timeout(self, time: Duration) -> Self {
        Self { hard_timeout: Some(time), ..self }
    }

    /// How long loads of an id rest after one has failed, at first and at the longest; the pause doubles
    /// with each failure. Defaults to 100 ms and 5 seconds.
    ///
    /// Meanwhile callers get an old value, where that is allowed, or the same error at once.
    #[must_use]
    pub const fn failure_pause(self, first: Duration, longest: Duration) -> Self {
        Self { failure_pause: Some(Pause { first, longest }), ..self }
    }

    /// Asks the loader again at once after it has failed.
    #[must_use]
    pub const fn without_failure_pause(self) -> Self {
        Self { failure_pause: None, ..self }
    }

    /// For how long after its end a value is worth keeping.
    pub(crate) fn stale_for(&self) -> Duration {
        self.stale_if_error.max(self.stale_while_revalidate)
    }
}

impl Default for Freshness {
    fn default() -> Self {
        Self::new()
    }
}

impl EarlyRefresh {
    /// Not before they have ended.
    #[must_use]
    pub const fn never() -> Self {
        Self(Early::Never)
    }

    /// After this share of their lifetime; less than 0.1 counts as that.
    #[must_use]
    pub const fn at(share: f64) -> Self {
        Self(Early::At(share))
    }

    /// At random, the likelier the nearer the end is and the longer the load took.
    ///
    /// So of many processes one begins early enough, without asking the others. The algorithm is that of
    /// Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention"
    /// (VLDB 2015), with their factor 1.
    #[must_use]
    pub const fn xfetch() -> Self {
        Self::xfetch_by(1.0)
    }

    /// Like [`EarlyRefresh::xfetch`], earlier for a factor above 1 and later for one below.
    #[must_use]
    pub const fn xfetch_by(factor: f64) -> Self {
        Self(Early::XFetch(factor))
    }

    pub(crate) const fn is_never(self) -> bool {
        matches!(self.0, Early::Never)
    }

    /// Whether a value of this life is to be loaded again now; `random` is in `(0, 1]`.
    pub(crate) fn is_due(self, life: &Life, now: Timestamp, random: f64) -> bool {
        match self.0 {
            Early::Never => false,
            Early::At(share) => life.fresh_for.mul_f64(share.clamp(0.1, 1.0)) <= now.since(life.created),
            Early::XFetch(factor) => {
                life.expires_at().since(now).as_secs_f64()
                    <= life.load_time.as_secs_f64() * factor * -random.ln()
            }
        }
    }
}

#[cfg(test)]
mod tests;
