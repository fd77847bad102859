//! Who sees to it that what is due is done: in every process that uses a cache, one task.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use redstart_connection::{Result, Store, names};
use tokio::{sync::Notify, time::sleep};

use super::work::carry_out;
use crate::{
    operations::{DueNow, FinishDue, TakeDue},
    registry::Registry,
    space::Space,
};

/// For how long what was taken is believed to be worked on.
const LEASE: Duration = Duration::from_secs(5);
/// How long a step of that work may take: all of them end within the lease.
const STEP: Duration = Duration::from_secs(1);
/// How many are taken at a time.
const BATCH: usize = 100;
/// How long this process rests after each look, at least, so that many moments in a row are few looks.
const REST: Duration = Duration::from_millis(100);
/// How often a process that is not told of what was put off looks for itself.
const TICK: Duration = Duration::from_millis(500);
/// How often one looks that is told.
const NET: Duration = Duration::from_secs(30);
/// How long after hearing nothing a process counts as not told.
const SILENCE: Duration = Duration::from_secs(2);
/// By how much processes that look for the same moment may differ.
const SPREAD: Duration = Duration::from_millis(200);

/// Knows when to look at the queues of this process's caches next.
#[derive(Default)]
pub(crate) struct Keeper {
    is_running: AtomicBool,
    next: Mutex<Option<Instant>>,
    changed: Notify,
}

impl Keeper {
    /// Something is due so long after `now`: others look for it too, so this one does so a little later.
    pub(crate) fn told(&self, now: Instant, wait: Duration) {
        self.look_at(now, wait + SPREAD.mul_f64(0.25 + 0.75 * fastrand::f64()));
    }

    /// Something is due so long after `now`, which this process is the first to look for.
    pub(crate) fn look_at(&self, now: Instant, wait: Duration) {
        let Some(at) = now.checked_add(wait) else { return };
        let mut next = self.next();
        if next.is_none_or(|next| at < next) {
            *next = Some(at);
            drop(next);
            self.changed.notify_one();
        }
    }

    fn next(&self) -> MutexGuard<'_, Option<Instant>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Sees to it that what is due is done, on this runtime if on no other.
    pub(crate) fn keep_due(self: &Arc<Self>, store: &Store) {
        let is_running = &self.keeper.is_running;
        if is_running.load(Ordering::Acquire) || is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(Arc::clone(self));
        // Not started, or ended with its runtime: the next who asks tries again.
        store.tasks().spawn("cache schedule", keep(running, store.clone()));
    }
}

/// The one task; what it stands for ends with it.
struct Running(Arc<Registry>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.keeper.is_running.store(false, Ordering::Release);
    }
}

/// Looks whenever something is due, as long as somebody uses a cache.
async fn keep(mut running: Running, store: Store) {
    let registry = Arc::clone(&running.0);
    let within = store.within(STEP);
    loop {
        let spaces = registry.living();
        if spaces.is_empty() {
            drop(running);
            // A cache that was made since may have found this task.
            if registry.living().is_empty() || registry.keeper.is_running.swap(true, Ordering::AcqRel) {
                return;
            }
            running = Running(Arc::clone(&registry));
            continue;
        }
        let era = registry.coherence.era();
        // What is told from now on may be later than what is seen.
        *registry.keeper.next() = None;
        let looked = look(&within, &spaces).await;
        let now = store.clock().instant();
        match looked {
            Ok(taken) if taken.due.len() == BATCH => continue,
            Ok(DueNow { next_in: None, .. }) => {}
            Ok(DueNow { next_in: Some(wait), .. }) if store.is_memory() => registry.keeper.look_at(now, wait),
            Ok(DueNow { next_in: Some(wait), .. }) => registry.keeper.told(now, wait),
            Err(error) => {
                tracing::debug!(%error, "what is due can't be told");
                registry.keeper.told(now, TICK);
            }
        }
        sleep(REST).await;
        rest(&registry, &store, era).await;
        if store.is_memory() {
            let next = registry.keeper.next();
            if next.is_none() {
                // While the plan is held: whoever puts something off from now on starts another task.
                drop(running);
                return;
            }
        }
    }
}

/// Waits until there is reason to look, or nothing to wait for.
async fn rest(registry: &Registry, store: &Store, era: u64) {
    let keeper = &registry.keeper;
    let began = store.clock().instant();
    let net = NET.mul_f64(0.75 + 0.5 * fastrand::f64());
    let tick = TICK.mul_f64(0.75 + 0.5 * fastrand::f64());
    loop {
        let now = store.clock().instant();
        let next = *keeper.next();
        if registry.living().is_empty() || (store.is_memory() && next.is_none()) {
            return;
        }
        let is_told = store.is_memory()
            || registry.coherence.is_attached(now, SILENCE) && registry.coherence.era() == era;
        let look_by = began + if is_told { net } else { tick };
        let look_at = next.map_or(look_by, |next| next.min(look_by));
        if look_at <= now {
            return;
        }
        tokio::select! {
            () = sleep((look_at - now).min(tick)) => {}
            () = keeper.changed.notified() => {}
        }
    }
}

/// Does what is due, and strikes off what was done; the rest is due again when the lease ends.
async fn look(store: &Store, spaces: &[Arc<Space>]) -> Result<DueNow> {
    let queues: Vec<_> = spaces.iter().map(|space| space.queue.clone()).collect();
    let taken = store.run(&TakeDue::new(queues.clone(), LEASE, BATCH)).await?;
    for (space, waiting) in spaces.iter().zip(&taken.waiting) {
        space.waiting.store(*waiting, Ordering::Relaxed);
    }
    let work = taken.due.iter().map(|due| async {
        let space = &spaces[due.queue];
        let is_done = match carry_out(store, space, due).await {
            Ok(is_done) => is_done,
            Err(error) => {
                tracing::debug!(cache = space.name(), %error, "an invalidation that is due waits on");
                false
            }
        };
        let outcome = if is_done { "done" } else { "again" };
        metrics::counter!(names::CACHE_SCHEDULED, "cache" => space.name(), "outcome" => outcome).increment(1);
        is_done
    });
    let done = join_all(work).await;
    let done: Vec<_> =
        taken.due.iter().zip(done).filter(|(_, done)| *done).map(|(due, _)| due.clone()).collect();
    if !done.is_empty() {
        for due in &done {
            spaces[due.queue].waiting.fetch_sub(1, Ordering::Relaxed);
        }
        store.run(&FinishDue::new(queues, done)).await?;
    }
    Ok(taken)
}
