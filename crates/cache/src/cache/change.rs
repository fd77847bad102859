//! Changing: storing a value, taking it away.

use std::{hash::Hash, time::Duration};

use redstart_connection::{Answer, By, Error, Result};
use redstart_keys::{Id, Pattern};
use serde::{Serialize, de::DeserializeOwned};

use super::{Cache, Inner, Place};
use crate::{
    event::Change as News,
    invalidation::{Applied, Change, Site, of_the_server},
    operations::{Claim, Expire, Invalidate, Mint, Put, PutOutcome},
    space::Space,
    sweep::sweep,
    tag::Tag,
    terms::Terms,
    value::{Entry, Form},
};

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
    /// this process forgets what it held. Other processes may show what they held until it ends there.
    pub async fn set(&self, id: &K, value: &V) -> Result<Applied> {
        self.set_on(id, value, &self.0.terms).await
    }

    pub(crate) async fn set_on(&self, id: &K, value: &V, terms: &Terms) -> Result<Applied> {
        let inner = &*self.0;
        let place = inner.place(id);
        let change = Change::begin(&inner.space, &place.name);
        let (put, stamp) = inner.put(&place, value, terms).await?;
        let published = inner.site().publish(&put, News::Key(place.name.clone()), stamp).await?;
        Ok(Applied { l1: change.held, l2: put.output == PutOutcome::Stored, published })
    }

    /// Lets a value be fresh no longer; it may still be shown as an old one while it is replaced.
    ///
    /// For what is out of date but not wrong. Where old values are not shown, and for plain entities, it is
    /// the same as [`Cache::invalidate`]. [`Applied::l2`] says whether there was a fresh value.
    ///
    /// # Errors
    ///
    /// Fails when the store does; this process forgets the value all the same.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the value may be fresh still, in the store or in other processes.
    pub async fn expire(&self, id: &K) -> Result<Applied> {
        let inner = &*self.0;
        inner.tallies.invalidations.add();
        let place = inner.place(id);
        let change = Change::begin(&inner.space, &place.name);
        let minted = inner.store.ask(&Mint::new(inner.space.sequencer.clone())).await;
        let expire = Expire::new(place.key.clone(), inner.now().timestamp);
        let expired = inner.store.ask(&expire).await?;
        let stamp = minted.as_ref().ok().and_then(of_the_server);
        let published = inner.site().publish(&expired, News::Key(place.name.clone()), stamp).await?;
        minted?;
        Ok(Applied { l1: change.held, l2: expired.output, published })
    }

    /// Removes a value everywhere; what was loaded before can't come back.
    ///
    /// Once this has answered, no load that began before stores its result and no [`Cache::set`] that
    /// was under way stores its value, in whatever process. Other processes stop showing it when they
    /// hear of it, within [`max_staleness`](crate::CacheBuilder::max_staleness).
    ///
    /// # Errors
    ///
    /// Fails when the store does; this process forgets the value all the same.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the store may still have the value, and other processes may not have
    /// heard of it; this process forgets it.
    pub async fn invalidate(&self, id: &K) -> Result<Applied> {
        self.invalidate_stamped(id).await.map(|(applied, _)| applied)
    }

    /// The same, with the stamp of the change where it means something to others.
    pub(super) async fn invalidate_stamped(&self, id: &K) -> Result<(Applied, Option<u64>)> {
        let inner = &*self.0;
        inner.tallies.invalidations.add();
        let place = inner.place(id);
        let invalidate = Invalidate::new(place.key.clone());
        inner.site().value(&place.name, &invalidate).await
    }

    /// Invalidates every value of this entity that bears `tag`, in one step however many there are.
    ///
    /// # Errors
    ///
    /// Fails when the store does, and for plain entities, whose values bear no tags.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the values may be valid still.
    pub async fn invalidate_tag(&self, tag: &Tag) -> Result<Applied> {
        let inner = &*self.0;
        if inner.form == Form::Plain {
            return Err(Error::unsupported("the values of a plain entity bear no tags"));
        }
        inner.tallies.invalidations.add();
        inner.raise_tag(&inner.space, tag).await
    }

    /// Invalidates every value of this entity, in one step however many there are.
    ///
    /// Those of a plain entity are removed one by one.
    ///
    /// # Errors
    ///
    /// Fails when the store does.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the values may be valid still, in other processes.
    pub async fn clear(&self) -> Result<Applied> {
        let inner = &*self.0;
        inner.tallies.invalidations.add();
        if inner.form == Form::Plain {
            let pattern: Pattern = inner.entity.pattern();
            let swept = sweep(&inner.store, &pattern).await?;
            return Ok(Applied { l1: false, l2: swept.removed > 0, published: !inner.store.is_memory() });
        }
        inner.site().clear(inner.judged_for()).await
    }
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Claims the key and puts the value; answers the stamp too, where it is the server's.
    async fn put(
        &self,
        place: &Place<'_, K>,
        value: &V,
        terms: &Terms,
    ) -> Result<(Answer<PutOutcome>, Option<u64>)> {
        // Made later, it would be later than this value.
        if self.space.has_no_floor()
            && let Some(era) = self.floor_to_ask_for()
        {
            self.ask_floor(era).await?;
        }
        // Those that are missing are made now: later they would be later than this value.
        if !terms.tags.is_empty() {
            self.adopt(terms.tags.iter().map(|tag| self.space.tag_key(tag)).collect()).await?;
        }
        let key = place.key.clone();
        let claim = Claim::new(key.clone(), self.space.sequencer.clone());
        let Answer { output: claimed, by, .. } = self.store.ask(&claim).await?;
        let ttl =
            self.jittered(terms.ttl.map_or_else(|| self.usual_ttl(&place.name), |ttl| ttl.min(self.ttl)));
        let life = self.life(ttl, self.stale_for(terms), Duration::ZERO);
        let entry =
            Entry { value: Some(value), as_of: claimed.as_of, life, tags: &terms.tags, validator: None };
        let bytes = self.form.encode(&entry);
        let bytes =
            bytes.map_err(|error| Error::unsupported(format!("the value can't be encoded: {error}")))?;
        let bytes = bytes.unwrap_or_default();
        self.tallies.bytes_written.add_many(bytes.len() as u64);
        let put = Put::new(key, claimed.token, bytes, life.ttl());
        let outcome = self.store.ask(&put).await?;
        Ok((outcome, (by == By::Redis).then_some(claimed.as_of)))
    }

    /// Invalidates what bears `tag` in an entity, be it this one's or another.
    pub(crate) async fn raise_tag(&self, space: &Space, tag: &Tag) -> Result<Applied> {
        Site::new(&self.store, space).tag(tag, self.judged_for()).await
    }

    /// Where changes of this cache are made.
    pub(super) fn site(&self) -> Site<'_> {
        Site::new(&self.store, &self.space)
    }
}

#[cfg(test)]
mod tests;
