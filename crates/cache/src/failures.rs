//! Loads that failed a moment ago, and rest.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{error::Failure, freshness::Pause};

/// How many ids may rest at the same time; those beyond are loaded at every call.
const MOST: usize = 10_000;

/// The ids whose loads rest, by the mark of their names.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    resting: Mutex<HashMap<u64, Resting>>,
    /// How many there are, so that nobody takes the lock while nothing fails.
    count: AtomicUsize,
}

#[derive(Debug)]
struct Resting {
    failure: Failure,
    until: Instant,
    /// Until when a further failure counts as one in a row.
    remembered: Instant,
    failures: u32,
}

impl Failures {
    /// Why the id is not loaded now, if it is not.
    pub(crate) fn standing(&self, mark: u64, now: Instant) -> Option<Failure> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let resting = self.lock();
        resting.get(&mark).filter(|resting| now < resting.until).map(|resting| resting.failure.clone())
    }

    /// Lets loads of an id rest, twice as long as after the failure before; answers how long.
    pub(crate) fn note(&self, mark: u64, failure: Failure, pause: Pause, now: Instant) -> Duration {
        let mut resting = self.lock();
        if resting.len().is_power_of_two() || resting.len() >= MOST {
            resting.retain(|_, resting| now < resting.remembered);
        }
        let failures = resting.get(&mark).filter(|before| now < before.remembered);
        let failures = failures.map_or(0, |before| before.failures.saturating_add(1));
        let rest = pause.first.saturating_mul(1 << failures.min(20)).min(pause.longest);
        // Shortened at random by up to a quarter, so that processes do not try in step.
        let rest = rest.mul_f64(1.0 - fastrand::f64() / 4.0);
        let until = now + rest;
        if resting.len() < MOST || resting.contains_key(&mark) {
            let remembered = until + pause.longest;
            resting.insert(mark, Resting { failure, until, remembered, failures });
        }
        self.count.store(resting.len(), Ordering::Release);
        rest
    }

    /// Lets an id be loaded again: it was loaded, or has changed.
    pub(crate) fn forget(&self, mark: u64) {
        if self.count.load(Ordering::Acquire) > 0 {
            let mut resting = self.lock();
            resting.remove(&mark);
            self.count.store(resting.len(), Ordering::Release);
        }
    }

    /// Lets all ids be loaded again.
    pub(crate) fn clear(&self) {
        if self.count.load(Ordering::Acquire) > 0 {
            self.lock().clear();
            self.count.store(0, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Resting>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
