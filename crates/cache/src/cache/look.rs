//! Looking: what the tiers have, and whether it is still true.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use bytes::Bytes;
use redstart_connection::{Answer, By, Result, Timestamp};
use redstart_keys::{Id, Key};
use serde::{Serialize, de::DeserializeOwned};

use super::Inner;
use crate::{
    cached::Source,
    held::Held,
    operations::{Adopt, Judge, Read, ReadJudged},
    space::AnyCache as _,
    tag::Tag,
    value::Form,
};

/// What the store has, in the order of the keys that were asked for, and who answered.
pub(crate) type Looked<V> = (Vec<Option<Held<V>>>, Source);

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// What this process has that nothing has outdated, with the present as the store's clock shows it.
    #[inline]
    pub(crate) fn near_now(&self, id: &K) -> Option<(Held<V>, Timestamp)> {
        if self.near.keeps_values() {
            return self.near(id, self.instant());
        }
        self.listen();
        None
    }

    /// The same at a moment that is known.
    pub(crate) fn near(&self, id: &K, now: Instant) -> Option<(Held<V>, Timestamp)> {
        if !self.hears(now) {
            self.listen();
            return None;
        }
        self.near.get(id, now)
    }

    /// The same, be it an old value.
    pub(crate) fn near_copy(&self, id: &K, now: Instant) -> Option<(Held<V>, Timestamp)> {
        if self.hears(now) { self.near.copy(id, now) } else { None }
    }

    /// Whether every change is known that happened longer ago than this cache tolerates.
    pub(super) fn hears(&self, now: Instant) -> bool {
        self.store.is_memory() || self.registry.coherence.is_attached(now, self.max_staleness)
    }

    /// Reads the store for one key; the value may be an old one.
    pub(crate) async fn look(&self, key: &Key) -> Result<Option<(Held<V>, Source)>> {
        // With room for the key of what judges it.
        let mut keys = Vec::with_capacity(2);
        keys.push(key.clone());
        let looked = self.look_many(keys).await;
        let (found, source) = looked.inspect_err(|_| self.tallies.store_errors.add())?;
        Ok(found.into_iter().next().flatten().map(|held| (held, source)))
    }

    /// Reads the store; what is outdated, or can't be read, is a miss. Old values are not.
    pub(crate) async fn look_many(&self, keys: Vec<Key>) -> Result<Looked<V>> {
        // What leaves the process costs more than telling the metric.
        self.tallies.l1_hits.tell();
        let (values, by, floor) = match self.floor_to_ask_for() {
            Some(era) => {
                let read = ReadJudged::new(keys, self.space.floor_key.clone());
                let Answer { output: (values, floor), by, .. } = self.store.ask(&read).await?;
                (values, by, self.floor_of(floor, by, era).await?)
            }
            None => {
                let Answer { output, by, .. } = self.store.ask(&Read::new(keys)).await?;
                (output, by, 0)
            }
        };
        let now = self.store.clock().now();
        let decode = |bytes: Option<Bytes>| {
            let held = bytes.and_then(|bytes| self.decoded(&bytes))?;
            let is_valid = held.as_of >= floor && !self.space.outdates(held.as_of, &held.tags);
            let is_valid = is_valid && (by != By::Standby || self.is_recent(&held, now));
            (is_valid && held.is_shown(now)).then_some(held)
        };
        let mut found: Vec<_> = values.into_iter().map(decode).collect();
        self.judge_tags(&mut found).await?;
        Ok((found, Source::of(by)))
    }

    /// Whether it was loaded lately enough that nobody need have heard of a change since.
    ///
    /// Memory that stands in for the server hears of nothing that others change.
    fn is_recent(&self, held: &Held<V>, now: Timestamp) -> bool {
        held.life.is_none_or(|life| now.since(life.created) + life.load_time < self.max_staleness)
    }

    fn decoded(&self, bytes: &Bytes) -> Option<Held<V>> {
        self.tallies.bytes_read.add_many(bytes.len() as u64);
        let held = self.form.decode(bytes);
        held.inspect_err(|error| {
            self.tallies.decode_failures.add();
            tracing::debug!(cache = self.entity.name(), %error, "a stored value can't be read and is a miss");
        })
        .ok()
    }

    /// The era for which the floor must be asked for; none where it is known, or judges nothing.
    pub(super) fn floor_to_ask_for(&self) -> Option<u64> {
        if self.form == Form::Plain || self.store.is_memory() {
            return None;
        }
        let era = self.registry.coherence.era();
        let is_known = self.listens() && self.hears(self.instant()) && self.space.knows_floor(era);
        (!is_known).then_some(era)
    }

    /// Asks for the stamp below which nothing is valid.
    pub(super) async fn ask_floor(&self, era: u64) -> Result<u64> {
        let judge = Judge::new(vec![self.space.floor_key.clone()]);
        let Answer { output, by, .. } = self.store.ask(&judge).await?;
        self.floor_of(output.into_iter().next().flatten(), by, era).await
    }

    /// The stamp below which nothing is valid, made where none was found; what the server says is remembered.
    async fn floor_of(&self, found: Option<u64>, by: By, era: u64) -> Result<u64> {
        let floor = match found {
            Some(floor) => floor,
            None => self.make_floor().await?,
        };
        if by == By::Redis {
            self.space.raise_floor(floor);
            if self.hears(self.instant()) {
                self.space.knows_floor_of(era);
            }
        }
        Ok(floor)
    }

    /// Makes the stamp below which nothing is valid, once for all who miss it at the same time.
    async fn make_floor(&self) -> Result<u64> {
        let mut made = self.space.floor_made.lock().await;
        let now = self.instant();
        match *made {
            // It is not older than what is tolerated of news in general, and one's own are known anyway.
            Some((floor, at)) if now.saturating_duration_since(at) < Duration::from_secs(1) => Ok(floor),
            _ => {
                let floor = self.adopt(vec![self.space.floor_key.clone()]).await?;
                let floor = floor.first().copied().unwrap_or(u64::MAX);
                *made = Some((floor, now));
                Ok(floor)
            }
        }
    }

    /// Takes out what one of its tags has outdated, or bears a tag that nobody knows of.
    async fn judge_tags(&self, found: &mut [Option<Held<V>>]) -> Result<()> {
        let mut tags: Vec<Tag> = found.iter().flatten().flat_map(|held| held.tags.iter().cloned()).collect();
        if tags.is_empty() {
            return Ok(());
        }
        tags.sort_unstable();
        tags.dedup();
        let keys = tags.iter().map(|tag| self.space.tag_key(tag)).collect();
        let stamps: HashMap<Tag, Option<u64>> =
            tags.into_iter().zip(self.store.run(&Judge::new(keys)).await?).collect();
        for slot in found {
            let is_valid = |held: &Held<V>| {
                let stamp = |tag| stamps.get(tag).copied().flatten();
                held.tags.iter().all(|tag| stamp(tag).is_some_and(|stamp| stamp <= held.as_of))
            };
            if slot.as_ref().is_some_and(|held| !is_valid(held)) {
                *slot = None;
            }
        }
        Ok(())
    }

    /// The stamps under some keys, made where there are none.
    pub(crate) async fn adopt(&self, keys: Vec<Key>) -> Result<Vec<u64>> {
        let adopt = Adopt::new(keys, self.space.sequencer.clone(), self.judged_for());
        self.store.run(&adopt).await
    }
}
