//! What one process does: takes the lock, works under it, and writes down what it sees.

use std::time::Duration;

use redstart_connection::{Clock, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{FencedCell, Lease, Locks, Written};

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
    let locks = Locks::new(store.clone());
    let cell = FencedCell::new(store.clone(), &key(), Ttl::hours(1));
    while !store.tasks().is_stopped() {
        let request = locks.lock(&key()).ttl(TTL).wait(Duration::from_millis(300));
        let began = now();
        let worked = request.with(|lease| {
            let fence = lease.fence().get();
            note(Record { what: What::Granted, fence, began, ended: now() });
            under_lock(lease, &cell, note)
        });
        if worked.await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
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
        if let Some(_cause) = lease.loss() {
            at(What::Lost, began);
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
