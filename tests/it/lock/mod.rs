//! Locks on a real server, asked for by several instances.

mod attacked;
mod cancelled;
mod counted;
mod fences;
mod fleet;
mod gathered;
mod handing;
mod handing_on;
mod holding;
mod kinds;
mod renewing;
mod waiting;

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{LockRequest, Locks};

use crate::support::GUARD;

pub(crate) const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
/// Longer than any test waits: what is free again before was given back.
pub(crate) const LONG: Ttl = Ttl::minutes(5);

pub(crate) fn key() -> Key {
    PAYOUT.key(&1)
}

/// What a process has: a store and locks of its own.
pub(crate) fn process(config: &Config) -> Locks {
    Locks::new(Store::lazy(config).unwrap())
}

pub(crate) fn request(locks: &Locks) -> LockRequest {
    locks.lock(&key()).ttl(LONG).wait(GUARD)
}
