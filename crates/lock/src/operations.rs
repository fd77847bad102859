//! The atomic steps of a lock, for services that drive the door themselves.
//!
//! None is ever answered from a standby memory: a lock that only this process knows is none.

mod acquire;
mod due;
mod extend;
mod fenced;
mod force_release;
mod inspect;
mod keeps;
mod raise_fence;
mod release;
mod share;
mod token;
mod waiters;

pub use self::{
    acquire::{Acquire, Acquired},
    due::{DonePeriod, Due},
    extend::Extend,
    fenced::{ReadFenced, WriteFenced},
    force_release::{ForceRelease, Forced},
    inspect::{Holding, Inspect},
    keeps::{Keeping, Keeps},
    raise_fence::RaiseFence,
    release::{GiveBack, GivenBack, Next},
    share::{AcquireShare, ExtendShare, GiveBackShare, InspectShares, Share},
    token::Token,
};
pub(crate) use self::{release::HANDED, waiters::channel};

use std::time::Duration;

use redstart_connection::{Result, Tx};
use redstart_keys::Key;

use crate::Fence;

/// A fence outlives its last use by a day, and its TTL is renewed once a day; the scripts know it as well.
const FENCE_TTL: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// How long a question may be on its way after nobody waits for its answer any more, as the scripts know as
/// well: a connection that carries nothing is given up long before.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// The names of one lock's keys, in the order in which the scripts take them.
#[derive(Clone, Debug)]
struct Keys {
    /// Who holds it.
    lock: Key,
    /// Its last fence.
    fence: Key,
    /// Who asked for it and does not want it any more.
    given_up: Key,
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
            given_up: lock.companion("given-up"),
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
struct GivenUp(Vec<Token>);

impl GivenUp {
    /// About as many as the server remembers.
    const MOST: usize = 32;

    fn has(tx: &Tx<'_>, key: &Key, token: &Token) -> bool {
        tx.get::<Self>(key).is_some_and(|tokens| tokens.0.contains(token))
    }

    fn add(tx: &mut Tx<'_>, key: &Key, token: &Token) -> Result<()> {
        let before = tx.get::<Self>(key).map(|tokens| tokens.0.clone()).unwrap_or_default();
        let all = [token.clone()].into_iter().chain(before).take(Self::MOST).collect();
        let until = tx.now().saturating_add(UNDER_WAY);
        tx.put(key, Self(all), until)
    }
}

/// Mints the next fence, as the script does.
fn mint(tx: &mut Tx<'_>, key: &Key, ttl: Duration) -> Result<Fence> {
    let now = tx.now();
    let last = tx.get::<LastFence>(key).map_or(0, |last| last.0);
    let minted = last.saturating_add(1).max(now.as_micros());
    let until = now.saturating_add(FENCE_TTL.saturating_add(ttl));
    tx.put(key, LastFence(minted), until)?;
    Ok(Fence::new(minted))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads an answer of `PTTL` for a key that is there.
fn expires_in(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}
