//! What a cache has done.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use metrics::{Counter, Histogram};
use redstart_connection::names;

/// A snapshot of what a cache has done since it was built.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The cache's name.
    pub name: &'static str,
    /// Reads answered by this process.
    pub l1_hits: u64,
    /// Reads answered by the store.
    pub l2_hits: u64,
    /// Reads that neither could answer.
    pub misses: u64,
    /// Loads that brought something, absence included.
    pub loads: u64,
    /// Loads that failed.
    pub load_failures: u64,
    /// Time spent in loads that brought something.
    pub load_time: Duration,
    /// Fills that came too late, after an invalidation.
    pub rejected_fills: u64,
    /// Stored values that could not be read and counted as misses.
    pub decode_failures: u64,
    /// Steps that the store failed.
    pub store_errors: u64,
    /// Invalidations made through this cache.
    pub invalidations: u64,
    /// Values in this process, about.
    pub l1_entries: u64,
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

/// One number, kept here and told to the metrics.
pub(crate) struct Tally {
    count: AtomicU64,
    metric: Counter,
}

impl Tally {
    fn new(metric: Counter) -> Self {
        Self { count: AtomicU64::new(0), metric }
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.metric.increment(1);
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

/// The numbers of one cache.
pub(crate) struct Tallies {
    name: &'static str,
    pub(crate) l1_hits: Tally,
    pub(crate) l2_hits: Tally,
    pub(crate) misses: Tally,
    pub(crate) load_failures: Tally,
    pub(crate) rejected_fills: Tally,
    pub(crate) decode_failures: Tally,
    pub(crate) store_errors: Tally,
    pub(crate) invalidations: Tally,
    loads: Tally,
    load_micros: AtomicU64,
    load_seconds: Histogram,
}

impl Tallies {
    pub(crate) fn new(name: &'static str) -> Self {
        let read = |tier: &'static str, result: &'static str| {
            Tally::new(
                metrics::counter!(names::CACHE_READS, "cache" => name, "tier" => tier, "result" => result),
            )
        };
        let load = |outcome: &'static str| {
            Tally::new(metrics::counter!(names::CACHE_LOADS, "cache" => name, "outcome" => outcome))
        };
        Self {
            name,
            l1_hits: read("l1", "hit"),
            l2_hits: read("l2", "hit"),
            misses: read("l2", "miss"),
            decode_failures: read("l2", "undecodable"),
            store_errors: read("l2", "error"),
            loads: load("loaded"),
            load_failures: load("failed"),
            rejected_fills: load("superseded"),
            invalidations: Tally::new(metrics::counter!(names::CACHE_INVALIDATIONS, "cache" => name)),
            load_micros: AtomicU64::new(0),
            load_seconds: metrics::histogram!(names::CACHE_LOAD_SECONDS, "cache" => name),
        }
    }

    pub(crate) fn loaded(&self, took: Duration) {
        self.loads.add();
        self.load_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.load_seconds.record(took);
    }

    pub(crate) fn snapshot(&self, l1_entries: u64) -> Stats {
        Stats {
            name: self.name,
            l1_hits: self.l1_hits.count(),
            l2_hits: self.l2_hits.count(),
            misses: self.misses.count(),
            loads: self.loads.count(),
            load_failures: self.load_failures.count(),
            load_time: Duration::from_micros(self.load_micros.load(Ordering::Relaxed)),
            rejected_fills: self.rejected_fills.count(),
            decode_failures: self.decode_failures.count(),
            store_errors: self.store_errors.count(),
            invalidations: self.invalidations.count(),
            l1_entries,
        }
    }
}
