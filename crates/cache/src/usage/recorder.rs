//! The recorder of one cache: what it counts it shares with the other processes.

use std::{
    hash::Hash,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use redstart_connection::{BoxFuture, Certainty, Result, Store};
use redstart_keys::{Entity, Key, Ttl};

use super::{Usage, Used, Written, table::Table};
use crate::operations::{NoteUses, Popular, Ranking};

/// In the tables by hour a use weighs half after a week, so that the last weeks count and one odd day
/// does not.
const HOURLY_HALF_LIFE: Ttl = Ttl::days(7);
/// How many ids one step tells the store of, so that no step holds it up.
const PAGE: usize = 250;
/// How many more ids than the shared table a process counts.
const SPARE: u32 = 4;

/// Counts the uses of one cache.
pub(crate) struct Recorder<K> {
    store: Store,
    entity: Entity<K>,
    written: Written<K>,
    table: Table<K>,
    is_sharing: AtomicBool,
    itself: Weak<Self>,
}

impl<K> Recorder<K>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    /// The recorder of `entity`; none when its ids are personal data, which must not be listed anywhere.
    pub(crate) fn new(store: &Store, entity: &Entity<K>, written: Written<K>) -> Option<Arc<Self>> {
        if entity.is_sensitive() {
            tracing::warn!(cache = entity.name(), "the use of sensitive ids is not recorded");
            return None;
        }
        let room = usize::try_from(written.usage.most.saturating_mul(SPARE)).unwrap_or(usize::MAX);
        let recorder = Arc::new_cyclic(|itself: &Weak<Self>| Self {
            store: store.clone(),
            entity: *entity,
            written,
            table: Table::new(room),
            is_sharing: AtomicBool::new(false),
            itself: itself.clone(),
        });
        let last = Arc::downgrade(&recorder);
        store.on_shutdown(move || -> BoxFuture<'static, ()> {
            Box::pin(async move {
                if let Some(recorder) = last.upgrade() {
                    recorder.share().await;
                }
            })
        });
        Some(recorder)
    }

    /// Counts a use.
    pub(crate) fn note(&self, id: &K) {
        let one_in = self.written.usage.one_in;
        if 1 < one_in && fastrand::u32(..one_in) != 0 {
            return;
        }
        self.table.add(id, one_in.into());
        if !self.is_sharing.load(Ordering::Relaxed) {
            self.keep_sharing();
        }
    }

    pub(crate) async fn popular(&self, most: u32) -> Result<Vec<Used<K>>> {
        self.share().await;
        self.read(self.recent(), most).await
    }

    pub(crate) async fn expected(&self, most: u32) -> Result<Vec<Used<K>>> {
        if !self.written.usage.is_hourly {
            return Ok(Vec::new());
        }
        self.share().await;
        let coming = self.hour_in(Duration::from_secs(30 * 60));
        self.read(self.hourly(coming), most).await
    }

    #[cfg(test)]
    pub(super) fn counted(&self) -> usize {
        self.table.take().len()
    }

    /// Tells the store what was counted since the last time.
    async fn share(&self) {
        let uses = self.table.take();
        let most = usize::try_from(self.written.usage.most).unwrap_or(usize::MAX);
        for page in uses[..uses.len().min(most)].chunks(PAGE) {
            let written: Vec<_> =
                page.iter().map(|(id, count)| (Bytes::from((self.written.write)(id)), *count)).collect();
            if self.written.usage.is_hourly {
                let hourly = NoteUses::new(self.hourly(self.hour_in(Duration::ZERO)), written.clone());
                self.told(self.store.run(&hourly).await);
            }
            let noted = self.store.run(&NoteUses::new(self.recent(), written)).await;
            let is_lost = match &noted {
                Ok(_) => false,
                Err(error) => matches!(error.certainty(), Certainty::NotSent | Certainty::Refused),
            };
            self.told(noted);
            if is_lost {
                page.iter().for_each(|(id, count)| self.table.add(id, *count));
            }
        }
    }

    fn told(&self, noted: Result<u64>) {
        if let Err(error) = noted {
            tracing::debug!(cache = self.entity.name(), %error, "what was used could not be shared");
        }
    }

    async fn read(&self, ranking: Ranking, most: u32) -> Result<Vec<Used<K>>> {
        let ranked = self.store.run(&Popular::new(ranking, most)).await?;
        let read = |(id, thousandths): (Bytes, u64)| {
            // What can't be read another version has written.
            let id = std::str::from_utf8(&id).ok().and_then(self.written.read)?;
            #[expect(clippy::cast_precision_loss, reason = "a weight needs no more than 53 bits")]
            let weight = thousandths as f64 / 1_000.0;
            (0 < thousandths).then_some(Used { id, weight })
        };
        Ok(ranked.into_iter().filter_map(read).collect())
    }

    fn recent(&self) -> Ranking {
        let Usage { half_life, most, .. } = self.written.usage;
        Ranking::new(Key::namespace(self.entity.category(), self.entity.name(), "use"), half_life, most)
    }

    fn hourly(&self, hour: u64) -> Ranking {
        let key = Key::namespace_id(self.entity.category(), self.entity.name(), "use", &hour);
        Ranking::new(key, HOURLY_HALF_LIFE, self.written.usage.most)
    }

    /// The hour of the day (UTC) that it will be so much later.
    fn hour_in(&self, time: Duration) -> u64 {
        self.store.clock().now().saturating_add(time).as_secs() / 3_600 % 24
    }

    /// Sees to it that what is counted is shared, on this runtime if on no other.
    fn keep_sharing(&self) {
        if self.is_sharing.swap(true, Ordering::AcqRel) {
            return;
        }
        let every = self.written.usage.shared_every.as_duration();
        // Not started, or ended with its runtime: the next use tries again.
        self.store.tasks().spawn("cache usage", share_every(every, Sharing(self.itself.clone())));
    }
}

/// The one task that shares; what it stands for ends with it.
struct Sharing<K>(Weak<Recorder<K>>);

impl<K> Drop for Sharing<K> {
    fn drop(&mut self) {
        if let Some(recorder) = self.0.upgrade() {
            recorder.is_sharing.store(false, Ordering::Release);
        }
    }
}

/// Shares as long as the cache lives.
async fn share_every<K>(every: Duration, sharing: Sharing<K>)
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
{
    loop {
        tokio::time::sleep(every).await;
        let Some(recorder) = sharing.0.upgrade() else { return };
        recorder.share().await;
    }
}
