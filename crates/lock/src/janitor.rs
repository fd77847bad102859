//! The janitor: gives back what was dropped without being released.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use futures_util::future::join_all;
use metrics::counter;
use redstart_connection::{Store, names};
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, Notify},
};

use crate::{Fence, claim::Claim, inbox::Inbox, ways::Ways};

/// How many locks may wait to be given back; what comes on top ends with its lease.
const MOST: usize = 1_024;
/// How many are given back at the same time.
const AT_ONCE: usize = 64;

/// Gives back what was dropped without being released.
///
/// Dropping a guard only puts it on this list, so it never waits, and may happen anywhere, also outside
/// a runtime. A task of the store works the list off.
#[derive(Debug)]
pub(crate) struct Janitor {
    store: Store,
    ways: Arc<Ways>,
    inbox: Arc<Inbox>,
    list: Mutex<VecDeque<Task>>,
    /// Held by who works the list off, so that a shutdown does not take what is in another's hands for done.
    at_work: AsyncMutex<()>,
    wake: Notify,
    is_running: AtomicBool,
    /// No more will come: the task ends with the list.
    is_closed: AtomicBool,
}

/// What has to be given back.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    claim: Claim,
    /// None if the grant was never answered.
    fence: Option<Fence>,
    /// When the lease is over by itself.
    until: Instant,
}

impl Task {
    pub(crate) fn new(store: &Store, claim: &Claim, fence: Option<Fence>) -> Self {
        // However it was prolonged, and had it been granted only now: then it ends after its TTL.
        let until = store.clock().instant() + claim.ttl.as_duration();
        Self { claim: claim.clone(), fence, until }
    }
}

impl Janitor {
    pub(crate) fn new(store: Store, ways: Arc<Ways>, inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self {
            store,
            ways,
            inbox,
            list: Mutex::default(),
            at_work: AsyncMutex::default(),
            wake: Notify::new(),
            is_running: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Starts the task, if there is none, on the runtime of the caller, if there is one.
    pub(crate) fn start(self: &Arc<Self>) {
        let is_running = self.is_running.load(Ordering::Acquire);
        if is_running || Handle::try_current().is_err() || self.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        let running = Running(Arc::clone(self));
        // Unless it is spawned the work is dropped here, and `Running` says that there is no task.
        self.store.tasks().spawn("lock janitor", async move { running.0.work().await });
    }

    /// Puts a lock on the list; never waits.
    pub(crate) fn give_back(self: &Arc<Self>, task: Task) {
        let mut list = self.list();
        if MOST <= list.len() {
            drop(list);
            tracing::warn!(
                lock = task.claim.lock.entity_name(),
                "too many locks wait to be given back; it ends by itself"
            );
            counter!(names::LOCK_UNRELEASED).increment(1);
            return;
        }
        list.push_back(task);
        drop(list);
        self.start();
        self.wake.notify_one();
    }

    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// How many locks wait to be given back.
    pub(crate) fn pending(&self) -> usize {
        self.list().len()
    }

    /// Works the list off, after whoever is at it.
    pub(crate) async fn drain(&self) {
        let _alone = self.at_work.lock().await;
        loop {
            let mut hands = Hands::full(self);
            if hands.tasks.is_empty() {
                return;
            }
            join_all(hands.tasks.iter().map(|task| self.release(task))).await;
            hands.tasks.clear();
        }
    }

    async fn work(&self) {
        loop {
            self.drain().await;
            if self.is_closed.load(Ordering::Acquire) {
                return;
            }
            self.wake.notified().await;
        }
    }

    async fn release(&self, Task { claim, fence, until }: &Task) {
        if *until <= self.store.clock().instant() {
            return;
        }
        match self.ways.give_back(claim, *fence).await {
            Ok(given_back) => given_back.next.iter().for_each(|next| self.inbox.tell(next)),
            Err(error) => {
                let lock = claim.lock.entity_name();
                tracing::warn!(lock, %error, "a dropped lock could not be released; it ends by itself");
                counter!(names::LOCK_UNRELEASED).increment(1);
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Task>> {
        // Every change under this lock is complete before anything could panic.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is being given back; it goes on the list again when that does not come to its end.
struct Hands<'a> {
    janitor: &'a Janitor,
    tasks: Vec<Task>,
}

impl<'a> Hands<'a> {
    fn full(janitor: &'a Janitor) -> Self {
        let mut list = janitor.list();
        let count = list.len().min(AT_ONCE);
        Self { janitor, tasks: list.drain(..count).collect() }
    }
}

impl Drop for Hands<'_> {
    fn drop(&mut self) {
        let mut list = self.janitor.list();
        self.tasks.drain(..).rev().for_each(|task| list.push_front(task));
    }
}

/// Says when the task ends, however it does, so that another can be started.
struct Running(Arc<Janitor>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
