//! The janitor: gives back what was dropped without being released.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use metrics::counter;
use redstart_connection::{Store, names};
use redstart_keys::{Key, Ttl};
use tokio::{runtime::Handle, sync::Notify};

use crate::{
    Fence,
    operations::{GiveBack, Token},
    queue::Queues,
};

/// How many locks may wait to be given back; what comes on top ends with its lease.
const MOST: usize = 1_024;

/// Gives back what was dropped without being released.
///
/// Dropping a guard only puts it on this list, so it never waits, and may happen anywhere, also outside
/// a runtime. A task of the store works the list off.
#[derive(Debug)]
pub(crate) struct Janitor {
    store: Store,
    queues: Queues,
    list: Mutex<VecDeque<Task>>,
    wake: Notify,
    is_running: AtomicBool,
    /// No more will come: the task ends with the list.
    is_closed: AtomicBool,
}

/// What has to be given back.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) lock: Key,
    pub(crate) token: Token,
    /// None if the grant was never answered.
    pub(crate) fence: Option<Fence>,
    /// When the lease is over by itself.
    pub(crate) until: Instant,
}

impl Task {
    pub(crate) fn new(store: &Store, lock: &Key, token: &Token, fence: Option<Fence>, ttl: Ttl) -> Self {
        // However it was prolonged, and had it been granted only now: then it ends after its TTL.
        let until = store.clock().instant() + ttl.as_duration();
        Self { lock: lock.clone(), token: token.clone(), fence, until }
    }
}

impl Janitor {
    pub(crate) fn new(store: Store, queues: Queues) -> Arc<Self> {
        Arc::new(Self {
            store,
            queues,
            list: Mutex::default(),
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
                lock = task.lock.entity_name(),
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

    /// Works the list off.
    pub(crate) async fn drain(&self) {
        loop {
            // Not in the `while let` itself, which would hold the list all the time.
            let next = self.list().pop_front();
            let Some(task) = next else { return };
            self.release(&task).await;
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

    async fn release(&self, task: &Task) {
        let Task { lock, token, fence, until } = task;
        if *until <= self.store.clock().instant() {
            return;
        }
        match self.store.run(&GiveBack::new(lock, token.clone(), *fence)).await {
            Ok(_) => self.queues.wake(lock),
            Err(error) => {
                tracing::warn!(lock = lock.entity_name(), %error, "a dropped lock could not be released; it ends by itself");
                counter!(names::LOCK_UNRELEASED).increment(1);
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Task>> {
        // Every change under this lock is complete before anything could panic.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says when the task ends, however it does, so that another can be started.
struct Running(Arc<Janitor>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Release);
    }
}
