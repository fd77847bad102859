//! Counters of the server over the last minutes.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{ServerInfo, info::ratio};

/// How far back a window reaches.
const SPAN: Duration = Duration::from_secs(300);
/// Samples closer together than this are not both kept.
const SPACING: Duration = Duration::from_secs(10);

/// What the server counted in the last five minutes, or since the last look if that is longer ago.
///
/// The first look has no earlier one to compare with: its window is the life of the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
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
    #[expect(clippy::cast_precision_loss, reason = "a rate needs three digits, not nineteen")]
    pub fn rejected_per_minute(&self) -> Option<f64> {
        (self.seconds >= 60.0).then(|| self.rejected_connections as f64 * 60.0 / self.seconds)
    }
}

/// The samples that windows are made from.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    kept: VecDeque<Sample>,
    run_id: String,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    hits: u64,
    misses: u64,
    rejected: u64,
    evicted: u64,
}

impl Samples {
    /// Takes the counters of `info` and answers what they gained.
    pub(crate) fn add(&mut self, info: &ServerInfo, at: Instant) -> Window {
        let counts = Counts {
            hits: info.stats.keyspace_hits,
            misses: info.stats.keyspace_misses,
            rejected: info.stats.rejected_connections,
            evicted: info.stats.evicted_keys,
        };
        // Counters start again with the server, and CONFIG RESETSTAT sets them back too.
        let started_again = self.run_id != info.server.run_id;
        if started_again || self.kept.back().is_some_and(|last| counts.is_before(&last.counts)) {
            self.kept.clear();
            self.run_id.clone_from(&info.server.run_id);
        }
        while self.kept.len() > 1 && self.kept.front().is_some_and(|first| at.duration_since(first.at) > SPAN)
        {
            self.kept.pop_front();
        }
        let window = match self.kept.front() {
            Some(first) => counts.since(&first.counts, at.duration_since(first.at)),
            None => counts.since(&Counts::default(), info.server.uptime),
        };
        if self.kept.back().is_none_or(|last| at.duration_since(last.at) >= SPACING) {
            self.kept.push_back(Sample { at, counts });
        }
        window
    }
}

impl Counts {
    const fn is_before(&self, other: &Self) -> bool {
        self.hits < other.hits
            || self.misses < other.misses
            || self.rejected < other.rejected
            || self.evicted < other.evicted
    }

    fn since(&self, earlier: &Self, span: Duration) -> Window {
        Window {
            seconds: span.as_secs_f64(),
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            rejected_connections: self.rejected.saturating_sub(earlier.rejected),
            evicted_keys: self.evicted.saturating_sub(earlier.evicted),
        }
    }
}

#[cfg(test)]
mod tests;
