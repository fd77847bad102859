//! Caches of other makers that keep values in the process, each with its default settings.

use std::{hint::black_box, sync::Arc};

use cached::ShardedLruCache;
use foyer_memory::{Cache as FoyerCache, CacheBuilder};

use super::HOT;
use crate::{Result, item::Item, load::Caller};

/// How many values each holds at the most, as moka does.
const ROOM: usize = 10_000;

/// foyer's tier in memory; an answer is a handle on the entry.
#[derive(Clone)]
pub(super) struct Foyer(FoyerCache<u64, Arc<Item>>);

/// The store behind `#[concurrent_cached]`.
#[derive(Clone)]
pub(super) struct Cached(Arc<ShardedLruCache<u64, Arc<Item>>>);

/// cachet over its tier in memory, which is moka.
#[derive(Clone)]
pub(super) struct Cachet(Arc<cachet::Cache<u64, Arc<Item>>>);

impl Foyer {
    pub(super) fn with_hot() -> Self {
        let cache: FoyerCache<u64, Arc<Item>> = CacheBuilder::new(ROOM).build();
        cache.insert(HOT, Arc::new(Item::sample(HOT)));
        Self(cache)
    }
}

impl Caller for Foyer {
    async fn call(&mut self) -> bool {
        black_box(self.0.get(black_box(&HOT))).is_some()
    }
}

impl Cached {
    pub(super) fn with_hot() -> Result<Self> {
        let cache = ShardedLruCache::builder().max_size(ROOM).build()?;
        cache.set(HOT, Arc::new(Item::sample(HOT)));
        Ok(Self(Arc::new(cache)))
    }
}

impl Caller for Cached {
    async fn call(&mut self) -> bool {
        black_box(self.0.get(black_box(&HOT))).is_some()
    }
}

impl Cachet {
    /// Wants a runtime, to which its clock belongs.
    pub(super) async fn with_hot() -> Result<Self> {
        let cache = cachet::Cache::builder(tick::Clock::new_tokio()).memory().build();
        cache.insert(HOT, Arc::new(Item::sample(HOT))).await?;
        Ok(Self(Arc::new(cache)))
    }
}

impl Caller for Cachet {
    async fn call(&mut self) -> bool {
        matches!(black_box(self.0.get(black_box(&HOT)).await), Ok(Some(_)))
    }
}
