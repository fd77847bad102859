//! What is kept of calls: three times each, and what came of them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;

use super::work::Answer;

/// The longest time that is told apart; what takes longer counts as this.
const LONGEST: u64 = 120_000_000;
/// Times are exact to a thousandth.
const DIGITS: u8 = 3;

/// The times of one call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// From when it should have started to when it did.
    pub(crate) late: Duration,
    /// From when it started to its end.
    pub(crate) service: Duration,
}

/// Calls put together.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// From the real start to the end: how fast the answer came.
    pub(crate) service: Histogram<u64>,
    /// From the intended start to the end: what a caller waits who does not care why.
    pub(crate) response: Histogram<u64>,
    /// From the intended start to the real one: what the generator itself adds.
    pub(crate) lateness: Histogram<u64>,
    pub(crate) steps: Vec<StepTally>,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) limited: u64,
    pub(crate) failures: BTreeMap<&'static str, Failures>,
}

/// The calls of one step.
#[derive(Clone, Debug)]
pub(crate) struct StepTally {
    pub(crate) response: Histogram<u64>,
    pub(crate) failed: u64,
}

/// Failures of one class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) count: u64,
    /// What the first of them said.
    pub(crate) example: String,
}

/// Takes in calls from many tasks.
#[derive(Debug)]
pub(crate) struct Recorder {
    steps: usize,
    current: Mutex<Tally>,
}

impl Recorder {
    pub(crate) fn new(steps: usize) -> Self {
        Self { steps, current: Mutex::new(Tally::new(steps)) }
    }

    pub(crate) fn note(&self, step: usize, took: Took, answer: &Answer) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).note(step, took, answer);
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Tally {
        let fresh = Tally::new(self.steps);
        std::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), fresh)
    }
}

impl Tally {
    pub(crate) fn new(steps: usize) -> Self {
        let step = || StepTally { response: histogram(), failed: 0 };
        Self {
            service: histogram(),
            response: histogram(),
            lateness: histogram(),
            steps: std::iter::repeat_with(step).take(steps).collect(),
            hits: 0,
            misses: 0,
            limited: 0,
            failures: BTreeMap::new(),
        }
    }

    fn note(&mut self, step: usize, took: Took, answer: &Answer) {
        let response = micros(took.late + took.service);
        self.lateness.saturating_record(micros(took.late));
        self.service.saturating_record(micros(took.service));
        self.response.saturating_record(response);
        let step = &mut self.steps[step];
        step.response.saturating_record(response);
        match answer {
            Answer::Done => {}
            Answer::Hit => self.hits += 1,
            Answer::Miss => self.misses += 1,
            Answer::Limited => self.limited += 1,
            Answer::Failed { class, text } => {
                step.failed += 1;
                let failures = self.failures.entry(class).or_default();
                if failures.count == 0 {
                    failures.example.clone_from(text);
                }
                failures.count += 1;
            }
        }
    }

    /// Adds other calls.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self { service, response, lateness, steps, hits, misses, limited, failures } = other;
        merge(&mut self.service, service);
        merge(&mut self.response, response);
        merge(&mut self.lateness, lateness);
        for (sum, step) in self.steps.iter_mut().zip(steps) {
            merge(&mut sum.response, &step.response);
            sum.failed += step.failed;
        }
        self.hits += hits;
        self.misses += misses;
        self.limited += limited;
        for (class, more) in failures {
            let known = self
                .failures
                .entry(class)
                .or_insert_with(|| Failures { count: 0, example: more.example.clone() });
            known.count += more.count;
        }
    }

    /// How many calls ended.
    pub(crate) fn ended(&self) -> u64 {
        self.response.len()
    }

    /// How many of them failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().map(|failures| failures.count).sum()
    }

    /// The share of reads that found something; none where nothing was read.
    pub(crate) fn hit_rate(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

/// An empty histogram of microseconds.
#[expect(clippy::expect_used, reason = "the bounds are constants that the library takes")]
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds are right")
}

fn merge(sum: &mut Histogram<u64>, more: &Histogram<u64>) {
    // Both have the same bounds, so nothing can be out of them.
    let added = sum.add(more);
    debug_assert!(added.is_ok(), "histograms of different bounds");
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(LONGEST).max(1)
}
