//! The truth: a number for each key that only grows, which the loaders read.

use std::sync::atomic::{AtomicU64, Ordering};

use redstart_connection::{Cmd, Config, Store};
use redstart_keys::{Category, Entity, Ttl};

use crate::support::GUARD;

const REGISTER: Entity<u64> = Entity::new(Category::Counter, "register").ttl(Ttl::hours(1));

/// How many keys there are.
pub(super) const KEYS: u64 = 6;

/// A register of versions, one for each key.
pub(super) enum Register {
    /// Of this process.
    Here(Vec<AtomicU64>),
    /// On a server of its own, which nothing befalls.
    There(Store),
}

impl Register {
    pub(super) fn here() -> Self {
        Self::Here((0..KEYS).map(|_| AtomicU64::new(1)).collect())
    }

    /// The one on the server at `url`.
    pub(super) fn there(url: &str) -> Self {
        let config = Config::from_url(url).unwrap().with_command_timeout(GUARD).with_connect_timeout(GUARD);
        Self::There(Store::lazy(&config).unwrap())
    }

    /// The version of a key.
    pub(super) async fn read(&self, key: u64) -> u64 {
        match self {
            Self::Here(_) => self.read_here(key),
            Self::There(store) => {
                let read = store.command(Cmd::new("GET").key(&REGISTER.key(&key))).await.unwrap();
                version(read.into_optional_int().unwrap())
            }
        }
    }

    /// The version of a key in this process.
    pub(super) fn read_here(&self, key: u64) -> u64 {
        let Self::Here(versions) = self else { panic!("it is on a server") };
        versions[index(key)].load(Ordering::SeqCst)
    }

    /// Writes the next version.
    pub(super) async fn write(&self, key: u64) -> u64 {
        match self {
            Self::Here(versions) => versions[index(key)].fetch_add(1, Ordering::SeqCst) + 1,
            Self::There(store) => {
                let written = store.command(Cmd::new("INCR").key(&REGISTER.key(&key))).await.unwrap();
                version(Some(written.into_int().unwrap()))
            }
        }
    }
}

/// What nobody has written yet counts as nought.
fn version(read: Option<i64>) -> u64 {
    read.map_or(0, |read| u64::try_from(read).unwrap())
}

fn index(key: u64) -> usize {
    usize::try_from(key).unwrap()
}
