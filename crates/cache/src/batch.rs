//! Many values at once.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use redstart_connection::{Answer, Result};
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cache::Cache,
    cached::{Cached, Source},
    error::LoadError,
    l1::Epoch,
    operations::{Fill, FillEntry, Read},
    value::Held,
};

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The cached values, and what `load` brings for the ids that are missing.
    ///
    /// The loader is called at most once, with each missing id once; what it does not bring does not
    /// exist and is remembered as such. Ids without a value are left out of the answer. One round trip
    /// when all is cached, three with a load in between.
    ///
    /// Batches do not wait for each other's loads, nor for those of single reads.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error alone.
    ///
    /// # Cancel safety
    ///
    /// The loader runs inside this future and ends with it.
    pub async fn get_many_or_load<E, F, L>(
        &self,
        ids: &[K],
        load: F,
    ) -> Result<HashMap<K, Cached<V>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        F: FnOnce(Vec<K>) -> L + Send,
        L: Future<Output = Result<Vec<(K, V)>, E>> + Send,
    {
        let inner = &*self.0;
        let now = inner.now();
        let mut found = HashMap::with_capacity(ids.len());
        let mut open = Vec::new();
        let mut seen = HashSet::with_capacity(ids.len());
        for id in ids.iter().filter(|id| seen.insert(*id)) {
            match inner.near.get(id, now) {
                Some(held) => {
                    inner.tallies.l1_hits.add();
                    found.extend(Cached::from_held(held, Source::L1, now).map(|cached| (id.clone(), cached)));
                }
                None => open.push((id.clone(), inner.near.epoch(id))),
            }
        }
        let (missing, store_helps) = self.read_many(open, &mut found).await;
        if missing.is_empty() {
            return Ok(found);
        }
        let keys = missing.iter().map(|(id, _)| inner.key(id)).collect();
        let tickets = if store_helps { inner.told(inner.store.run(&inner.take(keys)).await) } else { None };
        let started = inner.store.clock().instant();
        let loaded = load(missing.iter().map(|(id, _)| id.clone()).collect()).await;
        let took = inner.store.clock().instant().saturating_duration_since(started);
        let mut loaded: HashMap<K, V> = loaded
            .map_err(|error| {
                inner.tallies.load_failures.add();
                LoadError::Load(Arc::new(error))
            })?
            .into_iter()
            .collect();
        inner.tallies.loaded(took);

        let as_of = tickets.as_ref().map_or(0, |tickets| tickets.as_of);
        let mut tokens = tickets.map(|tickets| tickets.tickets.into_iter()).into_iter().flatten();
        let mut entries = Vec::with_capacity(missing.len());
        let mut filled = Vec::with_capacity(missing.len());
        for (id, epoch) in missing {
            inner.tallies.misses.add();
            let (held, ttl) = inner.born(loaded.remove(&id), as_of);
            found.extend(
                Cached::from_held(held.clone(), Source::Loaded, inner.now())
                    .map(|cached| (id.clone(), cached)),
            );
            let Some((ticket, ttl)) = tokens.next().flatten().zip(ttl) else { continue };
            let Some(bytes) = inner.encoded(&held, ttl, took) else { continue };
            entries.push(FillEntry::new(inner.key(&id), ticket.token, bytes, ttl));
            filled.push((id, epoch, held));
        }
        self.fill_many(entries, filled).await;
        Ok(found)
    }

    /// Reads the store for what this process does not have; answers what is missing, and whether the store helps.
    async fn read_many(
        &self,
        open: Vec<(K, Epoch)>,
        found: &mut HashMap<K, Cached<V>>,
    ) -> (Vec<(K, Epoch)>, bool) {
        let inner = &*self.0;
        if open.is_empty() {
            return (open, true);
        }
        let keys = open.iter().map(|(id, _)| inner.key(id)).collect();
        let Some(Answer { output: values, by, .. }) = inner.told(inner.store.ask(&Read::new(keys)).await)
        else {
            return (open, false);
        };
        let now = inner.now();
        let mut missing = Vec::new();
        for ((id, epoch), bytes) in open.into_iter().zip(values) {
            match bytes.and_then(|bytes| inner.decoded(&bytes)) {
                Some(held) => {
                    inner.tallies.l2_hits.add();
                    inner.near.keep(&id, &held, epoch, now);
                    found.extend(Cached::from_held(held, Source::of(by), now).map(|cached| (id, cached)));
                }
                None => missing.push((id, epoch)),
            }
        }
        (missing, true)
    }

    async fn fill_many(&self, entries: Vec<FillEntry>, filled: Vec<(K, Epoch, Held<V>)>) {
        let inner = &*self.0;
        if entries.is_empty() {
            return;
        }
        let Some(stored) = inner.told(inner.store.run(&Fill::new(entries)).await) else { return };
        for ((id, epoch, held), stored) in filled.into_iter().zip(stored) {
            if stored {
                inner.near.keep(&id, &held, epoch, inner.now());
            } else {
                inner.tallies.rejected_fills.add();
            }
        }
    }
}
