//! Sending what was counted.

use futures_util::{StreamExt as _, stream};
use metrics::counter;
use redstart_connection::names;
use redstart_keys::{Id, Key};

use super::{Counters, Inner};
use crate::operations::{AddCounts, AddTop};

/// How many batches are under way at once.
const AT_ONCE: usize = 64;

/// What came of sending.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Flushed {
    /// Batches that have arrived.
    pub arrived: usize,
    /// Keys of which something still waits, since the store did not answer or more was counted meanwhile.
    pub waiting: usize,
}

impl<I: Id + Sync + 'static> Counters<I> {
    /// Sends what was counted in this process, without waiting for its time.
    ///
    /// What the store does not take goes on waiting.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway, what has not arrived for certain is sent again later, and counts once.
    pub async fn flush(&self) -> Flushed {
        self.0.flush().await
    }
}

impl<I: Id> Inner<I> {
    pub(super) async fn flush(&self) -> Flushed {
        let _alone = self.sending.lock().await;
        let mut flushed = Flushed::default();
        loop {
            let arrived = self.send().await;
            let waiting = self.waiting();
            flushed.arrived += arrived;
            flushed.waiting = waiting.counts.len() + waiting.tops.len();
            // What a batch could not hold goes at once, as long as the store takes any.
            if arrived == 0 || flushed.waiting == 0 {
                return flushed;
            }
        }
    }

    /// Sends one batch of each key; answers how many have arrived.
    async fn send(&self) -> usize {
        let (counts, tops) = {
            let mut waiting = self.waiting();
            (waiting.counts.due(&self.writer), waiting.tops.due(&self.writer))
        };
        let (keep, oldest, most) = (self.keep(), self.oldest(), self.most);
        let counted = stream::iter(counts).map(|(key, batch)| async move {
            let sent = self.store.run(&AddCounts::new(key.clone(), batch, keep, oldest)).await;
            sent.is_ok().then_some(key)
        });
        let counted: Vec<Option<Key>> = counted.buffer_unordered(AT_ONCE).collect().await;
        let ranked = stream::iter(tops).map(|(key, batch)| async move {
            let sent = self.store.run(&AddTop::new(key.clone(), batch, keep, most)).await;
            sent.is_ok().then_some(key)
        });
        let ranked: Vec<Option<Key>> = ranked.buffer_unordered(AT_ONCE).collect().await;

        let mut waiting = self.waiting();
        counted.iter().flatten().for_each(|key| waiting.counts.arrived(key));
        ranked.iter().flatten().for_each(|key| waiting.tops.arrived(key));
        counted.iter().chain(&ranked).flatten().count()
    }
}

impl<I> Drop for Inner<I> {
    fn drop(&mut self) {
        let waiting = self.waiting.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let lost = waiting.counts.give_up();
        if lost > 0 {
            counter!(names::COUNTER_DROPPED, "counter" => self.entity.name()).increment(lost);
            tracing::warn!(counter = self.entity.name(), lost, "counts were dropped before they were sent");
        }
    }
}
