//! Which ids to warm.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use redstart_connection::{BoxFuture, Result as StoreResult};

use crate::usage::{Recorder, Used};

/// Ids, or why they can't be told.
pub(super) type Found<K> = Result<Vec<K>, String>;
type Find<K> = Arc<dyn Fn(Known<K>) -> BoxFuture<'static, Found<K>> + Send + Sync>;
/// What is known of the use of the cache, if it is recorded.
type Known<K> = Option<Arc<Recorder<K>>>;

/// Where the ids of a warming come from; asked anew each time that it runs.
///
/// ```
/// use redstart_cache::Ids;
///
/// // What was used most; on the first day, when nothing is known, what the shop window shows.
/// let ids: Ids<u64> = Ids::popular(500).or(Ids::these([1, 2, 3]));
/// # drop(ids);
/// ```
pub struct Ids<K>(Find<K>);

impl<K> Ids<K>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    /// These.
    #[must_use]
    pub fn these(ids: impl IntoIterator<Item = K>) -> Self {
        let ids: Arc<[K]> = ids.into_iter().collect();
        Self::new(move |_| {
            let ids = ids.to_vec();
            async move { Ok(ids) }
        })
    }

    /// What a query finds, such as the products sold most this week.
    #[must_use]
    pub fn found<E, F, Q>(query: F) -> Self
    where
        E: Display,
        F: Fn() -> Q + Send + Sync + 'static,
        Q: Future<Output = Result<Vec<K>, E>> + Send + 'static,
    {
        Self::new(move |_| {
            let found = query();
            async move { found.await.map_err(|error| error.to_string()) }
        })
    }

    /// The most used, as [`Cache::popular`](crate::Cache::popular) tells.
    #[must_use]
    pub fn popular(most: u32) -> Self {
        Self::new(move |known: Known<K>| async move {
            match known {
                Some(recorder) => ids_of(recorder.popular(most).await),
                None => Ok(Vec::new()),
            }
        })
    }

    /// What the coming hour is expected to use, as [`Cache::expected`](crate::Cache::expected) tells.
    #[must_use]
    pub fn expected(most: u32) -> Self {
        Self::new(move |known: Known<K>| async move {
            match known {
                Some(recorder) => ids_of(recorder.expected(most).await),
                None => Ok(Vec::new()),
            }
        })
    }

    /// The others where these are none.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self::new(move |known: Known<K>| {
            let (these, others) = ((self.0)(known.clone()), Arc::clone(&others.0));
            async move {
                let these = these.await?;
                if these.is_empty() { others(known).await } else { Ok(these) }
            }
        })
    }

    /// These and after them the others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self::new(move |known: Known<K>| {
            let (these, others) = ((self.0)(known.clone()), Arc::clone(&others.0));
            async move {
                let mut these = these.await?;
                these.extend(others(known).await?);
                Ok(these)
            }
        })
    }

    /// Of these only the ones that are among the most used, the most used first; none where nobody records.
    #[must_use]
    pub fn only_popular(self, most: u32) -> Self {
        let popular = Self::popular(most);
        Self::new(move |known: Known<K>| {
            let (these, popular) = ((self.0)(known.clone()), (popular.0)(known));
            async move {
                let ranks: HashMap<K, usize> =
                    popular.await?.into_iter().enumerate().map(|(rank, id)| (id, rank)).collect();
                let mut these = these.await?;
                these.retain(|id| ranks.contains_key(id));
                these.sort_by_key(|id| ranks.get(id).copied());
                Ok(these)
            }
        })
    }

    /// The ids, each once.
    pub(super) async fn find(&self, known: Known<K>) -> Found<K> {
        let mut ids = (self.0)(known).await?;
        let mut seen = HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(id.clone()));
        Ok(ids)
    }

    fn new<F, Q>(find: F) -> Self
    where
        F: Fn(Known<K>) -> Q + Send + Sync + 'static,
        Q: Future<Output = Found<K>> + Send + 'static,
    {
        Self(Arc::new(move |known| Box::pin(find(known))))
    }
}

fn ids_of<K>(used: StoreResult<Vec<Used<K>>>) -> Found<K> {
    let used = used.map_err(|error| format!("what is used can't be told: {error}"))?;
    Ok(used.into_iter().map(|used| used.id).collect())
}

impl<K> Clone for Ids<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> fmt::Debug for Ids<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}
