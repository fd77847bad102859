//! Invalidations that come in bursts, and ones that come twice.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redstart_connection::{Result, Timestamp};
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::sleep;

use crate::{cache::Cache, invalidation::Applied};

/// How many ids may be in a burst at the same time; those beyond are invalidated each time.
const MOST: usize = 10_000;
/// How long after the end of a window another process sees to it that nothing of it is left undone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Folds bursts of invalidations of one id; from [`Cache::debounced`].
///
/// The first of a burst is done at once, and all that follow within the window as one at its end: so
/// nothing that is older than the last of them outlives the window.
///
/// What waits for the end of a window the store keeps too, at the price of two commands for each window with
/// more than one: when this process dies meanwhile, another does it 2 seconds after that end. While the server
/// is away, and on the embedded store, this process alone keeps it. [`Debounced::flush`] does it early.
pub struct Debounced<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    cache: Cache<K, V>,
    window: Duration,
    bursts: Mutex<HashMap<K, Burst>>,
}

/// What has come of one id within the window.
#[derive(Default)]
struct Burst {
    /// Whether more came since the first.
    more: bool,
    /// When another process does it, if this one dies before.
    net: Option<Timestamp>,
}

/// What became of an invalidation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Heard {
    /// It was done.
    Done(Applied),
    /// It is done at the end of the window, with others, even if this process dies before.
    Folded,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// A handle that folds bursts of invalidations within `window`.
    #[must_use]
    pub fn debounced(&self, window: Duration) -> Debounced<K, V> {
        Debounced(Arc::new(Inner { cache: self.clone(), window, bursts: Mutex::default() }))
    }

    /// Invalidates now, and once more after `delay`.
    ///
    /// For loaders that read a copy of the source which lags behind by less than `delay`: what they bring in
    /// between is old. The store keeps the second one, see [`Cache::invalidate_after`]; where it can't, because
    /// it is away, this process does, until its shutdown.
    ///
    /// # Errors
    ///
    /// Fails when the store does; the second one is tried all the same.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway either may be done or not.
    pub async fn invalidate_twice(&self, id: &K, delay: Duration) -> Result<Applied> {
        if self.0.told(self.invalidate_after(id, delay).await).is_none() {
            let (cache, id) = (self.clone(), id.clone());
            self.0.store.tasks().spawn("cache invalidation", async move {
                sleep(delay).await;
                cache.0.told(cache.invalidate(&id).await);
            });
        }
        self.invalidate(id).await
    }
}

impl<K, V> Debounced<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Invalidates a value, at once or at the end of the window.
    ///
    /// # Errors
    ///
    /// Fails when the store does; at the end of the window a failure is counted and logged.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway it is done at the end of the window if it was one of several, and else may be
    /// done or not.
    pub async fn invalidate(&self, id: &K) -> Result<Heard> {
        let is_second = {
            let mut bursts = self.0.bursts();
            let former = bursts.get_mut(id).map(|burst| std::mem::replace(&mut burst.more, true));
            if former.is_none() && bursts.len() < MOST {
                bursts.insert(id.clone(), Burst::default());
            }
            former.map(|came_before| !came_before)
        };
        if let Some(is_second) = is_second {
            if is_second {
                self.0.spread_net(id).await;
            }
            return Ok(Heard::Folded);
        }
        let (inner, burst) = (Arc::clone(&self.0), id.clone());
        let until_quiet = async move { inner.until_quiet(burst).await };
        if !self.0.cache.0.store.tasks().spawn("cache debounce", until_quiet) {
            self.0.bursts().remove(id);
        }
        self.0.cache.invalidate(id).await.map(Heard::Done)
    }

    /// Does at once what waits for the end of a window.
    ///
    /// # Errors
    ///
    /// Fails when the store does; what could not be done waits on.
    pub async fn flush(&self) -> Result<()> {
        let waiting: Vec<K> =
            self.0.bursts().iter().filter(|(_, burst)| burst.more).map(|(id, _)| id.clone()).collect();
        for id in waiting {
            self.0.cache.invalidate(&id).await?;
            let net = self.0.bursts().get_mut(&id).map(std::mem::take).and_then(|burst| burst.net);
            self.0.take_net_in(&id, net).await;
        }
        Ok(())
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Invalidates at the end of each window in which more came.
    async fn until_quiet(&self, id: K) {
        loop {
            sleep(self.window).await;
            let net = {
                let mut bursts = self.bursts();
                match bursts.get_mut(&id) {
                    Some(burst) if burst.more => std::mem::take(burst).net,
                    _ => {
                        bursts.remove(&id);
                        return;
                    }
                }
            };
            if self.cache.0.told(self.cache.invalidate(&id).await).is_some() {
                self.take_net_in(&id, net).await;
            }
        }
    }

    /// Has the store see to it that the end of this window is not lost with this process.
    async fn spread_net(&self, id: &K) {
        if self.cache.0.store.is_memory() {
            return;
        }
        let put_off = self.cache.invalidate_after(id, self.window + PATIENCE).await;
        let Some(at) = self.cache.0.told(put_off) else { return };
        // What came at the very end of the window is done once more, which does no harm.
        if let Some(burst) = self.bursts().get_mut(id).filter(|burst| burst.more) {
            burst.net = Some(at);
        }
    }

    async fn take_net_in(&self, id: &K, net: Option<Timestamp>) {
        if let Some(at) = net {
            self.cache.0.told(self.cache.cancel_invalidation(id, at).await);
        }
    }
}

impl<K, V> Inner<K, V> {
    fn bursts(&self) -> MutexGuard<'_, HashMap<K, Burst>> {
        self.bursts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Clone for Debounced<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Debounced<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Debounced").field("window", &self.0.window).finish_non_exhaustive()
    }
}
