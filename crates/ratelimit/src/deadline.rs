//! How long a limiter waits for the server.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{ErrorKind, Operation, Result, Store};

use crate::policy::Patience;

/// No server is given less, lest a pause of a few milliseconds count as an outage.
const LEAST: Duration = Duration::from_millis(25);
/// How many times the 99th percentile a call may take.
const FACTOR: u64 = 4;
/// How many answers make an estimate.
const SAMPLES: usize = 256;

/// The deadline of each call: the store's, or one that follows what is usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deadline {
    adaptive: Arc<Adaptive>,
    /// Whether it adapts whatever a policy says.
    always_adapts: bool,
}

/// Learns from the last answers how long one may take.
#[derive(Debug)]
pub(crate) struct Adaptive {
    /// In microseconds; `u64::MAX` until there is an estimate.
    allowed: AtomicU64,
    samples: Mutex<Vec<u64>>,
}

impl Deadline {
    pub(crate) fn adaptive() -> Self {
        Self { always_adapts: true, ..Self::default() }
    }

    pub(crate) async fn run<O: Operation>(
        &self,
        patience: Patience,
        store: &Store,
        operation: &O,
    ) -> Result<O::Output> {
        let Self { adaptive, always_adapts } = self;
        let adapts = patience == Patience::Adaptive || *always_adapts;
        if !adapts || store.is_memory() {
            return store.run(operation).await;
        }
        let allowed = adaptive.allowed().min(store.deadline());
        let started = store.clock().instant();
        let result = store.within(allowed).run(operation).await;
        match &result {
            Ok(_) => adaptive.note(store.clock().instant().saturating_duration_since(started)),
            // It would have taken longer: a server that has become distant is so learned to be.
            Err(error) if error.kind() == ErrorKind::Timeout => adaptive.note(allowed),
            Err(_) => {}
        }
        result
    }
}

impl Default for Adaptive {
    fn default() -> Self {
        Self { allowed: AtomicU64::new(u64::MAX), samples: Mutex::default() }
    }
}

impl Adaptive {
    fn allowed(&self) -> Duration {
        Duration::from_micros(self.allowed.load(Ordering::Relaxed))
    }

    fn note(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push(took);
        if samples.len() < SAMPLES {
            return;
        }
        samples.sort_unstable();
        let usual = samples.get(SAMPLES * 99 / 100).copied().unwrap_or(took);
        samples.clear();
        let least = u64::try_from(LEAST.as_micros()).unwrap_or(0);
        self.allowed.store(usual.saturating_mul(FACTOR).max(least), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
