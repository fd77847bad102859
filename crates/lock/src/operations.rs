//! The atomic steps of a lock, for services that drive the door themselves.
//!
//! None is ever answered from a standby memory: a lock that only this process knows is none.

mod acquire;
mod extend;
mod force_release;
mod inspect;
mod release;

pub use acquire::{Acquire, Acquired};
pub use extend::Extend;
pub use force_release::ForceRelease;
pub use inspect::{Holding, Inspect};
pub use release::GiveBack;

use std::{sync::Arc, time::Duration};

use redstart_keys::Key;

/// Under which name a lock keeps its last fence.
const FENCE: &str = "fence";

/// Who asks: unique for each attempt to acquire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token(Arc<str>);

impl Token {
    /// A token; two attempts must never use the same.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keys of one lock.
#[derive(Clone, Debug)]
struct Keys {
    lock: Key,
    fence: Key,
}

impl Keys {
    fn of(lock: &Key) -> Self {
        Self { lock: lock.clone(), fence: lock.companion(FENCE) }
    }
}

/// What the embedded store keeps under a lock's key.
struct Holder(Token);

/// What the embedded store keeps under a fence's key.
struct LastFence(u64);

/// Reads an answer of `PTTL` for a key that is there.
fn expires_in(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}
