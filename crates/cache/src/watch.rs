//! Those who want to know of each read and each load of a cache.

use std::{hash::Hash, sync::Arc};

use redstart_connection::Timestamp;
use redstart_keys::Ttl;
use serde::Serialize;

use crate::{
    builder::CacheBuilder,
    cache::Inner,
    trial::{TtlExperiment, fingerprint},
    usage::Recorder,
};

/// What is recorded beside the numbers that every cache counts.
pub(crate) struct Watch<K> {
    recorder: Option<Arc<Recorder<K>>>,
    experiment: Option<TtlExperiment>,
}

impl<K> Watch<K>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    /// What the settings ask for; mostly nothing.
    pub(crate) fn new<V>(settings: &mut CacheBuilder<K, V>) -> Option<Box<Self>> {
        let usage = settings.usage.take();
        let recorder = usage.and_then(|usage| Recorder::new(&settings.store, &settings.entity, usage));
        let experiment = settings.experiment.take();
        (recorder.is_some() || experiment.is_some()).then(|| Box::new(Self { recorder, experiment }))
    }

    /// Notes a read; `name` is what the server calls the id.
    pub(crate) fn read(&self, id: &K, is_hit: bool, name: impl FnOnce() -> Vec<u8>) {
        if let Some(recorder) = &self.recorder {
            recorder.note(id);
        }
        if let Some(experiment) = &self.experiment {
            experiment.read(&name(), is_hit);
        }
    }

    /// Notes a loaded value, and until when it is fresh.
    pub(crate) fn loaded<V: Serialize>(
        &self,
        name: &[u8],
        value: Option<&V>,
        (now, ends): (Timestamp, Timestamp),
    ) {
        if let Some(experiment) = &self.experiment {
            experiment.loaded(name, fingerprint(value), now, ends);
        }
    }
}

impl<K, V> Inner<K, V> {
    /// The recorder of uses, where there is one.
    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder<K>>> {
        self.watch.as_ref()?.recorder.as_ref()
    }

    /// How long the value under a name is fresh if nobody says otherwise.
    pub(crate) fn usual_ttl(&self, name: &[u8]) -> Ttl {
        let experiment = self.watch.as_ref().and_then(|watch| watch.experiment.as_ref());
        experiment.map_or(self.ttl, |experiment| experiment.ttl(name))
    }
}
