//! Building a cache.

use std::{fmt::Display, hash::Hash, str::FromStr, time::Duration};

use redstart_connection::Store;
use redstart_keys::{Entity, Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cache::Cache,
    codec::{Codec, Compression},
    freshness::Freshness,
    l1::Near,
    registry::Registry,
    single_flight::SingleFlight,
    trial::TtlExperiment,
    usage::{Usage, Written},
};

/// The tier in this process.
#[derive(Clone, Copy, Debug)]
pub struct L1(Choice);

#[derive(Clone, Copy, Debug)]
enum Choice {
    Off,
    Entries(u64),
}

impl L1 {
    /// None: every read goes to the store.
    #[must_use]
    pub const fn off() -> Self {
        Self(Choice::Off)
    }

    /// At most so many values.
    ///
    /// What other processes change is heard of within moments, on a connection that all caches of a store
    /// share. When it can't be heard, values here are passed by, see [`CacheBuilder::max_staleness`].
    #[must_use]
    pub const fn entries(count: u64) -> Self {
        Self(Choice::Entries(count))
    }

    const fn count(self) -> Option<u64> {
        match self.0 {
            Choice::Off => None,
            Choice::Entries(count) => Some(count),
        }
    }
}

/// Settings of a cache under construction; from [`Cache::builder`].
#[derive(Debug)]
pub struct CacheBuilder<K, V> {
    pub(crate) store: Store,
    pub(crate) entity: Entity<K>,
    pub(crate) ttl: Ttl,
    pub(crate) negative: Option<Ttl>,
    pub(crate) jitter: f64,
    pub(crate) max_load: Ttl,
    pub(crate) max_staleness: Duration,
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
    pub(crate) freshness: Freshness,
    pub(crate) flight: SingleFlight,
    pub(crate) background: usize,
    pub(crate) usage: Option<Written<K>>,
    pub(crate) experiment: Option<TtlExperiment>,
    l1: L1,
    l1_ttl: Duration,
    value: std::marker::PhantomData<fn() -> V>,
}

impl<K, V> CacheBuilder<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn new(store: &Store, entity: &Entity<K>) -> Self {
        Self {
            store: store.clone(),
            entity: *entity,
            ttl: entity.ttl().unwrap_or(Ttl::MAX),
            negative: Some(Ttl::seconds(15)),
            jitter: 0.1,
            max_load: Ttl::seconds(30),
            max_staleness: Duration::from_secs(2),
            codec: Codec::default(),
            compression: Compression::default(),
            freshness: Freshness::new(),
            flight: SingleFlight::process(),
            background: 64,
            usage: None,
            experiment: None,
            l1: L1::entries(10_000),
            l1_ttl: Duration::from_secs(30),
            value: std::marker::PhantomData,
        }
    }

    /// The tier in this process. Defaults to 10,000 values.
    #[must_use]
    pub const fn l1(mut self, l1: L1) -> Self {
        self.l1 = l1;
        self
    }

    /// How long this process keeps a value, at the most. Defaults to 30 seconds.
    #[must_use]
    pub const fn l1_ttl(mut self, ttl: Ttl) -> Self {
        self.l1_ttl = ttl.as_duration();
        self
    }

    /// For how long values in this process are trusted without hearing from the server. Defaults to
    /// 2 seconds.
    ///
    /// A value that another process has invalidated longer ago than this is never shown. Less than
    /// about 1 second passes values by now and then, since that is how often the server says that there
    /// is no news.
    #[must_use]
    pub const fn max_staleness(mut self, time: Duration) -> Self {
        self.max_staleness = time;
        self
    }

    /// The format of values. Defaults to JSON, which is also what plain entities keep whatever this says.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Whether values are compressed. Defaults to no; those of plain entities never are.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long absence is remembered. Defaults to 15 seconds.
    ///
    /// Plain entities can't say that there is nothing: on them it is remembered by nobody.
    #[must_use]
    pub const fn negative(mut self, ttl: Ttl) -> Self {
        self.negative = Some(ttl);
        self
    }

    /// Asks the loader again each time there is nothing.
    #[must_use]
    pub const fn without_negative(mut self) -> Self {
        self.negative = None;
        self
    }

    /// Shortens each lifetime at random by up to this share, so that entries do not end together.
    ///
    /// Defaults to 0.1; more than 0.5 counts as that.
    #[must_use]
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }

    /// How old values, slow loads and failing ones are dealt with. Defaults to [`Freshness::new`].
    #[must_use]
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    /// Who waits for whose load. Defaults to [`SingleFlight::process`].
    #[must_use]
    pub const fn single_flight(mut self, flight: SingleFlight) -> Self {
        self.flight = flight;
        self
    }

    /// How many loads may run in the background at the same time. Defaults to 64.
    ///
    /// When there are as many, old values are shown for longer instead.
    #[must_use]
    pub const fn background_loads(mut self, count: usize) -> Self {
        self.background = count;
        self
    }

    /// How long a load may take and still be stored. Defaults to 30 seconds.
    #[must_use]
    pub const fn max_load(mut self, time: Ttl) -> Self {
        self.max_load = time;
        self
    }

    /// Records which ids are used, so that [`Cache::popular`] and warming know. Defaults to no.
    ///
    /// Sensitive ids are never recorded.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self
    where
        K: Display + FromStr,
    {
        self.usage = Some(Written::new(usage));
        self
    }

    /// Splits the keys between the TTLs of an experiment, which take the place of the entity's.
    ///
    /// Each read then costs about 110 ns more.
    #[must_use]
    pub fn experiment(mut self, experiment: &TtlExperiment) -> Self {
        self.ttl = experiment.longest();
        self.experiment = Some(experiment.clone());
        self
    }

    /// The cache.
    #[must_use]
    pub fn build(self) -> Cache<K, V> {
        let registry = self.store.shared::<Registry>();
        let space = registry.space(&self.entity);
        let near = Near::new(self.l1.count(), self.l1_ttl, space);
        Cache::assemble(self, near, registry)
    }
}
