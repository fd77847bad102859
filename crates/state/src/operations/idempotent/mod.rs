//! Work that is done once: begun, prolonged, completed or given back.

mod begin;
mod settle;

use std::fmt;

use bytes::Bytes;
use redstart_keys::Key;

pub use self::{
    begin::{Begin, Begun},
    settle::{Abandon, Complete, Renew},
};
use crate::{Fingerprint, secret::unique};

/// One attempt to do a piece of work: where it is kept, what was asked for, and who does it.
#[derive(Clone, Debug)]
pub struct Attempt {
    key: Key,
    fingerprint: Fingerprint,
    owner: Owner,
}

impl Attempt {
    /// An attempt by an owner that nobody else ever is.
    #[must_use]
    pub fn new(key: Key, fingerprint: Fingerprint) -> Self {
        Self { key, fingerprint, owner: Owner(unique()) }
    }
}

/// Who does a piece of work.
#[derive(Clone, Eq, PartialEq)]
struct Owner(String);

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the embedded store keeps of a piece of work.
struct Record {
    fingerprint: Fingerprint,
    owner: Owner,
    answer: Option<Bytes>,
}
