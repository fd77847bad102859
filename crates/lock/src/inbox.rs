//! Wake-ups: one subscription tells this process which of its waiters may have a lock.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{Heard, Store, Subscription};
use tokio::{sync::Notify, time::timeout};

use crate::{
    Fence,
    operations::{Next, Token, channel},
};

/// How long the subscription outlives the last waiter.
const IDLE: Duration = Duration::from_secs(60);
/// How many wake-ups are kept for waiters who have not begun to listen yet.
const RECENT: usize = 256;

/// Where the wake-ups of one process arrive.
pub(crate) struct Inbox {
    store: Store,
    instance: String,
    state: Mutex<State>,
    closed: Notify,
}

#[derive(Default)]
struct State {
    listeners: HashMap<Token, Arc<Ear>>,
    recent: VecDeque<Next>,
    /// Which task hears, if any does.
    task: Option<u64>,
    tasks: u64,
    is_attached: bool,
}

/// The inboxes of all handles on one store: who shares a store needs no server in between.
#[derive(Default)]
struct Inboxes(Mutex<HashMap<String, Weak<Inbox>>>);

/// A waiter who is woken; dropping it ends the listening.
pub(crate) struct Listener {
    inbox: Arc<Inbox>,
    token: Token,
    ear: Arc<Ear>,
}

/// What a waiter was told.
#[derive(Default)]
struct Ear {
    woken: Notify,
    /// The last fence under which it was handed the lock; 0 for none.
    fence: AtomicU64,
}

impl Ear {
    fn hear(&self, fence: Option<Fence>) {
        if let Some(fence) = fence {
            self.fence.fetch_max(fence.get(), Ordering::AcqRel);
        }
        self.woken.notify_one();
    }
}

impl Inbox {
    pub(crate) fn new(store: Store, instance: String) -> Arc<Self> {
        let inboxes = store.shared::<Inboxes>();
        let inbox = Arc::new(Self { store, instance, state: Mutex::default(), closed: Notify::new() });
        inboxes.lock().insert(inbox.instance.clone(), Arc::downgrade(&inbox));
        inbox
    }

    /// Listens for wake-ups of `token`, also for one that came a moment ago.
    pub(crate) fn listen(self: &Arc<Self>, token: &Token) -> Listener {
        let ear = Arc::<Ear>::default();
        let mut state = self.state();
        state.listeners.insert(token.clone(), Arc::clone(&ear));
        let place = state.recent.iter().position(|recent| recent.token == *token);
        if let Some(recent) = place.and_then(|place| state.recent.remove(place)) {
            ear.hear(recent.fence);
        }
        let starts = state.task.is_none() && !self.store.is_memory();
        if starts {
            state.tasks += 1;
            state.task = Some(state.tasks);
        }
        let task = state.tasks;
        drop(state);
        if starts {
            let running = Running { inbox: Arc::clone(self), task };
            // Unless it is spawned the work is dropped here, and `Running` says that there is no task.
            self.store.tasks().spawn("lock wake-ups", async move { running.inbox.hear().await });
        }
        Listener { inbox: Arc::clone(self), token: token.clone(), ear }
    }

    /// Whether every wake-up arrives, so that asking again and again is only a safety net.
    pub(crate) fn is_attached(&self) -> bool {
        self.store.is_memory() || self.state().is_attached
    }

    /// Tells a waiter of any handle on this store.
    pub(crate) fn tell(&self, next: &Next) {
        let instance = next.token.instance();
        if instance == self.instance {
            return self.wake(next);
        }
        let theirs = self.store.shared::<Inboxes>().lock().get(instance).and_then(Weak::upgrade);
        if let Some(theirs) = theirs {
            theirs.wake(next);
        }
    }

    pub(crate) fn close(&self) {
        self.store.shared::<Inboxes>().lock().remove(&self.instance);
        self.closed.notify_one();
    }

    fn wake(&self, next: &Next) {
        let mut state = self.state();
        if let Some(ear) = state.listeners.get(&next.token) {
            ear.hear(next.fence);
            return;
        }
        if state.recent.len() == RECENT {
            state.recent.pop_front();
        }
        state.recent.push_back(next.clone());
    }

    async fn hear(&self) {
        let mut subscription = Subscription::open(self.store.clone(), channel(&self.instance));
        loop {
            let heard = tokio::select! {
                heard = timeout(IDLE, subscription.next()) => heard,
                () = self.closed.notified() => return,
            };
            match heard {
                // Nobody waits, while nothing is told for long or the server is away.
                Err(_) | Ok(Err(_)) if self.ends() => return,
                Err(_) => {}
                Ok(Ok(Heard::Message(message))) => {
                    if let Some(next) = Next::parse(&String::from_utf8_lossy(&message)) {
                        self.wake(&next);
                    }
                }
                Ok(Ok(Heard::Attached)) => self.attach(),
                Ok(Err(error)) => {
                    self.state().is_attached = false;
                    tracing::debug!(%error, "locks are asked for again and again, for nobody tells when they are free");
                }
            }
        }
    }

    /// All ask again: whatever was told before may have been missed.
    fn attach(&self) {
        let mut state = self.state();
        state.is_attached = true;
        state.listeners.values().for_each(|ear| ear.hear(None));
    }

    /// Ends the subscription unless somebody listens.
    fn ends(&self) -> bool {
        let mut state = self.state();
        let ends = state.listeners.is_empty();
        if ends {
            // At once, for who comes now must start another.
            (state.task, state.is_attached) = (None, false);
        }
        ends
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under this lock is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inboxes {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Inbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Waits for a wake-up; one that came before counts. Answers under which fence the lock was handed over.
    pub(crate) async fn woken(&self) -> Option<Fence> {
        self.ear.woken.notified().await;
        Some(Fence::new(self.ear.fence.swap(0, Ordering::AcqRel))).filter(|fence| 0 < fence.get())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.inbox.state().listeners.remove(&self.token);
    }
}

/// Held by the task: whatever ends it, the next waiter starts another.
struct Running {
    inbox: Arc<Inbox>,
    task: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.inbox.state();
        if state.task == Some(self.task) {
            (state.task, state.is_attached) = (None, false);
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { listeners, is_attached, .. } = &*self.state();
        f.debug_struct("Inbox")
            .field("listeners", &listeners.len())
            .field("is_attached", is_attached)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
