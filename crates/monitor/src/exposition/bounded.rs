//! A bound on the label sets of a metric.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use redstart_connection::names;

/// How many label sets of one metric are kept apart.
const MOST: usize = 1_000;
/// What the labels of all others say.
const OTHER: &str = "other";
const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// A recorder behind a bound: whoever makes up labels without end can't fill the memory, nor the page.
pub(super) struct Bounded<R> {
    recorder: R,
    /// The keys by the metric's name; their hashes alone would not do, since some collide.
    known: RwLock<HashMap<String, HashSet<Key>>>,
}

impl<R: Recorder> Bounded<R> {
    pub(super) fn new(recorder: R) -> Self {
        Self { recorder, known: RwLock::default() }
    }

    pub(super) fn into_inner(self) -> R {
        self.recorder
    }

    /// The key itself while there is room for it, else the one that stands for all others.
    fn within<'a>(&self, key: &'a Key) -> Cow<'a, Key> {
        if key.labels().len() == 0 || self.admits(key) {
            return Cow::Borrowed(key);
        }
        let folded =
            Key::from_parts(names::METRICS_OVERFLOW, vec![Label::new("metric", key.name().to_owned())]);
        self.recorder.register_counter(&folded, &METADATA).increment(1);
        let labels: Vec<_> = key.labels().map(|label| Label::new(label.key().to_owned(), OTHER)).collect();
        Cow::Owned(Key::from_parts(key.name().to_owned(), labels))
    }

    fn admits(&self, key: &Key) -> bool {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            match known.get(key.name()) {
                Some(sets) if sets.contains(key) => return true,
                Some(sets) if sets.len() >= MOST => return false,
                _ => {}
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let sets = known.entry(key.name().to_owned()).or_default();
        sets.contains(key) || (sets.len() < MOST && sets.insert(key.clone()))
    }
}

impl<R: Recorder> Recorder for Bounded<R> {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.recorder.describe_counter(name, unit, help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.recorder.describe_gauge(name, unit, help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.recorder.describe_histogram(name, unit, help);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.recorder.register_counter(&self.within(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.recorder.register_gauge(&self.within(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.recorder.register_histogram(&self.within(key), metadata)
    }
}

#[cfg(test)]
mod tests;
