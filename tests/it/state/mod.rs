//! State on a real server, shared by several instances.

mod codes;
mod counters;
mod flags;
mod history;
mod hygiene;
mod idempotency;
mod replay;
mod sessions;
mod slots;
mod tower_sessions;

use redstart_connection::{Config, Store};

/// What a process has: a store of its own.
pub(crate) fn process(config: &Config) -> Store {
    Store::lazy(config).unwrap()
}
