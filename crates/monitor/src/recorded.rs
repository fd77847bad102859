//! What this process has recorded of itself: its own side of the connection.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use redstart_connection::names;
use serde::Serialize;

use crate::{durations, info::ratio, ring::Ring, scrape::line};

/// Fewer operations than this give no rate.
const ENOUGH: u64 = 100;
/// What has been over for longer than this is over: a twelfth of the window, as for alerts on two windows
/// (Beyer et al., "The Site Reliability Workbook", chapter 5).
const LATELY: Duration = Duration::from_secs(25);
/// The sources of decisions for which the server was not asked.
const CACHED: [&str; 2] = ["deny_cache", "lease"];

/// What this process recorded in the last five minutes, or since it began.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientWindow {
    /// How long the window is, in seconds; none for the life of the process.
    pub seconds: Option<f64>,
    /// Operations that ended.
    pub operations: u64,
    /// Those of them that failed.
    pub errors: u64,
    /// The share that failed in the last half minute; none where nothing ended or that was not yet seen.
    pub failing: Option<f64>,
    /// Attempts that were sent again.
    pub retries: u64,
    /// Answers of this process's memory in the server's place.
    pub standby_answers: u64,
    /// Limits that were decided without the server, by their outage rule.
    pub limiter_errors: u64,
    /// Locks that were lost while they were held.
    pub lock_losses: u64,
    /// Waits for locks that another held.
    pub lock_waits: u64,
    /// Decisions of limits, since the process began.
    pub limit_decisions: u64,
    /// Those of them that this process made by itself, since it began: by its deny cache or from a lease.
    pub limit_decisions_cached: u64,
    /// Half of the operations took at most so long, with network and queue.
    #[serde(rename = "p50Ms", serialize_with = "durations::optional_milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub p50: Option<Duration>,
    /// 95 in a hundred took at most so long.
    #[serde(rename = "p95Ms", serialize_with = "durations::optional_milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub p95: Option<Duration>,
    /// 99 in a hundred took at most so long.
    #[serde(rename = "p99Ms", serialize_with = "durations::optional_milliseconds")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub p99: Option<Duration>,
}

impl ClientWindow {
    /// The share of operations that failed, and still fail: the smaller one of the window and of its last half
    /// minute; none before there are 100.
    #[must_use]
    pub fn error_rate(&self) -> Option<f64> {
        let rate = if self.operations < ENOUGH { None } else { ratio(self.errors, self.operations) };
        rate.map(|rate| self.failing.map_or(rate, |failing| failing.min(rate)))
    }
}

/// The samples that windows are made from.
#[derive(Debug, Default)]
pub(crate) struct ClientSamples(Ring<Recorded>);

impl ClientSamples {
    /// Takes what is recorded now, as Prometheus text, and answers what came in the window.
    pub(crate) fn add(&mut self, text: &str, at: Instant) -> ClientWindow {
        let now = Recorded::parse(text);
        let mut window = match self.0.oldest(at) {
            Some((ago, earlier)) => now.since(earlier, Some(ago)),
            None => now.since(&Recorded::default(), None),
        };
        window.failing = self.0.before(at, LATELY).and_then(|earlier| {
            let errors = now.errors.saturating_sub(earlier.errors);
            ratio(errors, now.operations.saturating_sub(earlier.operations))
        });
        self.0.add(at, now);
        window
    }
}

/// The sums of what matters here.
#[derive(Debug, Default)]
struct Recorded {
    operations: u64,
    errors: u64,
    retries: u64,
    standby_answers: u64,
    limiter_errors: u64,
    lock_losses: u64,
    lock_waits: u64,
    limit_decisions: u64,
    limit_decisions_cached: u64,
    /// How many operations took at most so many microseconds.
    buckets: BTreeMap<u64, u64>,
}

impl Recorded {
    fn parse(text: &str) -> Self {
        let mut recorded = Self::default();
        for line in text.lines().filter_map(|line| line::parse(line).ok()) {
            let (name, value) = (line.name, count(line.value));
            // What this monitor asks by itself says nothing of the service.
            if line.label(names::label::OPERATION).is_some_and(|operation| operation.starts_with("monitor."))
            {
                continue;
            }
            match name.strip_prefix(names::OPERATION_SECONDS) {
                Some("_count") => {
                    recorded.operations += value;
                    if line.label("outcome").is_some_and(names::is_error) {
                        recorded.errors += value;
                    }
                }
                Some("_bucket") => {
                    if let Some(bound) = line.label("le").and_then(micros) {
                        *recorded.buckets.entry(bound).or_default() += value;
                    }
                }
                Some(_) => {}
                None => match name {
                    names::RETRIES => recorded.retries += value,
                    names::STANDBY_ANSWERS => recorded.standby_answers += value,
                    names::LIMITER_ERRORS => recorded.limiter_errors += value,
                    names::LIMIT_DECISIONS => {
                        recorded.limit_decisions += value;
                        if line.label("source").is_some_and(|source| CACHED.contains(&source)) {
                            recorded.limit_decisions_cached += value;
                        }
                    }
                    names::LOCK_LOSSES => recorded.lock_losses += value,
                    names::LOCK_CONTENDED => recorded.lock_waits += value,
                    _ => {}
                },
            }
        }
        recorded
    }

    fn since(&self, earlier: &Self, ago: Option<Duration>) -> ClientWindow {
        let operations = self.operations.saturating_sub(earlier.operations);
        let gained = |bound: &u64, count: &u64| {
            count.saturating_sub(earlier.buckets.get(bound).copied().unwrap_or_default())
        };
        let at = |share_in_hundred: u64| {
            let rank = operations.saturating_mul(share_in_hundred).div_ceil(100);
            let class = self.buckets.iter().find(|(bound, count)| gained(bound, count) >= rank);
            // What is slower than the last bound has none; it is at least that.
            let class = class.or_else(|| self.buckets.iter().next_back());
            (operations > 0).then(|| class.map(|(bound, _)| Duration::from_micros(*bound))).flatten()
        };
        ClientWindow {
            seconds: ago.map(|ago| ago.as_secs_f64()),
            operations,
            errors: self.errors.saturating_sub(earlier.errors),
            failing: None,
            retries: self.retries.saturating_sub(earlier.retries),
            standby_answers: self.standby_answers.saturating_sub(earlier.standby_answers),
            limiter_errors: self.limiter_errors.saturating_sub(earlier.limiter_errors),
            lock_losses: self.lock_losses.saturating_sub(earlier.lock_losses),
            lock_waits: self.lock_waits.saturating_sub(earlier.lock_waits),
            limit_decisions: self.limit_decisions,
            limit_decisions_cached: self.limit_decisions_cached,
            p50: at(50),
            p95: at(95),
            p99: at(99),
        }
    }
}

/// A count, which the format writes as any other number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are whole; what is none saturates"
)]
const fn count(value: f64) -> u64 {
    value as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bounds are of our own making"
)]
fn micros(bound: &str) -> Option<u64> {
    let seconds: f64 = bound.parse().ok()?;
    seconds.is_finite().then(|| (seconds * 1_000_000.0).round() as u64)
}

#[cfg(test)]
mod tests;
