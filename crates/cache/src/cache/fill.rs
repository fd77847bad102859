//! Filling: what was loaded, on its way into the tiers.

use std::{hash::Hash, sync::Arc, time::Duration};

use bytes::Bytes;
use redstart_keys::{Id, Key, Ttl};
use serde::{Serialize, de::DeserializeOwned};

use super::{Inner, Place, fleet::BELIEVED};
use crate::{
    held::{About, Held, Life},
    loaded::Loaded,
    operations::{Fill, FillEntry, Filled, Take},
    tag::Tag,
    terms::Terms,
    value::{Entry, Form},
};

/// A value that waits to be stored.
pub(crate) struct Filling<'a, K, V> {
    pub(crate) place: &'a Place<'a, K>,
    pub(crate) held: &'a Held<V>,
    pub(crate) token: String,
    pub(crate) ttl: Ttl,
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn take(&self, keys: Vec<Key>) -> Take {
        Take::new(keys, self.space.sequencer.clone(), self.ticket_ttl())
    }

    /// How long a ticket stands that is not prolonged.
    fn ticket_ttl(&self) -> Ttl {
        if self.flight.is_fleet() { BELIEVED } else { self.max_load }
    }

    /// A loaded value, and how long it is kept; not at all when nothing is to be remembered.
    pub(crate) fn born(
        &self,
        name: &[u8],
        loaded: Loaded<V>,
        terms: &Terms,
        as_of: u64,
        load_time: Duration,
    ) -> (Held<V>, Option<Ttl>) {
        let Loaded { value, ttl, tags, validator, is_kept } = loaded;
        let usual = if value.is_some() { Some(self.usual_ttl(name)) } else { self.negative };
        let wanted = ttl.or_else(|| terms.ttl.filter(|_| value.is_some()));
        // The stamps that judge it are kept for the cache's own time and not for longer.
        let fresh = usual.map(|usual| self.jittered(wanted.map_or(usual, |ttl| ttl.min(usual))));
        // Absence is not shown for longer than it is known.
        let stale_for = if value.is_some() { self.stale_for(terms) } else { Duration::ZERO };
        let life = self.life(fresh.unwrap_or(self.ttl), stale_for, load_time);
        if let Some(watch) = &self.watch {
            watch.loaded(name, value.as_deref(), (life.created, life.expires_at()));
        }
        let ttl = fresh.filter(|_| is_kept).map(|_| life.ttl());
        let tags = if terms.tags.is_empty() {
            tags.into_iter().collect()
        } else {
            tags.into_iter().chain(terms.tags.iter().cloned()).collect()
        };
        (Held::new(value, About { as_of, life: Some(life), tags, validator }), ttl)
    }

    /// For how long after its end a value is worth keeping; plain ones can't say when they end.
    pub(crate) fn stale_for(&self, terms: &Terms) -> Duration {
        if self.form == Form::Plain { Duration::ZERO } else { terms.freshness.stale_for() }
    }

    pub(crate) fn life(&self, ttl: Ttl, stale_for: Duration, load_time: Duration) -> Life {
        let created = self.now().timestamp;
        Life { created, fresh_for: ttl.as_duration(), stale_for, load_time }
    }

    pub(crate) fn jittered(&self, ttl: Ttl) -> Ttl {
        ttl.jittered(self.jitter.clamp(0.0, 0.5), fastrand::u64(..))
    }

    /// Stores what was loaded; answers for each value whether this process may keep it too.
    pub(crate) async fn fill(&self, fillings: Vec<Filling<'_, K, V>>) -> Vec<bool> {
        let mut may_keep = vec![false; fillings.len()];
        let mut entries = Vec::with_capacity(fillings.len());
        let mut indices = Vec::with_capacity(fillings.len());
        let mut tags: Vec<Tag> = Vec::new();
        for (index, Filling { place, held, token, ttl }) in fillings.iter().enumerate() {
            let Some(bytes) = self.encoded(held) else { continue };
            entries.push(FillEntry::new(place.key.clone(), token.clone(), bytes, *ttl));
            indices.push(index);
            tags.extend(held.tags.iter().cloned());
        }
        if entries.is_empty() {
            return may_keep;
        }
        tags.sort_unstable();
        tags.dedup();
        // Side by side: a value counts only together with the stamps of its tags, whichever comes first.
        let fill = Fill::new(entries);
        let fill = if self.flight.is_fleet() { fill.telling_waiters() } else { fill };
        let (stored, stamps) = tokio::join!(self.store.run(&fill), self.tag_stamps(&tags));
        let (Some(stored), Some(stamps)) = (self.told(stored), stamps) else { return may_keep };
        let mut awaited = Vec::new();
        for (index, filled) in indices.into_iter().zip(stored) {
            let Filling { place, held, .. } = &fillings[index];
            if filled == Filled::Awaited {
                awaited.push(place.name.clone());
            }
            let is_later = |tag: &Tag| {
                let stamp = tags.binary_search(tag).ok().and_then(|at| stamps.get(at));
                stamp.is_some_and(|stamp| *stamp <= held.as_of)
            };
            may_keep[index] = filled.is_stored() && held.tags.iter().all(is_later);
            if !may_keep[index] {
                self.tallies.rejected_fills.add();
            }
        }
        self.settled(awaited).await;
        may_keep
    }

    async fn tag_stamps(&self, tags: &[Tag]) -> Option<Vec<u64>> {
        if tags.is_empty() {
            return Some(Vec::new());
        }
        let keys = tags.iter().map(|tag| self.space.tag_key(tag)).collect();
        let stamps = self.adopt(keys).await;
        self.told(stamps)
    }

    fn encoded(&self, held: &Held<V>) -> Option<Bytes> {
        let life = held.life?;
        let About { as_of, tags, validator, .. } = &**held;
        let value = held.value().map(Arc::as_ref);
        let entry = Entry { value, as_of: *as_of, life, tags, validator: validator.as_ref() };
        match self.form.encode(&entry) {
            Ok(bytes) => {
                self.tallies.bytes_written.add_many(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64));
                bytes
            }
            Err(error) => {
                tracing::warn!(cache = self.entity.name(), %error, "a value can't be encoded and is not cached");
                None
            }
        }
    }
}
