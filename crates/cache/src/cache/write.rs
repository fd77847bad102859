//! Changing the source, and the cache with it.

use std::{error::Error as StdError, fmt, future::Future, hash::Hash, num::ParseIntError, str::FromStr};

use redstart_connection::{By, Error, Result};
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::Cache;
use crate::{
    event::Change as News,
    invalidation::{Applied, Change},
    operations::Claim,
};

/// The moment of a change: who reads at least this finds what was written.
///
/// It can be handed to a caller, in a signed cookie say, and come back to another process. It counts for the
/// values of the cache that made it; for an id that did not change it costs a load at the most. One that is
/// made up makes every read a load, so it is not to be believed of just anybody.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version(u64);

/// What a write did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Written<R> {
    /// What the work answered.
    pub output: R,
    /// What the change reached; when that failed, the old value was removed all the same before the work
    /// began, and nothing that was loaded meanwhile is kept.
    pub applied: Result<Applied>,
    /// For reading one's own write, see [`Entry::at_least`](crate::Entry::at_least); none while the server
    /// is away.
    pub version: Option<Version>,
}

/// A write that did not happen, or may have.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "either the work failed or it did not begin")]
pub enum WriteError<E> {
    /// The work failed; what it wrote all the same is not hidden by the cache.
    Work(E),
    /// The store failed before the work began, so it did not.
    Store(Error),
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Changes the source by `work`, so that no cache shows the old value once this has answered.
    ///
    /// The value goes before the work begins, and for as long as it runs, up to 10 seconds, loads are handed
    /// out and not kept: so nothing old is left behind even when this process dies between the work and the
    /// end of this. When the work takes longer, that case alone is left to the value's TTL.
    ///
    /// ```
    /// use redstart_cache::Cache;
    /// use redstart_connection::Store;
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let users = Cache::<u64, String>::new(&Store::memory(), &USER);
    /// let rename = || async { Ok::<_, std::io::Error>(1) };
    ///
    /// let written = users.write(&42, rename).await?;
    /// assert_eq!(written.output, 1);
    ///
    /// let version = written.version.expect("the store answers");
    /// let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
    /// assert!(users.entry(&42).at_least(version).get_or_load(load).await?.is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails with the error of the work, or with the store's before the work has begun.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the work is, too, and the value is invalidated in the background.
    pub async fn write<R, E, F, W>(&self, id: &K, work: F) -> Result<Written<R>, WriteError<E>>
    where
        F: FnOnce() -> W + Send,
        W: Future<Output = Result<R, E>> + Send,
    {
        let inner = &*self.0;
        let place = inner.place(id);
        let change = Change::begin(&inner.space, &place.name);
        let claim = Claim::new(place.key.clone(), inner.space.sequencer.clone()).removing();
        let claimed = inner.store.ask(&claim).await.map_err(WriteError::Store)?;
        let mut unfinished = Unfinished { cache: self, id, is_finished: false };
        let stamp = (claimed.by == By::Redis).then_some(claimed.output.as_of);
        let told = inner.site().publish(&claimed, News::Key(place.name.clone()), stamp).await;
        inner.told(told);
        let done = work().await;
        let invalidated = self.invalidate_stamped(id).await;
        unfinished.is_finished = true;
        let output = match done {
            Ok(output) => output,
            Err(error) => {
                inner.told(invalidated);
                return Err(WriteError::Work(error));
            }
        };
        let (applied, version) = match invalidated {
            Ok((applied, stamp)) => {
                (Ok(Applied { l1: applied.l1 || change.held, ..applied }), stamp.map(Version))
            }
            Err(error) => (Err(error), None),
        };
        Ok(Written { output, applied, version })
    }
}

/// A write under way; dropped midway it may have changed the source.
struct Unfinished<'a, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    cache: &'a Cache<K, V>,
    id: &'a K,
    is_finished: bool,
}

impl<K, V> Drop for Unfinished<'_, K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let (cache, id) = (self.cache.clone(), self.id.clone());
        let invalidate = async move {
            let invalidated = cache.invalidate(&id).await;
            cache.0.told(invalidated);
        };
        // Where no task can run, the claim keeps old values out for ten seconds.
        self.cache.0.store.tasks().spawn("cache write", invalidate);
    }
}

impl Version {
    pub(crate) const fn stamp(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Version {
    type Err = ParseIntError;

    /// Reads what [`Version`] is displayed as.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

impl<E> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(_) => f.write_str("the work of a write failed"),
            Self::Store(_) => f.write_str("a write could not begin"),
        }
    }
}

impl<E: StdError + 'static> StdError for WriteError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Work(error) => Some(error),
            Self::Store(error) => Some(error),
        }
    }
}
