//! How calls went lately, in buckets of time.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

/// Into how many parts the window is cut.
const BUCKETS: usize = 10;

/// Calls, failures and slow calls of the last while.
///
/// A bucket that is used again is emptied by whoever comes first; what others count in that very moment
/// may be lost, which moves no threshold.
#[derive(Debug, Default)]
pub(super) struct Window {
    buckets: [Bucket; BUCKETS],
    /// How many nanoseconds one bucket spans.
    span: u64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Bucket {
    epoch: AtomicU64,
    calls: AtomicU32,
    failures: AtomicU32,
    slow: AtomicU32,
}

/// The sums over the window.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failures: u32,
    pub(super) slow: u32,
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        let span = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX) / BUCKETS as u64;
        Self { buckets: Default::default(), span: span.max(1) }
    }

    /// Counts a call that ended `at` after the beginning of time.
    pub(super) fn count(&self, at: Duration, failed: bool, slow: bool) {
        let epoch = self.epoch(at);
        let bucket = self.bucket(epoch);
        let before = bucket.epoch.load(Ordering::Relaxed);
        if before != epoch
            && bucket.epoch.compare_exchange(before, epoch, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            bucket.calls.store(0, Ordering::Relaxed);
            bucket.failures.store(0, Ordering::Relaxed);
            bucket.slow.store(0, Ordering::Relaxed);
        }
        bucket.calls.fetch_add(1, Ordering::Relaxed);
        if failed {
            bucket.failures.fetch_add(1, Ordering::Relaxed);
        }
        if slow {
            bucket.slow.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sums of the window that ends `at`.
    pub(super) fn counts(&self, at: Duration) -> Counts {
        let last = self.epoch(at);
        let is_within = |bucket: &&Bucket| {
            let epoch = bucket.epoch.load(Ordering::Acquire);
            epoch <= last && last - epoch < BUCKETS as u64
        };
        self.buckets.iter().filter(is_within).fold(Counts::default(), |sum, bucket| Counts {
            calls: sum.calls.saturating_add(bucket.calls.load(Ordering::Relaxed)),
            failures: sum.failures.saturating_add(bucket.failures.load(Ordering::Relaxed)),
            slow: sum.slow.saturating_add(bucket.slow.load(Ordering::Relaxed)),
        })
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for bucket in &self.buckets {
            bucket.calls.store(0, Ordering::Relaxed);
            bucket.failures.store(0, Ordering::Relaxed);
            bucket.slow.store(0, Ordering::Relaxed);
        }
    }

    fn epoch(&self, at: Duration) -> u64 {
        u64::try_from(at.as_nanos()).unwrap_or(u64::MAX) / self.span
    }

    fn bucket(&self, epoch: u64) -> &Bucket {
        &self.buckets[usize::try_from(epoch % BUCKETS as u64).unwrap_or(0)]
    }
}
