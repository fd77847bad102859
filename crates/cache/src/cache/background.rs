//! Loads that replace what is shown meanwhile.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Semaphore, watch};

use super::{
    Cache, Inner, Place,
    bring::{Brought, Errand, Errands},
    load::Found,
};
use crate::{
    cached::{Cached, Source},
    error::LoadError,
    flight::Outcome,
    held::Held,
    loaded::{Loaded, Present},
    terms::Terms,
};

/// What came of a replacement, once something has.
pub(super) type Pending<V> = watch::Receiver<Option<Arc<Outcome<V>>>>;

/// The replacements under way, one for an id at the most.
pub(super) struct Background<V> {
    running: Mutex<HashMap<u64, Pending<V>>>,
    permits: Arc<Semaphore>,
}

/// The right to replace one value; whoever waits is told when it ends, be it by a panic.
pub(super) struct Slot<V> {
    background: Arc<Background<V>>,
    mark: u64,
    outcome: watch::Sender<Option<Arc<Outcome<V>>>>,
}

impl<V> Background<V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            running: Mutex::default(),
            permits: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// The right to replace a value, or what is under way already.
    pub(super) fn claim(self: &Arc<Self>, mark: u64) -> Result<Slot<V>, Pending<V>> {
        let mut running = self.running();
        if let Some(pending) = running.get(&mark) {
            return Err(pending.clone());
        }
        let (outcome, pending) = watch::channel(None);
        running.insert(mark, pending);
        Ok(Slot { background: Arc::clone(self), mark, outcome })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u64, Pending<V>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Drop for Slot<V> {
    fn drop(&mut self) {
        self.background.running().remove(&self.mark);
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Replaces `present` in this caller's task; none where another process is at it.
    pub(super) async fn replace<E, F, L>(
        &self,
        slot: Slot<V>,
        place: &Place<'_, K>,
        terms: &Terms,
        present: Option<Held<V>>,
        load: F,
    ) -> Option<Result<(Held<V>, Source), LoadError<E>>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<Loaded<V>, E>> + Send,
    {
        let epoch = self.near.epoch(place.spot);
        let errand = Errand { place, terms, flight: None, present, store_helps: true };
        match self.bring(errand, load).await {
            Errands::Brought(Brought { held, source, may_keep }) => {
                match may_keep {
                    true => self.near.keep(place.spot, &held, epoch, self.now()),
                    false => self.near.shown_and_not_kept(place.spot),
                }
                slot.outcome.send_replace(Some(Arc::new(Outcome::Brought { held: held.clone(), source })));
                Some(Ok((held, source)))
            }
            Errands::Elsewhere => None,
            Errands::Failed(error) => {
                slot.outcome.send_replace(Some(Arc::new(Outcome::Failed(error.erased()))));
                Some(Err(error))
            }
        }
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Loads now, whatever is cached; none where somebody else is at it.
    pub(crate) async fn refresh<E, F, L>(
        &self,
        id: &K,
        terms: &Terms,
        load: F,
    ) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<Loaded<V>, E>> + Send,
    {
        let place = self.place(id);
        let Ok(slot) = self.background.claim(place.spot.mark) else { return Ok(None) };
        let present = match self.find(&place, terms).await {
            Found::Fresh(held, _) => Some(held),
            Found::Else { present, .. } => present.map(|(held, _)| held),
        };
        match self.replace(slot, &place, terms, present, load).await {
            Some(Ok((held, source))) => Ok(self.hand_out(id, held, source, self.store.clock().now())),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Replaces `present` in the background; none where there is no room for that, or after the shutdown.
    pub(super) fn replace_behind<E, F, L>(
        &self,
        id: &K,
        terms: Terms,
        present: Option<Held<V>>,
        load: F,
    ) -> Option<Pending<V>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send + 'static,
        L: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        let slot = match self.0.background.claim(self.0.place(id).spot.mark) {
            Ok(slot) => slot,
            Err(pending) => return Some(pending),
        };
        let permit = Arc::clone(&self.0.background.permits).try_acquire_owned().ok()?;
        let (cache, id, pending) = (self.clone(), id.clone(), slot.outcome.subscribe());
        let work = async move {
            let inner = &*cache.0;
            let place = inner.place(&id);
            if let Some(Err(_)) = inner.replace(slot, &place, &terms, present, load).await {
                tracing::debug!(cache = cache.name(), "a load in the background failed");
            }
            drop(permit);
        };
        self.0.store.tasks().spawn("cache load", work).then_some(pending)
    }
}
