//! One value, read or stored on terms of its own.

use std::{fmt, future::Future, hash::Hash};

use redstart_connection::Result;
use redstart_keys::{Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cache::{Cache, Version},
    cached::Cached,
    error::LoadError,
    freshness::Freshness,
    invalidation::Applied,
    loaded::{Loaded, Present},
    tag::Tag,
    terms::Terms,
};

/// One value of a cache, about to be read or stored on terms of its own; from [`Cache::entry`].
///
/// ```
/// use redstart_cache::{Cache, Freshness, Loaded};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const QUOTE: Entity<u64> = Entity::new(Category::Cache, "quote").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let quotes = Cache::<u64, f64>::new(&Store::memory(), &QUOTE);
/// let quote = quotes
///     .entry(&7)
///     .ttl(Ttl::seconds(30))
///     .freshness(Freshness::new().stale_while_revalidate(Ttl::seconds(30)))
///     .fetch(|_present| async { Ok::<_, std::io::Error>(Loaded::new(101.5)) })
///     .await?;
/// assert_eq!(quote.as_deref(), Some(&101.5));
/// # Ok(()) }
/// ```
#[must_use = "say what to do with it: `.fetch(…)`, `.get_or_load(…)` or `.set(…)`"]
pub struct Entry<'a, K, V> {
    cache: &'a Cache<K, V>,
    id: &'a K,
    terms: Terms,
    tags: Vec<Tag>,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// One value, on terms of its own.
    pub fn entry<'a>(&'a self, id: &'a K) -> Entry<'a, K, V> {
        Entry { cache: self, id, terms: self.0.terms.clone(), tags: Vec::new() }
    }
}

impl<K, V> Entry<'_, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Keeps it for this time; more than the cache's own counts as that. Defaults to the cache's own.
    ///
    /// A loader that says otherwise is followed.
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.terms.ttl = Some(ttl);
        self
    }

    /// Marks it, beside the tags that a loader brings.
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// How old values, slow loads and failing ones are dealt with. Defaults to the cache's own terms.
    pub const fn freshness(mut self, freshness: Freshness) -> Self {
        self.terms.freshness = freshness;
        self
    }

    /// Passes by what was loaded before `version`, so that a caller finds what it has written before,
    /// in whatever process. Defaults to whatever counts.
    pub const fn at_least(mut self, version: Version) -> Self {
        self.terms.at_least = version.stamp();
        self
    }

    /// The cached value, or what `load` brings; none when there is nothing.
    ///
    /// The loader is shown the copy that it is to replace, if there is one. Where old values may be shown,
    /// it runs in the background: within the window of
    /// [`stale_while_revalidate`](Freshness::stale_while_revalidate) nobody waits for it, and within that
    /// of [`stale_if_error`](Freshness::stale_if_error) nobody waits for longer than the
    /// [`soft_timeout`](Freshness::soft_timeout). Else it runs in the caller's task.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error, or because it takes too long, unless an old value may be shown.
    ///
    /// # Cancel safety
    ///
    /// A loader in the background goes on, until the store is shut down; one in the caller's task ends with
    /// this future, and the next caller starts its own.
    pub async fn fetch<T, E, F, L>(self, load: F) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>> + 'static,
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send + 'static,
        L: Future<Output = Result<T, E>> + Send + 'static,
    {
        let (cache, id, terms) = self.into_terms();
        cache.fetch(id, terms, |present| async move { load(present).await.map(Into::into) }).await
    }

    /// Like [`Cache::get_or_load`], on these terms.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error, or because it takes too long, unless an old value may be shown.
    pub async fn get_or_load<T, E, F, L>(self, load: F) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce() -> L + Send,
        L: Future<Output = Result<T, E>> + Send,
    {
        let (cache, id, terms) = self.into_terms();
        Box::pin(cache.0.get_or_load(id, &terms, |_| async move { load().await.map(Into::into) })).await
    }

    /// Loads now, whatever is cached; until that is done callers go on getting what there is.
    ///
    /// Beside a load in the background, here or in another process of a
    /// [fleet](crate::SingleFlight::fleet), there is no second one: then this answers none.
    ///
    /// # Errors
    ///
    /// Fails with the loader's error, or because it takes too long; what is cached stays.
    ///
    /// # Cancel safety
    ///
    /// The loader runs inside this future and ends with it.
    pub async fn refresh<T, E, F, L>(self, load: F) -> Result<Option<Cached<V>>, LoadError<E>>
    where
        T: Into<Loaded<V>>,
        E: Send + Sync + 'static,
        F: FnOnce(Option<Present<V>>) -> L + Send,
        L: Future<Output = Result<T, E>> + Send,
    {
        let (cache, id, terms) = self.into_terms();
        cache.0.refresh(id, &terms, |present| async move { load(present).await.map(Into::into) }).await
    }

    /// Like [`Cache::set`], on these terms.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when the value can't be encoded.
    pub async fn set(self, value: &V) -> Result<Applied> {
        let (cache, id, terms) = self.into_terms();
        cache.set_on(id, value, &terms).await
    }
}

impl<'a, K, V> Entry<'a, K, V> {
    fn into_terms(self) -> (&'a Cache<K, V>, &'a K, Terms) {
        let Self { cache, id, mut terms, tags } = self;
        terms.tags = tags.into_iter().collect();
        (cache, id, terms)
    }
}

impl<K: fmt::Debug, V> fmt::Debug for Entry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("id", self.id).field("terms", &self.terms).finish_non_exhaustive()
    }
}
