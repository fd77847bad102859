//! Warming one cache, a batch at a time.

use std::{
    fmt::{self, Display},
    future::Future,
    hash::Hash,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt as _;
use redstart_connection::BoxFuture;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::{Ids, report::WarmCounts};
use crate::{
    cache::{Cache, Reader},
    cached::Source,
    error::LoadError,
    loaded::Loaded,
};

type Plan = dyn Fn(usize) -> BoxFuture<'static, Result<Vec<Batch>, String>> + Send + Sync;

/// A cache to warm: with which ids, and how they are loaded.
#[derive(Clone)]
pub struct Warming {
    pub(super) name: &'static str,
    pub(super) priority: i32,
    pub(super) batch: usize,
    pub(super) plan: Arc<Plan>,
}

/// Ids that are loaded together.
pub(super) struct Batch {
    pub(super) size: u64,
    pub(super) work: Box<dyn FnOnce(bool) -> BoxFuture<'static, Warmed> + Send>,
}

/// What came of a batch, and why when it failed.
#[derive(Debug, Default)]
pub(super) struct Warmed {
    pub(super) counts: WarmCounts,
    pub(super) error: Option<String>,
}

impl Warming {
    /// Warms `cache` with these ids; `load` gets those that are missing, a batch at a time.
    ///
    /// As with [`Cache::get_many_or_load`], what it does not bring does not exist.
    #[must_use]
    pub fn new<K, V, T, E, F, L>(cache: &Cache<K, V>, ids: Ids<K>, load: F) -> Self
    where
        K: Id + Clone + Eq + Hash + Send + Sync + 'static,
        V: Serialize + DeserializeOwned + Send + Sync + 'static,
        T: Into<Loaded<V>> + Send,
        E: Display + Send + Sync + 'static,
        F: Fn(Vec<K>) -> L + Send + Sync + 'static,
        L: Future<Output = Result<Vec<(K, T)>, E>> + Send + 'static,
    {
        let (name, cache, load) = (cache.name(), cache.clone(), Arc::new(load));
        let plan = move |size: usize| -> BoxFuture<'static, Result<Vec<Batch>, String>> {
            let (cache, ids, load) = (cache.clone(), ids.clone(), Arc::clone(&load));
            Box::pin(async move {
                let ids = ids.find(cache.0.recorder().cloned()).await?;
                let Some(first) = ids.first() else { return Ok(Vec::new()) };
                // Without a store the loads would be for nothing.
                let answer = stored(&cache, [first]).await;
                answer.map_err(|error| format!("the store does not answer: {error}"))?;
                let batch = |ids: &[K]| {
                    let (cache, load, ids) = (cache.clone(), Arc::clone(&load), ids.to_vec());
                    let size = ids.len() as u64;
                    let work = move |verify| -> BoxFuture<'static, Warmed> {
                        let warming =
                            async move { warm(&cache, &ids, |missing| load(missing), verify).await };
                        Box::pin(AssertUnwindSafe(warming).catch_unwind().map(move |warmed| {
                            warmed.unwrap_or_else(|_| Warmed::failed(size, "the loader panicked".to_owned()))
                        }))
                    };
                    Batch { size, work: Box::new(work) }
                };
                Ok(ids.chunks(size).map(batch).collect())
            })
        };
        Self { name, priority: 0, batch: 100, plan: Arc::new(plan) }
    }

    /// Caches of a higher priority are warmed first. Defaults to 0.
    #[must_use]
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// How many ids the loader gets at a time. Defaults to 100.
    #[must_use]
    pub const fn batch(mut self, ids: usize) -> Self {
        self.batch = if ids == 0 { 1 } else { ids };
        self
    }
}

impl Warmed {
    fn failed(count: u64, error: String) -> Self {
        let counts = WarmCounts { attempted: count, failed: count, ..WarmCounts::default() };
        Self { counts, error: Some(error) }
    }
}

async fn warm<K, V, T, E, L>(
    cache: &Cache<K, V>,
    ids: &[K],
    load: impl Fn(Vec<K>) -> L + Send + Sync,
    verify: bool,
) -> Warmed
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
    T: Into<Loaded<V>> + Send,
    E: Display + Send + Sync + 'static,
    L: Future<Output = Result<Vec<(K, T)>, E>> + Send,
{
    let missing = AtomicU64::new(0);
    let counted = |ids: Vec<K>| {
        missing.fetch_add(ids.len() as u64, Ordering::Relaxed);
        load(ids)
    };
    let batch = cache.many(ids, counted, Reader::Warming).await;
    let (found, failures) = (batch.found(), batch.failed());
    let loaded: Vec<&K> =
        found.iter().filter(|(_, cached)| cached.source() == Source::Loaded).map(|(id, _)| id).collect();
    let (warmed, failed) = (loaded.len() as u64, failures.len() as u64);
    let (attempted, missing) = (ids.len() as u64, missing.load(Ordering::Relaxed));
    let absent = missing.saturating_sub(warmed + failed);
    let skipped = attempted.saturating_sub(warmed + failed + absent);
    let error = failures.values().next().map(|error| match error {
        LoadError::Load(cause) => cause.to_string(),
        error => error.to_string(),
    });
    let mut counts = WarmCounts { attempted, skipped, warmed, absent, failed, ..WarmCounts::default() };
    if verify && !loaded.is_empty() {
        match stored(cache, loaded).await {
            Ok(verified) => counts.verified = verified,
            Err(error) => return Warmed { counts, error: Some(format!("it can't be verified: {error}")) },
        }
    }
    Warmed { counts, error }
}

/// How many of these ids the store has a value for.
async fn stored<'a, K, V>(
    cache: &Cache<K, V>,
    ids: impl IntoIterator<Item = &'a K>,
) -> redstart_connection::Result<u64>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let keys = ids.into_iter().map(|id| cache.0.entity.key(id)).collect();
    let (found, _) = cache.0.look_many(keys).await?;
    Ok(found.iter().flatten().filter(|held| held.value().is_some()).count() as u64)
}

impl fmt::Debug for Warming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, priority, batch, plan: _ } = self;
        f.debug_struct("Warming")
            .field("name", name)
            .field("priority", priority)
            .field("batch", batch)
            .finish_non_exhaustive()
    }
}
