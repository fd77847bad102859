//! Many values at once.

use std::{borrow::Borrow, collections::HashMap, future::Future, hash::Hash};

use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cache::{Cache, Reader},
    cached::Cached,
    error::LoadError,
    loaded::Loaded,
};

/// What came of reading many values: those that are there, and those that could not be had.
///
/// Ids that are in neither have no value.
#[derive(Debug)]
#[must_use = "some of the values may be missing: look at `failed`, or turn it `into_result`"]
pub struct Batch<K, V, E> {
    pub(crate) found: HashMap<K, Cached<V>>,
    pub(crate) failed: HashMap<K, LoadError<E>>,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The cached values, and what `load` brings for the ids that are missing.
    ///
    /// The loader is called once with the ids that nobody else loads at the moment, each once; what it does
    /// not bring does not exist and is remembered as such. It is called again only for ids whose other
    /// loader went away without an outcome. One round trip when all is cached, and two more for what is
    /// missing: to take the tickets, and to store; where all processes share a load, one between them.
    ///
    /// What holds for single reads holds for each id: its load is shared, an old value takes the place of
    /// a failed load where that is allowed, and after a failure it rests.
    ///
    /// ```
    /// use redstart_cache::Cache;
    /// use redstart_connection::Store;
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const PRICE: Entity<u64> = Entity::new(Category::Cache, "price").ttl(Ttl::minutes(5));
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let prices = Cache::<u64, u64>::new(&Store::memory(), &PRICE);
    /// let load = |missing: Vec<u64>| async move {
    ///     Ok::<_, std::io::Error>(missing.into_iter().map(|id| (id, id * 100)).collect())
    /// };
    ///
    /// let found = prices.get_many_or_load(&[1, 2, 2], load).await.into_result()?;
    /// assert_eq!((found.len(), *found[&2]), (2, 200));
    /// # Ok(()) }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// The loader runs inside this future and ends with it; others who wait for its ids load for themselves.
    pub async fn get_many_or_load<T, E, F, L>(&self, ids: &[K], load: F) -> Batch<K, V, E>
    where
        T: Into<Loaded<V>> + Send,
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Result<Vec<(K, T)>, E>> + Send,
    {
        self.many(ids, load, Reader::Caller).await
    }

    /// What [`Cache::get_many_or_load`] does, for a reader whose reads count or do not.
    pub(crate) async fn many<T, E, F, L>(&self, ids: &[K], mut load: F, reader: Reader) -> Batch<K, V, E>
    where
        T: Into<Loaded<V>> + Send,
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Result<Vec<(K, T)>, E>> + Send,
    {
        let load = |missing| {
            let loading = load(missing);
            async move {
                let loaded = loading.await?.into_iter();
                Ok(loaded.map(|(id, loaded)| (id, Ok(loaded.into()))).collect())
            }
        };
        self.0.get_many_or_load(ids, load, reader).await
    }

    /// Like [`Cache::get_many_or_load`], for a loader that tells of each id whether it failed.
    ///
    /// # Cancel safety
    ///
    /// The loader runs inside this future and ends with it; others who wait for its ids load for themselves.
    pub async fn get_many_or_load_each<T, E, F, L>(&self, ids: &[K], mut load: F) -> Batch<K, V, E>
    where
        T: Into<Loaded<V>> + Send,
        E: Send + Sync + 'static,
        F: FnMut(Vec<K>) -> L + Send,
        L: Future<Output = Vec<(K, Result<T, E>)>> + Send,
    {
        let load = |missing| {
            let loading = load(missing);
            async move {
                let loaded = loading.await.into_iter();
                Ok(loaded.map(|(id, loaded)| (id, loaded.map(Into::into))).collect())
            }
        };
        self.0.get_many_or_load(ids, load, Reader::Caller).await
    }
}

impl<K: Eq + Hash, V, E> Batch<K, V, E> {
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { found: HashMap::with_capacity(count), failed: HashMap::new() }
    }

    /// The value of an id; none when there is nothing, or it could not be had.
    #[must_use]
    pub fn get<Q: Eq + Hash + ?Sized>(&self, id: &Q) -> Option<&Cached<V>>
    where
        K: Borrow<Q>,
    {
        self.found.get(id)
    }

    /// The values that are there.
    #[must_use]
    pub const fn found(&self) -> &HashMap<K, Cached<V>> {
        &self.found
    }

    /// The ids whose values could not be had, and why.
    #[must_use]
    pub const fn failed(&self) -> &HashMap<K, LoadError<E>> {
        &self.failed
    }

    /// The values, whatever could not be had.
    #[must_use]
    pub fn into_found(self) -> HashMap<K, Cached<V>> {
        self.found
    }

    /// All or nothing.
    ///
    /// # Errors
    ///
    /// Fails with one of the errors when there is any.
    pub fn into_result(self) -> Result<HashMap<K, Cached<V>>, LoadError<E>> {
        match self.failed.into_values().next() {
            Some(error) => Err(error),
            None => Ok(self.found),
        }
    }
}
