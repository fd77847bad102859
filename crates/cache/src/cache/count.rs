//! Counting what is handed out.

use std::hash::Hash;

use redstart_connection::Timestamp;
use redstart_keys::Id;
use serde::{Serialize, de::DeserializeOwned};

use super::Inner;
use crate::{
    cached::{Cached, Source},
    held::Held,
};

/// Who reads, and so whether it counts as a use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    /// Somebody who wants the value.
    Caller,
    /// A warming, whose reads would make what is never asked for look used.
    Warming,
}

impl<K, V> Inner<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Hands out what a read found, and counts it; none when it is known that there is nothing.
    pub(crate) fn hand_out(
        &self,
        id: &K,
        held: Held<V>,
        source: Source,
        now: Timestamp,
    ) -> Option<Cached<V>> {
        match source {
            Source::L1 => self.tallies.l1_hits.add(),
            Source::L2 | Source::Standby => self.tallies.l2_hits.add(),
            Source::Loaded => self.tallies.misses.add(),
        }
        if held.is_stale(now) && source != Source::Loaded {
            self.tallies.stale_served.add();
        }
        self.watched(id, source != Source::Loaded);
        Cached::from_held(held, source, now)
    }

    /// Hands out what a read found, and counts it where it is a use.
    pub(crate) fn answer(
        &self,
        reader: Reader,
        id: &K,
        held: Held<V>,
        source: Source,
        now: Timestamp,
    ) -> Option<Cached<V>> {
        match reader {
            Reader::Caller => self.hand_out(id, held, source, now),
            Reader::Warming => Cached::from_held(held, source, now),
        }
    }

    /// Counts a read that found nothing, and loaded nothing.
    pub(crate) fn missed(&self, id: &K) {
        self.tallies.misses.add();
        self.watched(id, false);
    }

    /// Tells those who want to know of each read; mostly nobody does.
    #[inline]
    fn watched(&self, id: &K, is_hit: bool) {
        if let Some(watch) = &self.watch {
            watch.read(id, is_hit, || self.name_of(id));
        }
    }
}
