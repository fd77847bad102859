//! What a cache has done.

mod tally;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram as Times;
use metrics::Histogram;
use redstart_connection::{Timestamp, names};
use serde::{Serialize, Serializer};

pub(crate) use self::tally::{StripedTally, Tally};

/// A snapshot of what a cache has done since it was built.
///
/// Serialized, times are seconds and the names are in camel case.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// The cache's name.
    pub name: &'static str,
    /// Since when it counts; seconds since the Unix epoch when serialized.
    #[serde(serialize_with = "epoch_seconds")]
    pub since: Timestamp,
    /// Reads answered by this process.
    pub l1_hits: u64,
    /// Reads answered by the store.
    pub l2_hits: u64,
    /// Those of the hits that were answered with a value that was no longer fresh.
    pub stale_served: u64,
    /// Reads that neither could answer.
    pub misses: u64,
    /// Loads that brought something, absence included.
    pub loads: u64,
    /// Loads that failed.
    pub load_failures: u64,
    /// Time spent in loads that brought something.
    #[serde(rename = "loadSeconds", serialize_with = "seconds")]
    pub load_time: Duration,
    /// The mean of those times; zero before the first load.
    #[serde(rename = "loadMeanSeconds", serialize_with = "seconds")]
    pub load_mean: Duration,
    /// What half of those times lie below, within a hundredth.
    #[serde(rename = "loadP50Seconds", serialize_with = "seconds")]
    pub load_p50: Duration,
    /// What 95 of 100 of those times lie below, within a hundredth.
    #[serde(rename = "loadP95Seconds", serialize_with = "seconds")]
    pub load_p95: Duration,
    /// Fills that came too late, after an invalidation.
    pub rejected_fills: u64,
    /// Stored values that could not be read and counted as misses.
    pub decode_failures: u64,
    /// Steps that the store failed.
    pub store_errors: u64,
    /// Invalidations made through this cache.
    pub invalidations: u64,
    /// Invalidations that wait in the store for their moment, as this process has heard last.
    pub scheduled: u64,
    /// Values that this process threw out for want of room.
    pub l1_evictions: u64,
    /// Values in this process, about.
    pub l1_entries: u64,
    /// Bytes of values read from the store.
    pub bytes_read: u64,
    /// Bytes of values sent to the store.
    pub bytes_written: u64,
}

impl Stats {
    /// The share of reads that were answered without a load; none before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        let hits = self.l1_hits + self.l2_hits;
        let reads = hits + self.misses;
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
        (reads > 0).then(|| hits as f64 / reads as f64)
    }
}

/// The numbers of one cache.
pub(crate) struct Tallies {
    name: &'static str,
    since: Timestamp,
    pub(crate) l1_hits: StripedTally,
    pub(crate) l2_hits: Tally,
    pub(crate) stale_served: Tally,
    pub(crate) misses: Tally,
    pub(crate) load_failures: Tally,
    pub(crate) rejected_fills: Tally,
    pub(crate) decode_failures: Tally,
    pub(crate) store_errors: Tally,
    pub(crate) invalidations: Tally,
    pub(crate) bytes_read: Tally,
    pub(crate) bytes_written: Tally,
    l1_evictions: Arc<Tally>,
    loads: Tally,
    load_times: Mutex<LoadTimes>,
    load_seconds: Histogram,
}

/// How long loads took, in µs.
struct LoadTimes {
    total: Duration,
    spread: Times<u32>,
}

impl Tallies {
    pub(crate) fn new(name: &'static str, since: Timestamp, l1_evictions: Arc<Tally>) -> Self {
        let read = |tier: &'static str, result: &'static str| metrics::counter!(names::CACHE_READS, "cache" => name, "tier" => tier, "result" => result);
        let load = |outcome: &'static str| {
            Tally::new(metrics::counter!(names::CACHE_LOADS, "cache" => name, "outcome" => outcome))
        };
        let bytes = |direction: &'static str| {
            Tally::new(metrics::counter!(names::CACHE_BYTES, "cache" => name, "direction" => direction))
        };
        Self {
            name,
            since,
            l1_hits: StripedTally::new(read("l1", "hit")),
            l2_hits: Tally::new(read("l2", "hit")),
            stale_served: Tally::new(metrics::counter!(names::CACHE_STALE, "cache" => name)),
            misses: Tally::new(read("l2", "miss")),
            decode_failures: Tally::new(read("l2", "undecodable")),
            store_errors: Tally::new(read("l2", "error")),
            loads: load("loaded"),
            load_failures: load("failed"),
            rejected_fills: load("superseded"),
            invalidations: Tally::new(metrics::counter!(names::CACHE_INVALIDATIONS, "cache" => name)),
            bytes_read: bytes("read"),
            bytes_written: bytes("written"),
            l1_evictions,
            load_times: Mutex::new(LoadTimes::new()),
            load_seconds: metrics::histogram!(names::CACHE_LOAD_SECONDS, "cache" => name),
        }
    }

    /// Counts the values that a tier in this process throws out for want of room.
    pub(crate) fn evictions(name: &'static str) -> Arc<Tally> {
        Arc::new(Tally::new(metrics::counter!(names::CACHE_EVICTIONS, "cache" => name)))
    }

    pub(crate) fn loaded(&self, took: Duration) {
        self.loads.add();
        self.load_times().add(took);
        self.load_seconds.record(took);
    }

    pub(crate) fn snapshot(&self, l1_entries: u64) -> Stats {
        self.l1_hits.tell();
        let load_times = self.load_times();
        Stats {
            name: self.name,
            since: self.since,
            l1_hits: self.l1_hits.count(),
            l2_hits: self.l2_hits.count(),
            stale_served: self.stale_served.count(),
            misses: self.misses.count(),
            loads: self.loads.count(),
            load_failures: self.load_failures.count(),
            load_time: load_times.total,
            load_mean: load_times.mean(),
            load_p50: load_times.below(0.5),
            load_p95: load_times.below(0.95),
            rejected_fills: self.rejected_fills.count(),
            decode_failures: self.decode_failures.count(),
            store_errors: self.store_errors.count(),
            invalidations: self.invalidations.count(),
            scheduled: 0,
            l1_evictions: self.l1_evictions.count(),
            l1_entries,
            bytes_read: self.bytes_read.count(),
            bytes_written: self.bytes_written.count(),
        }
    }

    fn load_times(&self) -> MutexGuard<'_, LoadTimes> {
        self.load_times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LoadTimes {
    /// The longest time that is told from longer ones: an hour.
    const LONGEST: u64 = 3_600_000_000;

    #[expect(clippy::expect_used, reason = "two digits and these bounds are within the histogram's own")]
    fn new() -> Self {
        let spread = Times::new_with_bounds(1, Self::LONGEST, 2).expect("the bounds are right");
        Self { total: Duration::ZERO, spread }
    }

    fn add(&mut self, took: Duration) {
        self.total += took;
        let micros = u64::try_from(took.as_micros()).unwrap_or(Self::LONGEST);
        self.spread.saturating_record(micros);
    }

    fn mean(&self) -> Duration {
        let loads = u32::try_from(self.spread.len()).unwrap_or(u32::MAX);
        self.total.checked_div(loads).unwrap_or_default()
    }

    fn below(&self, share: f64) -> Duration {
        Duration::from_micros(self.spread.value_at_quantile(share))
    }
}

pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn epoch_seconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(at.as_secs())
}

#[cfg(test)]
mod tests;
