//! Many values at once.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use redstart_connection::Result;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cache::{Cache, Filling, Place, Reader},
    cached::{Cached, Source},
    error::LoadError,
    l1::Epoch,
    loaded::Loaded,
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
    pub async fn get_many_or_load<T, E, F, L>(
        &self,
        ids: &[K],
        load: F,
    ) -> Result<HashMap<K, Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce(Vec<K>) -> L + Send,
        L: Future<Output = Result<Vec<(K, T)>, E>> + Send,
    {
        self.many(ids, load, Reader::Caller).await
    }

    /// What [`Cache::get_many_or_load`] does, for a reader whose reads count or do not.
    pub(crate) async fn many<T, E, F, L>(
        &self,
        ids: &[K],
        load: F,
        reader: Reader,
    ) -> Result<HashMap<K, Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce(Vec<K>) -> L + Send,
        L: Future<Output = Result<Vec<(K, T)>, E>> + Send,
    {
        let inner = &*self.0;
        let asked = inner.store.clock().instant();
        let mut found = HashMap::with_capacity(ids.len());
        let mut open = Vec::new();
        let mut seen = HashSet::with_capacity(ids.len());
        for id in ids.iter().filter(|id| seen.insert(*id)) {
            match inner.near(id, asked) {
                Some((held, now)) => {
                    let cached = inner.answer(reader, id, held, Source::L1, now);
                    found.extend(cached.map(|cached| (id.clone(), cached)));
                }
                None => {
                    let place = inner.place(id);
                    let epoch = inner.near.epoch(place.spot);
                    open.push((place, epoch));
                }
            }
        }
        let (missing, store_helps) = self.read_many(open, &mut found, reader).await;
        if missing.is_empty() {
            return Ok(found);
        }
        let keys = missing.iter().map(|(place, _)| place.key.clone()).collect();
        let tickets = if store_helps { inner.told(inner.store.run(&inner.take(keys)).await) } else { None };
        let started = inner.store.clock().instant();
        let loaded = load(missing.iter().map(|(place, _)| place.spot.id.clone()).collect()).await;
        let took = inner.store.clock().instant().saturating_duration_since(started);
        let mut loaded: HashMap<K, T> = loaded
            .map_err(|error| {
                inner.tallies.load_failures.add();
                LoadError::Load(Arc::new(error))
            })?
            .into_iter()
            .collect();
        inner.tallies.loaded(took);

        let as_of = tickets.as_ref().map_or(0, |tickets| tickets.as_of);
        let mut tokens = tickets.map(|tickets| tickets.tickets.into_iter()).into_iter().flatten();
        let mut filled = Vec::with_capacity(missing.len());
        for (place, epoch) in missing {
            let brought = loaded.remove(place.spot.id).map_or_else(Loaded::absent, Into::into);
            let (held, ttl) = inner.born(&place.name, brought, as_of, took);
            let now = inner.store.clock().now();
            let cached = inner.answer(reader, place.spot.id, held.clone(), Source::Loaded, now);
            found.extend(cached.map(|cached| (place.spot.id.clone(), cached)));
            if let Some((ticket, ttl)) = tokens.next().flatten().zip(ttl) {
                filled.push((place, epoch, held, ticket.token, ttl));
            }
        }
        let fillings = filled.iter().map(|(place, _, held, token, ttl)| Filling {
            key: &place.key,
            held,
            token: token.clone(),
            ttl: *ttl,
        });
        let may_keep = inner.fill(fillings.collect()).await;
        for ((place, epoch, held, ..), may_keep) in filled.iter().zip(may_keep) {
            if may_keep {
                inner.near.keep(place.spot, held, *epoch, inner.now());
            }
        }
        Ok(found)
    }

    /// Reads the store for what this process does not have; answers what is missing, and whether the store helps.
    async fn read_many<'a>(
        &self,
        open: Vec<(Place<'a, K>, Epoch)>,
        found: &mut HashMap<K, Cached<V>>,
        reader: Reader,
    ) -> (Vec<(Place<'a, K>, Epoch)>, bool) {
        let inner = &*self.0;
        if open.is_empty() {
            return (open, true);
        }
        let keys = open.iter().map(|(place, _)| place.key.clone()).collect();
        let Some((looked, source)) = inner.told(inner.look_many(keys).await) else { return (open, false) };
        let now = inner.now();
        let mut missing = Vec::new();
        for ((place, epoch), held) in open.into_iter().zip(looked) {
            match held {
                Some(held) => {
                    inner.near.keep(place.spot, &held, epoch, now);
                    let cached = inner.answer(reader, place.spot.id, held, source, now.timestamp);
                    found.extend(cached.map(|cached| (place.spot.id.clone(), cached)));
                }
                None => missing.push((place, epoch)),
            }
        }
        (missing, true)
    }
}
