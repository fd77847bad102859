//! The atomic steps of a lock, for services that drive the door themselves.
//!
//! None is ever answered from a standby memory: a lock that only this process knows is none.

mod acquire;
mod extend;
mod force_release;
mod inspect;
mod release;
mod token;
mod waiters;

pub(crate) use self::waiters::channel;
pub use self::{
    acquire::{Acquire, Acquired},
    extend::Extend,
    force_release::{ForceRelease, Forced},
    inspect::{Holding, Inspect},
    release::{GiveBack, GivenBack},
    token::Token,
};

use std::time::Duration;

use redstart_keys::Key;

/// The names of one lock's keys, in the order in which the scripts take them.
#[derive(Clone, Debug)]
struct Keys {
    /// Who holds it.
    lock: Key,
    /// Its last fence.
    fence: Key,
    /// Who asked for it and does not want it any more.
    unwanted: Key,
    /// Who waits for it, by arrival.
    queue: Key,
    /// Who waits for it, by the last question.
    seen: Key,
}

impl Keys {
    fn of(lock: &Key) -> Self {
        Self {
            lock: lock.clone(),
            fence: lock.companion("fence"),
            unwanted: lock.companion("unwanted"),
            queue: lock.companion("queue"),
            seen: lock.companion("seen"),
        }
    }
}

/// What the embedded store keeps under a lock's key.
struct Holder(Token);

/// What the embedded store keeps under a fence's key.
struct LastFence(u64);

/// What the embedded store keeps of those who gave up while they asked, the newest first.
struct Unwanted(Vec<Token>);

impl Unwanted {
    /// About as many as the server remembers.
    const MOST: usize = 32;
}

/// Reads an answer of `PTTL` for a key that is there.
fn expires_in(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}
