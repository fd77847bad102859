//! Recording which values are used, and how much.

mod recorder;
mod table;

use std::{fmt, fmt::Display, hash::Hash, str::FromStr};

use redstart_connection::Result;
use redstart_keys::{Id, Ttl};
use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::recorder::Recorder;
use crate::cache::Cache;

/// How a cache records its use.
///
/// Each process counts in a table of its own, of bounded size, and adds what it has counted to one that
/// all share on the store. There a use weighs half after the half-life, and the ids with the most weight
/// stay; the keys end by themselves when nothing is used any more.
///
/// A read of the process's own tier becomes slower by the counting, about 40 ns; [`Usage::sampled`]
/// counts a share of the reads and costs 6 ns where that is a sixteenth.
///
/// ```
/// use redstart_cache::{Cache, Usage};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let products = Cache::<u64, String>::builder(&Store::memory(), &PRODUCT).usage(Usage::counted()).build();
/// for id in [1, 7, 7, 7, 2, 2] {
///     products.get_or_load(&id, || async { Ok::<_, std::io::Error>(format!("product {id}")) }).await?;
/// }
/// let popular: Vec<u64> = products.popular(2).await?.into_iter().map(|used| used.id).collect();
/// assert_eq!(popular, [7, 2]);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub(crate) one_in: u32,
    pub(crate) most: u32,
    pub(crate) half_life: Ttl,
    pub(crate) shared_every: Ttl,
    pub(crate) is_hourly: bool,
}

/// An id with how much it is used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Used<K> {
    /// The id.
    pub id: K,
    /// Its uses, those of the past weighing less; one use a moment ago is 1.
    pub weight: f64,
}

impl Usage {
    /// Counts every read.
    #[must_use]
    pub const fn counted() -> Self {
        Self::sampled(1)
    }

    /// Counts one read in so many, chosen at random, as that many; zero counts as one.
    #[must_use]
    pub const fn sampled(one_in: u32) -> Self {
        Self {
            one_in: if one_in == 0 { 1 } else { one_in },
            most: 1_000,
            half_life: Ttl::hours(6),
            shared_every: Ttl::seconds(10),
            is_hourly: false,
        }
    }

    /// How many ids the shared table holds; a process counts four times as many at once. Defaults to 1,000.
    #[must_use]
    pub const fn most(mut self, ids: u32) -> Self {
        self.most = if ids == 0 { 1 } else { ids };
        self
    }

    /// After which time a use weighs half. Defaults to 6 hours.
    #[must_use]
    pub const fn half_life(mut self, time: Ttl) -> Self {
        self.half_life = time;
        self
    }

    /// How often a process tells the store what it has counted. Defaults to 10 seconds.
    ///
    /// What was counted since is lost with a process that crashes; a shutdown tells it.
    #[must_use]
    pub const fn shared_every(mut self, time: Ttl) -> Self {
        self.shared_every = time;
        self
    }

    /// Counts for each hour of the day as well, so that [`Cache::expected`] can tell what the coming one
    /// will use. Defaults to no.
    ///
    /// There a use weighs half after a week. It takes 24 tables more on the store.
    #[must_use]
    pub const fn hourly(mut self) -> Self {
        self.is_hourly = true;
        self
    }
}

/// How ids are written to the shared table, and read back.
pub(crate) struct Written<K> {
    pub(crate) usage: Usage,
    pub(crate) write: fn(&K) -> String,
    pub(crate) read: fn(&str) -> Option<K>,
}

impl<K: Display + FromStr> Written<K> {
    pub(crate) fn new(usage: Usage) -> Self {
        Self { usage, write: K::to_string, read: |text| text.parse().ok() }
    }
}

impl<K> fmt::Debug for Written<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.usage.fmt(f)
    }
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// The ids that all processes use most, the most used first; none when nobody records.
    ///
    /// What this process has counted is shared first.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn popular(&self, most: u32) -> Result<Vec<Used<K>>> {
        match self.0.recorder() {
            Some(recorder) => recorder.popular(most).await,
            None => Ok(Vec::new()),
        }
    }

    /// The ids that are expected to be used in the coming hour, judged by the same hour of former days;
    /// none when nobody records hours.
    ///
    /// The coming hour is the hour of the day (UTC) that most of the next sixty minutes belong to.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    pub async fn expected(&self, most: u32) -> Result<Vec<Used<K>>> {
        match self.0.recorder() {
            Some(recorder) => recorder.expected(most).await,
            None => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
