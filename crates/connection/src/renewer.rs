//! Leases that are renewed in the background, and the certainty that they still hold.

mod work;

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    future::pending,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use redstart_keys::Ttl;
use tokio::{
    runtime::{self, Handle},
    sync::{Notify, watch},
};

use crate::{BoxFuture, Clock, Tasks};

/// How often a wait looks at a clock that a test moves.
const MANUAL_TICK: Duration = Duration::from_millis(1);

/// How far ahead of its time a lease is renewed at most, to go along with others.
const LONGEST_AHEAD: Duration = Duration::from_secs(2);

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

/// Why a lease is not valid any more.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Loss {
    /// It was not renewed in time, so somebody else may have it.
    Expired,
    /// The store said that it is not ours any more.
    Gone,
    /// It was given back.
    Released,
    /// It was held for as long as it may be.
    HeldTooLong,
    /// The store is being shut down.
    Shutdown,
}

/// A lease under renewal; dropping this ends the renewal and the validity.
#[must_use = "dropping this ends the lease"]
pub struct Kept {
    renewer: Renewer,
    id: u64,
    standing: Arc<watch::Sender<Standing>>,
}

/// Whether a lease still holds, for as many readers as want to know.
#[derive(Clone)]
pub struct Validity {
    clock: Clock,
    standing: watch::Receiver<Standing>,
}

struct Shared {
    tasks: Tasks,
    clock: Clock,
    leases: Mutex<Leases>,
    wake: Arc<Notify>,
}

#[derive(Default)]
struct Leases {
    by_id: HashMap<u64, Lease>,
    /// When which lease is to be renewed; one that is being renewed just now is not in it.
    schedule: BTreeSet<(Instant, u64)>,
    last_id: u64,
    is_running: bool,
    /// Until when the task sleeps, so that it is not woken for what comes later.
    wakes_at: Option<Instant>,
}

struct Lease {
    ttl: Ttl,
    due: Option<Instant>,
    /// Where it was taken: one of the runtimes that may renew it, until that one has ended.
    home: Option<Handle>,
    renew: Arc<dyn Fn() -> BoxFuture<'static, Renewal> + Send + Sync>,
    standing: Arc<watch::Sender<Standing>>,
}

#[derive(Clone, Copy)]
struct Standing {
    /// Until when the store has it for us.
    leased_until: Instant,
    /// Until when we may hold it at all.
    limit: Option<Instant>,
    loss: Option<Loss>,
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
        self.renewer.0.leases().remove(self.id);
        lose(&self.standing, cause);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end(Loss::Released);
    }
}

impl Validity {
    /// Time for which the lease is certainly ours; zero if it is not any more.
    #[must_use]
    pub fn valid_for(&self) -> Duration {
        let standing = *self.standing.borrow();
        if standing.loss.is_some() {
            return Duration::ZERO;
        }
        standing.ends_at().saturating_duration_since(self.clock.instant())
    }

    /// Whether the lease is certainly ours.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.valid_for().is_zero()
    }

    /// Why the lease is not certainly ours any more; none while it is.
    #[must_use]
    pub fn loss(&self) -> Option<Loss> {
        self.standing.borrow().loss_at(self.clock.instant())
    }

    /// Waits until the lease is not certainly ours any more, and tells why.
    ///
    /// # Cancel safety
    ///
    /// Dropping this midway has no effect.
    pub async fn lost(&self) -> Loss {
        let mut standing = self.standing.clone();
        loop {
            let now = *standing.borrow_and_update();
            if let Some(loss) = now.loss_at(self.clock.instant()) {
                return loss;
            }
            tokio::select! {
                changed = standing.changed() => if changed.is_err() {
                    return standing.borrow().loss.unwrap_or(Loss::Released);
                },
                () = wait_until(&self.clock, now.ends_at()) => {}
            }
        }
    }
}

impl Standing {
    /// When the validity ends, were the lease not renewed any more.
    fn ends_at(&self) -> Instant {
        self.limit.map_or(self.leased_until, |limit| limit.min(self.leased_until))
    }

    /// Why the lease is not certainly ours at `now`.
    fn loss_at(&self, now: Instant) -> Option<Loss> {
        let is_over = |end: Instant| end <= now;
        let by_time = || {
            if is_over(self.leased_until) {
                return Some(Loss::Expired);
            }
            self.limit.is_some_and(is_over).then_some(Loss::HeldTooLong)
        };
        self.loss.or_else(by_time)
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
        leases.wakes_at = leases.schedule.first().map(|&(due, _)| due);
        leases.wakes_at
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

impl Leases {
    /// What is to be renewed at `now`; what is due soon goes along, so that many leases come to share
    /// their round trips.
    fn due_with(&self, now: Instant) -> Vec<(Instant, u64)> {
        if self.schedule.first().is_none_or(|(due, _)| now < *due) {
            return Vec::new();
        }
        let is_soon = |&(due, id): &(Instant, u64)| {
            self.by_id.get(&id).is_none_or(|lease| due <= now + lease.ttl.as_duration() / 24)
        };
        let near = self.schedule.iter().take_while(|(due, _)| *due <= now + LONGEST_AHEAD);
        near.copied().filter(is_soon).collect()
    }

    fn plan(&mut self, id: u64, due: Instant) {
        let Some(lease) = self.by_id.get_mut(&id) else { return };
        lease.due = Some(due);
        self.schedule.insert((due, id));
    }

    /// Notes that the task and its runtime have ended; answers which runtime may go on.
    fn orphan(&mut self, ended: runtime::Id) -> Option<Handle> {
        (self.is_running, self.wakes_at) = (false, None);
        let lives = |home: &Handle| home.id() != ended;
        // Forgotten, so that the search comes to an end where all runtimes have.
        self.by_id.values_mut().for_each(|lease| lease.home = lease.home.take().filter(lives));
        self.by_id.values().find_map(|lease| lease.home.clone())
    }

    fn remove(&mut self, id: u64) {
        if let Some(due) = self.by_id.remove(&id).and_then(|lease| lease.due) {
            self.schedule.remove(&(due, id));
        }
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

/// How long a lease of `ttl` is certainly ours, counted from before the request was sent.
fn validity(ttl: Ttl) -> Duration {
    let ttl = ttl.as_duration();
    ttl.saturating_sub(ttl / 100).saturating_sub(Duration::from_millis(2))
}

fn lose(standing: &watch::Sender<Standing>, cause: Loss) {
    standing.send_if_modified(|standing| {
        let is_first = standing.loss.is_none();
        standing.loss.get_or_insert(cause);
        is_first
    });
}

async fn wait_until(clock: &Clock, moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(clock.instant());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(if clock.is_manual() { left.min(MANUAL_TICK) } else { left }).await;
    }
}

impl Loss {
    /// The cause in one word, as in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Gone => "gone",
            Self::Released => "released",
            Self::HeldTooLong => "held_too_long",
            Self::Shutdown => "shutdown",
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

impl fmt::Debug for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loss = self.standing.borrow().loss;
        f.debug_struct("Validity").field("valid_for", &self.valid_for()).field("loss", &loss).finish()
    }
}

#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod tests;
