//! What one process does: takes the lock, works under it, and writes down what it sees.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

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

/// Works until the store is shut down, handing every record to `note`.
pub(super) async fn work(store: &Store, note: &(impl Fn(Record) + Sync)) {
    let awake = AtomicU64::new(now());
    let mut work = pin!(take_and_work(store, note, &awake));
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
async fn take_and_work(store: &Store, note: &(impl Fn(Record) + Sync), awake: &AtomicU64) {
    let locks = Locks::new(store.clone());
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
                under_lock(lease, cell, note).await;
                told.is_finished = true;
            }
        });
        if worked.await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
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
async fn under_lock(lease: Lease, cell: &FencedCell, note: &(impl Fn(Record) + Sync)) {
    let fence = lease.fence().get();
    let at = |what, began| note(Record { what, fence, began, ended: now() });
    for turn in 0..turns() {
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

/// From a short hold to one of several leases.
fn turns() -> u64 {
    now() % 60 + 1
}
