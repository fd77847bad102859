//! The leases of a renewer, and when each is due.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use redstart_keys::Ttl;
use tokio::{
    runtime::{self, Handle},
    sync::watch,
};

use super::{Renewal, validity::Standing};
use crate::BoxFuture;

/// How far ahead of its time a lease is renewed at most, to go along with others.
const LONGEST_AHEAD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Leases {
    pub(super) by_id: HashMap<u64, Lease>,
    /// When which lease is to be renewed; one that is being renewed just now is not in it.
    pub(super) schedule: BTreeSet<(Instant, u64)>,
    pub(super) last_id: u64,
    pub(super) is_running: bool,
    /// Until when the task sleeps, so that it is not woken for what comes later.
    pub(super) wakes_at: Option<Instant>,
}

pub(super) struct Lease {
    pub(super) ttl: Ttl,
    pub(super) due: Option<Instant>,
    /// Where it was taken: one of the runtimes that may renew it, until that one has ended.
    pub(super) home: Option<Handle>,
    pub(super) renew: Arc<dyn Fn() -> BoxFuture<'static, Renewal> + Send + Sync>,
    pub(super) standing: Arc<watch::Sender<Standing>>,
}

impl Leases {
    /// What is to be renewed at `now`; what is due soon goes along, so that many leases come to share
    /// their round trips.
    pub(super) fn due_with(&self, now: Instant) -> Vec<(Instant, u64)> {
        if self.schedule.first().is_none_or(|(due, _)| now < *due) {
            return Vec::new();
        }
        let is_soon = |&(due, id): &(Instant, u64)| {
            self.by_id.get(&id).is_none_or(|lease| due <= now + lease.ttl.as_duration() / 24)
        };
        let near = self.schedule.iter().take_while(|(due, _)| *due <= now + LONGEST_AHEAD);
        near.copied().filter(is_soon).collect()
    }

    pub(super) fn plan(&mut self, id: u64, due: Instant) {
        let Some(lease) = self.by_id.get_mut(&id) else { return };
        lease.due = Some(due);
        self.schedule.insert((due, id));
    }

    /// Answers how long the task may sleep; without an end if there is none.
    ///
    /// Where no lease is left it sleeps on as it was going to. Locks that are held for a moment, one after another,
    /// would else wake it each time, and by the time it looks the lease is gone again.
    pub(super) fn plan_sleep(&mut self, now: Instant) -> Option<Instant> {
        let next = self.schedule.first().map(|&(due, _)| due);
        self.wakes_at = next.or_else(|| self.wakes_at.filter(|wakes_at| now < *wakes_at));
        self.wakes_at
    }

    /// Notes that the task and its runtime have ended; answers which runtime may go on.
    pub(super) fn orphan(&mut self, ended: runtime::Id) -> Option<Handle> {
        (self.is_running, self.wakes_at) = (false, None);
        let lives = |home: &Handle| home.id() != ended;
        // Forgotten, so that the search comes to an end where all runtimes have.
        self.by_id.values_mut().for_each(|lease| lease.home = lease.home.take().filter(lives));
        self.by_id.values().find_map(|lease| lease.home.clone())
    }

    pub(super) fn remove(&mut self, id: u64) {
        if let Some(due) = self.by_id.remove(&id).and_then(|lease| lease.due) {
            self.schedule.remove(&(due, id));
        }
    }
}
