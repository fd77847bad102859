//! A recorder whose series are bounded.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit,
};
use redstart_connection::names;

/// How many sets of labels one metric may have; more belong to a mistake, such as a name of a person in a
/// label, and would fill memory here and in whatever scrapes.
const MOST: usize = 1_000;
/// The value of every label of what comes above.
const OTHER: &str = "other";

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Hands on to another recorder, and joins what has too many sets of labels in one series.
pub(super) struct Bounded<R> {
    inner: R,
    /// The keys by the metric's name.
    seen: RwLock<HashMap<String, HashSet<Key>>>,
}

impl<R: Recorder> Bounded<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, seen: RwLock::default() }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// The key, or that of what is joined.
    fn admit<'a>(&self, key: &'a Key) -> Cow<'a, Key> {
        if key.labels().next().is_none() || self.is_known(key) || self.is_room(key) {
            return Cow::Borrowed(key);
        }
        let labels = [Label::new("metric", key.name().to_owned())];
        let overflow = Key::from_parts(names::METRICS_OVERFLOW, labels.to_vec());
        self.inner.register_counter(&overflow, &METADATA).increment(1);
        let labels: Vec<_> = key.labels().map(|label| Label::new(label.key().to_owned(), OTHER)).collect();
        Cow::Owned(Key::from_parts(key.name().to_owned(), labels))
    }

    fn is_known(&self, key: &Key) -> bool {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        seen.get(key.name()).is_some_and(|sets| sets.contains(key))
    }

    fn is_room(&self, key: &Key) -> bool {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let sets = seen.entry(key.name().to_owned()).or_default();
        sets.len() < MOST && {
            sets.insert(key.clone());
            true
        }
    }
}

impl<R: Recorder> Recorder for Bounded<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.inner.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.inner.register_counter(&self.admit(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.inner.register_gauge(&self.admit(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.inner.register_histogram(&self.admit(key), metadata)
    }
}

#[cfg(test)]
mod tests;
