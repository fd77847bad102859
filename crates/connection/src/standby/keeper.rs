//! Who brings a server back into use: probes it, replays what it missed, opens it for reading.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::{Away, Standby, journal::Entry};
use crate::{
    BreakerState, Event, Store, names,
    redis::{Link, Node},
    store::WeakStore,
};

/// How often a server that is away is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many entries are replayed at once.
const AT_ONCE: usize = 16;

impl Standby {
    /// Starts the keeper where none runs; it ends when there is nothing left to do.
    pub(crate) fn ensure_kept(self: &Arc<Self>, store: &Store) {
        if self.kept.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut keeping = Keeping { standby: Arc::clone(self), is_over: false };
        let store_again = store.downgrade();
        store.tasks().spawn("standby keeper", async move {
            while keeping.standby.look(&store_again).await || keeping.goes_on(&store_again) {
                sleep(LOOK_EVERY).await;
            }
        });
    }

    /// Does what can be done now; answers whether there is more to come.
    async fn look(&self, store: &WeakStore) -> bool {
        // Held for this look alone: the keeper must not keep a store alive that nobody uses.
        let Some(store) = store.upgrade() else { return false };
        if !self.has_work(&store) {
            return false;
        }
        let nodes = store.link().map(|link| link.nodes()).unwrap_or_default();
        for node in &nodes {
            probe(&store, node).await;
        }
        let away: Vec<_> = nodes.into_iter().filter(|node| node.away.is_active()).collect();
        let number = self.journal.last_number();
        let (replayed, missed) = self.replay(&store).await;
        for node in away {
            // What another server missed is no reason to keep this one waiting.
            let is_heard =
                !missed.iter().any(|away| away.as_ref().is_none_or(|away| Arc::ptr_eq(away, &node.away)));
            if is_heard && node.breaker.state() == BreakerState::Closed && node.connected() > 0 {
                self.end(&node.away, number, replayed);
            }
        }
        true
    }

    /// Replays all entries; answers how many were heard, and by whom the others were not.
    async fn replay(&self, store: &Store) -> (usize, Vec<Option<Arc<Away>>>) {
        let direct = store.direct();
        let tries = self.journal.all().into_iter().map(|entry| self.try_one(entry, direct.clone()));
        let outcomes: Vec<_> = stream::iter(tries).buffer_unordered(AT_ONCE).collect().await;
        let replayed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        (replayed, outcomes.into_iter().filter_map(Result::err).collect())
    }

    async fn try_one(&self, entry: Entry, store: Store) -> Result<(), Option<Arc<Away>>> {
        match entry.replay(store).await {
            Ok(()) => {
                self.journal.strike(&entry);
                metrics::counter!(names::STANDBY_JOURNAL, "outcome" => "replayed").increment(1);
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error.away().cloned()),
            Err(error) => {
                // It will never be heard, however often it is said.
                tracing::error!(%error, "an invalidation was refused when it was replayed");
                self.journal.strike(&entry);
                metrics::counter!(names::STANDBY_JOURNAL, "outcome" => "lost").increment(1);
                Ok(())
            }
        }
    }
}

/// Has the breaker see whether the server is well again; real calls may do so at the same time.
///
/// Without it a server that came back while nobody asked would stay given up, and a service that is asked
/// nothing as long as it is not ready would never be.
async fn probe(store: &Store, node: &Arc<Node>) {
    while node.breaker.state() != BreakerState::Closed {
        if store.ping(node).await.is_err() {
            return;
        }
    }
}

/// Held by the keeper's task; whatever ends it, the next caller starts another.
struct Keeping {
    standby: Arc<Standby>,
    is_over: bool,
}

impl Keeping {
    /// Gives the task up, unless work has come since the last look: its caller may have seen this keeper.
    fn goes_on(&mut self, store: &WeakStore) -> bool {
        self.standby.kept.store(false, Ordering::Release);
        let has_work = store.upgrade().is_some_and(|store| self.standby.has_work(&store));
        self.is_over = !has_work || self.standby.kept.swap(true, Ordering::AcqRel);
        !self.is_over
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if !self.is_over {
            self.standby.kept.store(false, Ordering::Release);
        }
    }
}

impl Standby {
    fn has_work(&self, store: &Store) -> bool {
        let is_well =
            |node: &Arc<Node>| !node.away.is_active() && node.breaker.state() == BreakerState::Closed;
        let is_any_ill = |link: &Arc<Link>| !link.nodes().iter().all(is_well);
        self.journal.len() > 0 || store.link().is_some_and(is_any_ill)
    }

    /// Says what is lost with this process.
    pub(crate) fn say_goodbye(&self, store: &Store) {
        let entries = self.journal.len();
        if entries > 0 {
            let lost = u64::try_from(entries).unwrap_or(u64::MAX);
            metrics::counter!(names::STANDBY_JOURNAL, "outcome" => "lost").increment(lost);
            store.announce(Event::JournalLost { entries });
        }
    }
}
