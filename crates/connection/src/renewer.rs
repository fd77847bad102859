//! Leases that are renewed in the background, and the certainty that they still hold.

mod leases;
mod validity;

pub use self::validity::{Loss, Validity};

use std::{
    fmt,
    future::pending,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redstart_keys::Ttl;
use tokio::{
    runtime::{self, Handle},
    sync::{Notify, watch},
};

use self::{
    leases::{Lease, Leases},
    validity::{Standing, lose, validity, wait_until},
};
use crate::{BoxFuture, Clock, Tasks};

/// Renews the leases of a store, all in one task.
///
/// A lease is renewed after a third of its TTL. What counts as its validity begins before the request
/// was sent and ends a hundredth and 2 ms early, by the monotonic clock: as long as a lease is valid
/// here, no other process can have got it from the server.
#[derive(Clone)]
pub struct Renewer(Arc<Shared>);

/// What came of an attempt to renew a lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Renewal {
    /// The store prolonged it.
    Kept,
    /// The store says that it is not ours any more.
    Lost,
    /// There was no answer; it is tried again while the lease is valid.
    Unknown,
}

/// A lease under renewal; dropping this ends the renewal and the validity.
#[must_use = "dropping this ends the lease"]
pub struct Kept {
    renewer: Renewer,
    id: u64,
    standing: Arc<watch::Sender<Standing>>,
}

struct Shared {
    tasks: Tasks,
    clock: Clock,
    leases: Mutex<Leases>,
    wake: Arc<Notify>,
}

/// An attempt to renew a lease, with its answer.
struct Attempt {
    id: u64,
    sent_at: Instant,
    renewal: Renewal,
}

impl Renewer {
    pub(crate) fn new(tasks: Tasks, clock: Clock) -> Self {
        let (leases, wake) = (Mutex::default(), Arc::new(Notify::new()));
        Self(Arc::new(Shared { tasks, clock, leases, wake }))
    }

    /// Keeps a lease of `ttl` that was asked for at `sent_at`, renewing it by `renew`.
    ///
    /// Outside a runtime, and after the shutdown, nothing renews it, and its validity ends by itself.
    pub fn keep(
        &self,
        ttl: Ttl,
        sent_at: Instant,
        renew: impl Fn() -> BoxFuture<'static, Renewal> + Send + Sync + 'static,
    ) -> Kept {
        self.keep_from(ttl, ttl, sent_at, renew)
    }

    /// Keeps a lease as [`Renewer::keep`] does whose first term is another than those that `renew` gives it.
    pub fn keep_from(
        &self,
        first: Ttl,
        ttl: Ttl,
        sent_at: Instant,
        renew: impl Fn() -> BoxFuture<'static, Renewal> + Send + Sync + 'static,
    ) -> Kept {
        let standing = Standing { leased_until: sent_at + validity(first), limit: None, loss: None };
        let standing = Arc::new(watch::Sender::new(standing));
        let home = Handle::try_current().ok();
        let lease = Lease {
            ttl,
            due: None,
            home: home.clone(),
            renew: Arc::new(renew),
            standing: Arc::clone(&standing),
        };

        let mut leases = self.0.leases();
        leases.last_id += 1;
        let id = leases.last_id;
        leases.by_id.insert(id, lease);
        let due = sent_at + first.as_duration() / 3;
        leases.plan(id, due);
        let is_next = leases.wakes_at.is_none_or(|wakes_at| due < wakes_at);
        if is_next {
            leases.wakes_at = Some(due);
        }
        drop(leases);
        if let Some(home) = home {
            self.0.ensure_running(&home);
        }
        if is_next {
            self.0.wake.notify_one();
        }
        Kept { renewer: self.clone(), id, standing }
    }
}

impl Kept {
    /// Whether the lease still holds, to hand around.
    #[must_use]
    pub fn validity(&self) -> Validity {
        Validity { clock: self.renewer.0.clock.clone(), standing: self.standing.subscribe() }
    }

    /// Lets the validity end at `limit` at the latest, however often the lease is renewed.
    pub fn limit(&self, limit: Instant) {
        self.standing.send_modify(|standing| standing.limit = Some(limit));
    }

    /// Ends renewal and validity now, for this reason; an earlier one stands.
    pub fn end(&self, cause: Loss) {
        if self.standing.borrow().loss.is_some() {
            // Whoever noted it has removed the lease, or is about to.
            return;
        }
        self.renewer.0.leases().remove(self.id);
        lose(&self.standing, cause);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end(Loss::Released);
    }
}

impl Shared {
    /// Starts the task on `runtime` where none runs.
    fn ensure_running(self: &Arc<Self>, runtime: &Handle) {
        if mem::replace(&mut self.leases().is_running, true) {
            return;
        }
        // Made here and not in the task, which may be dropped before its first poll.
        let running = Running { shared: Arc::downgrade(self), runtime: runtime.id() };
        self.tasks.spawn_on(runtime, "lease renewer", Self::renew_all(running, Arc::clone(&self.wake)));
    }

    async fn renew_all(running: Running, wake: Arc<Notify>) {
        let shared = &running.shared;
        let Some(clock) = shared.upgrade().map(|shared| shared.resume()) else { return };
        let mut attempts = FuturesUnordered::new();
        loop {
            let Some(next) = shared.upgrade().map(|shared| shared.start_due(&mut attempts)) else { return };
            let pause = async {
                match next {
                    Some(next) => wait_until(&clock, next).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(attempt) = attempts.next(), if !attempts.is_empty() => {
                    let Some(shared) = shared.upgrade() else { return };
                    shared.settle(&attempt);
                }
                () = wake.notified() => {}
                () = pause => {}
            }
        }
    }

    /// Takes up what a task left behind whose runtime ended under it.
    fn resume(&self) -> Clock {
        let now = self.clock.instant();
        let mut leases = self.leases();
        let orphaned: Vec<u64> =
            leases.by_id.iter().filter(|(_, lease)| lease.due.is_none()).map(|(&id, _)| id).collect();
        for id in orphaned {
            leases.plan(id, now);
        }
        self.clock.clone()
    }

    /// Sends what is due; answers when the next one is.
    fn start_due(&self, attempts: &mut FuturesUnordered<BoxFuture<'static, Attempt>>) -> Option<Instant> {
        let now = self.clock.instant();
        let mut leases = self.leases();
        for (due, id) in leases.due_with(now) {
            leases.schedule.remove(&(due, id));
            let Some(lease) = leases.by_id.get_mut(&id) else { continue };
            lease.due = None;
            let loss = lease.standing.borrow().loss_at(now);
            if let Some(loss) = loss {
                // Renewing it now would only hide that it was not held for a while.
                lose(&lease.standing, loss);
                leases.by_id.remove(&id);
                continue;
            }
            let renew = Arc::clone(&lease.renew);
            attempts.push(Box::pin(async move { Attempt { id, sent_at: now, renewal: renew().await } }));
        }
        leases.plan_sleep(now)
    }

    fn settle(&self, &Attempt { id, sent_at, renewal }: &Attempt) {
        let now = self.clock.instant();
        let mut leases = self.leases();
        // It may have been given back meanwhile.
        let Some(lease) = leases.by_id.get(&id) else { return };
        let ttl = lease.ttl.as_duration();
        let has_expired = lease.standing.borrow().leased_until <= now;
        match renewal {
            Renewal::Kept if !has_expired => {
                let leased_until = sent_at + validity(lease.ttl);
                lease.standing.send_modify(|standing| standing.leased_until = leased_until);
                leases.plan(id, sent_at + ttl / 3);
            }
            Renewal::Unknown if !has_expired => leases.plan(id, now + ttl / 12),
            Renewal::Kept | Renewal::Unknown => {
                lose(&lease.standing, Loss::Expired);
                leases.remove(id);
            }
            Renewal::Lost => {
                lose(&lease.standing, Loss::Gone);
                leases.remove(id);
            }
        }
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        // Every change under this lock is complete before anything could panic.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.wake.notify_one();
    }
}

/// Held by the task: whatever ends it, another runtime that took leases goes on with them.
struct Running {
    shared: Weak<Shared>,
    runtime: runtime::Id,
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let next = shared.leases().orphan(self.runtime);
        if let Some(next) = next.filter(|_| !shared.tasks.is_stopped()) {
            shared.ensure_running(&next);
        }
    }
}

impl fmt::Debug for Renewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewer").field("leases", &self.0.leases().by_id.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("validity", &self.validity()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
