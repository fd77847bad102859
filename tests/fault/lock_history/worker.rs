//! What one process does: takes the lock, works under it, and writes down what it sees.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use futures_util::future::join_all;
use redstart_connection::{Clock, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{FencedCell, Lease, Locks, Written};
use tokio::time::MissedTickBehavior;

use super::record::{Record, What};

const LOCK: Entity<u64> = Entity::new(Category::Lock, "contended").ttl(Ttl::minutes(5));
pub(super) const TTL: Ttl = Ttl::millis(500);

pub(super) fn key() -> Key {
    LOCK.key(&1)
}

fn now() -> u64 {
    Clock::system().now().as_micros()
}

/// How a process goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// How many of its tasks want the lock.
    pub(super) tasks: usize,
    /// How many turns of work there are under it at the most.
    pub(super) turns: u64,
    /// For how long each rests before it wants the lock again.
    pub(super) rest: Duration,
}

impl Manner {
    /// One task, which holds the lock for a moment or for several leases, and wants it again at once.
    pub(super) const ALONE: Self = Self { tasks: 1, turns: 60, rest: Duration::ZERO };
    /// Several tasks, which hand the lock to each other before the next in line asks the server for it.
    pub(super) const CROWD: Self = Self { tasks: 4, turns: 3, rest: Duration::ZERO };
    /// One task that wants the lock now and then.
    pub(super) const VISITOR: Self = Self { tasks: 1, turns: 2, rest: Duration::from_millis(30) };
}

/// Works until the store is shut down, handing every record to `note`.
pub(super) async fn work(store: &Store, manner: Manner, note: &(impl Fn(Record) + Sync)) {
    let (locks, awake) = (Locks::new(store.clone()), AtomicU64::new(now()));
    let tasks = (0..manner.tasks).map(|_| take_and_work(store, &locks, manner, note, &awake));
    let mut work = pin!(join_all(tasks));
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    poll_fn(|context| {
        // Taken before anything is looked at: a pause may begin anywhere in here.
        let began = now();
        if work.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        while ticks.poll_tick(context).is_ready() {}
        awake.store(began, Ordering::Relaxed);
        Poll::Pending
    })
    .await;
}

/// `awake` is when the last look began at whether the lock is still held.
async fn take_and_work(
    store: &Store,
    locks: &Locks,
    manner: Manner,
    note: &(impl Fn(Record) + Sync),
    awake: &AtomicU64,
) {
    let cell = FencedCell::new(store.clone(), &key(), Ttl::hours(1));
    while !store.tasks().is_stopped() {
        let request = locks.lock(&key()).ttl(TTL).wait(Duration::from_millis(300));
        let began = now();
        let worked = request.with(|lease| {
            let fence = lease.fence().get();
            note(Record { what: What::Granted, fence, began, ended: now() });
            let told = Told { fence, awake, note, is_finished: false };
            let cell = &cell;
            async move {
                let mut told = told;
                under_lock(lease, manner, cell, note).await;
                told.is_finished = true;
            }
        });
        if worked.await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(manner.rest).await;
    }
}

/// Writes down when the work is dropped: that is how it learns that the lock is lost.
struct Told<'a, N: Fn(Record)> {
    fence: u64,
    awake: &'a AtomicU64,
    note: &'a N,
    is_finished: bool,
}

impl<N: Fn(Record)> Drop for Told<'_, N> {
    fn drop(&mut self) {
        if !self.is_finished {
            let began = self.awake.load(Ordering::Relaxed);
            (self.note)(Record { what: What::Lost, fence: self.fence, began, ended: now() });
        }
    }
}

/// Some turns of work, each of which may be stopped anywhere.
async fn under_lock(lease: Lease, manner: Manner, cell: &FencedCell, note: &(impl Fn(Record) + Sync)) {
    let fence = lease.fence().get();
    let at = |what, began| note(Record { what, fence, began, ended: now() });
    for turn in 0..now() % manner.turns + 1 {
        let began = now();
        at(What::Polled, began);
        if lease.is_valid() {
            at(What::Valid, began);
        }
        let began = now();
        match cell.write(lease.fence(), turn.to_string()).await {
            Ok(Written::Stored) => at(What::Stored, began),
            Ok(Written::Refused { .. }) => at(What::Refused, began),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
