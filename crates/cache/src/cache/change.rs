//! Changing: storing a value, taking it away.

use std::{any::Any, hash::Hash, time::Duration};

use bytes::Bytes;
use redstart_connection::{Error, Result};
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::{Cache, Inner};
use crate::{
    operations::{Claim, Invalidate, Mint, Put, PutOutcome},
    registry::Siblings,
    value::Birth,
};

/// What a change reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Applied {
    /// Whether this process held a value.
    pub l1: bool,
    /// Whether the store changed: the value is stored, or there was something to remove.
    pub l2: bool,
}

/// A change under way.
///
/// This process forgets the value when it begins, and again when it ends, be it by an error or by
/// cancellation: reads that began in between may have met the old value in the store.
struct Change<'a> {
    siblings: &'a Siblings,
    id: &'a (dyn Any + Sync),
    /// Whether there was something to forget.
    held: bool,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Stores a value that the caller knows to be right, unless it was overtaken.
    ///
    /// Loads that began before can no longer store their result, and those that begin meanwhile do not.
    /// An invalidation that comes between the two round trips of this, or a later `set`, wins: then
    /// [`Applied::l2`] is false and this value is not stored. Of two at the same time it can happen that
    /// neither is, which costs a load and never leaves the older value behind.
    ///
    /// # Errors
    ///
    /// Fails when the store does, or when the value can't be encoded; this process forgets what it held
    /// all the same. What the store has may be the value before or this one.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the value may be stored or not, and for ten seconds loads may not be;
    /// this process forgets what it held.
    pub async fn set(&self, id: &K, value: &V) -> Result<Applied> {
        let inner = &*self.0;
        let change = Change::begin(&inner.siblings, id);
        let outcome = inner.put(id, value).await?;
        Ok(Applied { l1: change.held, l2: outcome == PutOutcome::Stored })
    }

    /// Removes a value everywhere; what was loaded before can't come back.
    ///
    /// Once this has answered, no load that began before stores its result and no [`Cache::set`] that
    /// was under way stores its value, in whatever process. Other processes may serve what they hold
    /// themselves for a while: see [`L1::entries`](crate::L1::entries).
    ///
    /// # Errors
    ///
    /// Fails when the store does; this process forgets the value all the same.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the store may still have the value; this process forgets it.
    pub async fn invalidate(&self, id: &K) -> Result<Applied> {
        let inner = &*self.0;
        inner.tallies.invalidations.add();
        let change = Change::begin(&inner.siblings, id);
        // The stamp comes first: whoever reads it from now on loads what is there after the change.
        let minted = inner.store.run(&Mint::new(inner.sequencer.clone())).await;
        let removed = inner.store.run(&Invalidate::new(inner.key(id))).await;
        minted?;
        Ok(Applied { l1: change.held, l2: removed? })
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    async fn put(&self, id: &K, value: &V) -> Result<PutOutcome> {
        let key = self.key(id);
        let claimed = self.store.run(&Claim::new(key.clone(), self.sequencer.clone())).await?;
        let ttl = self.jittered(self.ttl);
        let birth = Birth {
            as_of: claimed.as_of,
            created: self.now(),
            fresh_for: ttl.as_duration(),
            load_time: Duration::ZERO,
        };
        let bytes = self.form.encode(Some(value), &birth);
        let bytes =
            bytes.map_err(|error| Error::unsupported(format!("the value can't be encoded: {error}")))?;
        let bytes = Bytes::from(bytes.unwrap_or_default());
        self.store.run(&Put::new(key, claimed.token, bytes, ttl)).await
    }
}

impl<'a> Change<'a> {
    fn begin<K: Sync + 'static>(siblings: &'a Siblings, id: &'a K) -> Self {
        Self { siblings, id, held: siblings.forget_id(id) }
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.siblings.forget_id(self.id);
    }
}

#[cfg(test)]
mod tests;
