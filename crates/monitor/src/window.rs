//! Counters of the server over the last minutes.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{ServerInfo, info::ratio, ring::Ring};

/// What the server counted in the last five minutes, or since the last look if that is longer ago.
///
/// The first look has no earlier one to compare with: its window is the life of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Window {
    /// How long the window is, in seconds.
    pub seconds: f64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Connections that the server refused.
    pub rejected_connections: u64,
    /// Keys thrown out for want of memory.
    pub evicted_keys: u64,
    /// Commands that the server refused a user.
    pub denied_commands: u64,
}

impl Window {
    /// The share of reads that found their key; none before there are 1,000.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let lookups = self.hits.saturating_add(self.misses);
        if lookups < 1_000 { None } else { ratio(self.hits, lookups) }
    }

    /// Connections that the server refused, per minute; none for a window under a minute.
    #[must_use]
    pub fn rejected_per_minute(&self) -> Option<f64> {
        self.per_minute(self.rejected_connections)
    }

    /// Keys thrown out for want of memory, per minute; none for a window under a minute.
    #[must_use]
    pub fn evicted_per_minute(&self) -> Option<f64> {
        self.per_minute(self.evicted_keys)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate needs three digits, not nineteen")]
    fn per_minute(&self, count: u64) -> Option<f64> {
        (self.seconds >= 60.0).then(|| count as f64 * 60.0 / self.seconds)
    }
}

/// The samples that windows are made from.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    kept: Ring<Counts>,
    run_id: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    hits: u64,
    misses: u64,
    rejected: u64,
    evicted: u64,
    denied: u64,
}

impl Samples {
    /// Takes the counters of `info` and answers what they gained.
    pub(crate) fn add(&mut self, info: &ServerInfo, at: Instant) -> Window {
        let counts = Counts {
            hits: info.stats.keyspace_hits,
            misses: info.stats.keyspace_misses,
            rejected: info.stats.rejected_connections,
            evicted: info.stats.evicted_keys,
            denied: info.stats.denied_commands,
        };
        // Counters start again with the server, and CONFIG RESETSTAT sets them back too.
        let started_again = self.run_id != info.server.run_id;
        if started_again || self.kept.newest().is_some_and(|last| counts.is_before(last)) {
            self.kept.clear();
            self.run_id.clone_from(&info.server.run_id);
        }
        let window = match self.kept.oldest(at) {
            Some((ago, first)) => counts.since(first, ago),
            None => counts.since(&Counts::default(), info.server.uptime),
        };
        self.kept.add(at, counts);
        window
    }
}

impl Counts {
    const fn is_before(&self, other: &Self) -> bool {
        self.hits < other.hits
            || self.misses < other.misses
            || self.rejected < other.rejected
            || self.evicted < other.evicted
            || self.denied < other.denied
    }

    fn since(&self, earlier: &Self, span: Duration) -> Window {
        Window {
            seconds: span.as_secs_f64(),
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            rejected_connections: self.rejected.saturating_sub(earlier.rejected),
            evicted_keys: self.evicted.saturating_sub(earlier.evicted),
            denied_commands: self.denied.saturating_sub(earlier.denied),
        }
    }
}

#[cfg(test)]
mod tests;
