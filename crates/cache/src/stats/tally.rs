//! Numbers that many threads add to.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use metrics::Counter;

/// One number, kept here and told to the metrics.
pub(crate) struct Tally {
    count: AtomicU64,
    metric: Counter,
}

impl Tally {
    pub(crate) fn new(metric: Counter) -> Self {
        Self { count: AtomicU64::new(0), metric }
    }

    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    pub(crate) fn add_many(&self, count: u64) {
        self.count.fetch_add(count, Ordering::Relaxed);
        self.metric.increment(count);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

const STRIPES: usize = 16;
/// How many additions of a stripe may go by before the metric hears of them.
const TOLD_EVERY: u64 = 64;

/// A number that is added to on every hit in this process: each thread adds to a stripe of its own, so
/// that threads do not take a cache line from each other.
///
/// The metric is one place for all threads, so it hears of every sixty-fourth addition, and of the rest
/// when [`StripedTally::tell`] is called.
pub(crate) struct StripedTally {
    stripes: [Stripe; STRIPES],
    told: AtomicU64,
    metric: Counter,
}

/// Two cache lines wide, since processors fetch them in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

impl StripedTally {
    pub(crate) fn new(metric: Counter) -> Self {
        Self { stripes: Default::default(), told: AtomicU64::new(0), metric }
    }

    #[inline]
    pub(crate) fn add(&self) {
        let before = self.stripes[own_stripe()].0.fetch_add(1, Ordering::Relaxed);
        if before % TOLD_EVERY == TOLD_EVERY - 1 {
            self.tell();
        }
    }

    /// Tells the metric what it has not heard of yet.
    pub(crate) fn tell(&self) {
        let count = self.count();
        let told = self.told.fetch_max(count, Ordering::Relaxed);
        if told < count {
            self.metric.increment(count - told);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

/// The stripe of this thread; threads get theirs in turn.
#[inline]
fn own_stripe() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let own = OWN.get();
    if own < STRIPES {
        return own;
    }
    let own = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    OWN.set(own);
    own
}

#[cfg(test)]
mod tests;
