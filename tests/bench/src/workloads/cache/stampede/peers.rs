//! What other caches of one process have against a stampede, as their documentation shows it.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicU64},
};

use cached::macros::cached;
use foyer_memory::{Cache as Foyer, CacheBuilder};
use moka::future::Cache as Moka;

use super::{Stampede, load_of};
use crate::item::Item;

/// `get_with`: who comes later waits for the first.
pub(super) fn moka() -> Stampede {
    let cache: Moka<u64, Arc<Item>> = Moka::new(10_000);
    Stampede::new(move |_, id, loads| {
        let cache = cache.clone();
        async move {
            cache.get_with(id, async { Arc::new(load_of(id, &loads).await) }).await;
            true
        }
    })
}

/// `get_or_fetch`: fetches of one key are made one.
pub(super) fn foyer() -> Stampede {
    let cache: Foyer<u64, Arc<Item>> = CacheBuilder::new(10_000).build();
    Stampede::new(move |_, id, loads| {
        let cache = cache.clone();
        async move {
            let fetch = || async move { Ok::<_, Infallible>(Arc::new(load_of(id, &loads).await)) };
            cache.get_or_fetch(&id, fetch).await.is_ok()
        }
    })
}

/// A function under `#[cached]` whose body runs once for a key.
pub(super) fn cached() -> Stampede {
    Stampede::new(|_, id, loads| async move {
        item(id, loads).await;
        true
    })
}

#[cached(max_size = 10_000, sync_writes = "by_key", key = "u64", convert = { id })]
async fn item(id: u64, loads: Arc<AtomicU64>) -> Arc<Item> {
    Arc::new(load_of(id, &loads).await)
}

/// `get_or_insert` with its protection switched on; wants a runtime, to which its clock belongs.
pub(super) fn cachet() -> Stampede {
    let clock = tick::Clock::new_tokio();
    let cache = cachet::Cache::builder::<u64, Arc<Item>>(clock).memory().stampede_protection().build();
    let cache = Arc::new(cache);
    Stampede::new(move |_, id, loads| {
        let cache = Arc::clone(&cache);
        async move {
            let load = || async { Arc::new(load_of(id, &loads).await) };
            cache.get_or_insert(&id, load).await.is_ok()
        }
    })
}
