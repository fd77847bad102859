//! The atomic steps of a lock, for services that drive the door themselves.
//!
//! None is ever answered from a standby memory: a lock that only this process knows is none.

mod acquire;
mod acquire_free;
mod due;
mod extend;
mod fenced;
mod force_release;
mod hand_on;
mod inspect;
mod keeps;
mod raise_fence;
mod raises;
mod release;
mod release_many_unwaited;
mod release_unwaited;
mod share;
mod take_free;
mod token;
mod waiters;

pub use self::{
    acquire::{Acquire, Acquired},
    acquire_free::{AcquireFree, Free},
    due::{DonePeriod, Due},
    extend::Extend,
    fenced::{ReadFenced, WriteFenced},
    force_release::{ForceRelease, Forced},
    hand_on::{HandOn, HandedOn},
    inspect::{Holding, Inspect},
    keeps::{Keeping, Keeps},
    raise_fence::RaiseFence,
    raises::Raises,
    release::{GiveBack, GivenBack, Next},
    release_many_unwaited::GiveBackManyUnwaited,
    release_unwaited::{GiveBackUnwaited, Unwaited},
    share::{AcquireShare, ExtendShare, GiveBackShare, InspectShares, Share},
    take_free::{TakeFree, TakeManyFree},
    token::Token,
};
pub(crate) use self::{release::HANDED, token::INSTANCE, waiters::channel};

use std::{borrow::Cow, sync::LazyLock, time::Duration};

use redstart_connection::{Error, Invocation, Redis, Result, Script, Tx, Value};
use redstart_keys::{Category, Key};

use self::waiters::Waiters;
use crate::Fence;

/// A fence outlives its last use by a day, and its TTL is renewed once a day; the scripts know it as well.
const FENCE_TTL: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// How long a question may be on its way after nobody waits for its answer any more, as the scripts know as
/// well: a connection that carries nothing is given up long before.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// The last fence of all locks: so one that is taken for the first time costs no key more, and a lock leaves
/// none behind.
static FENCE: LazyLock<Key> = LazyLock::new(|| Key::namespace(Category::Lock, "fence", "last"));

/// How many locks one script or one write is for, so that it does not keep the server from others.
const MOST: usize = 256;

/// The names of what belongs to a lock.
#[derive(Clone, Debug)]
struct Keys {
    /// Who holds it.
    lock: Key,
}

impl Keys {
    fn of(lock: &Key) -> Self {
        Self { lock: lock.clone() }
    }

    /// Who asked for it and does not want it any more.
    fn given_up(&self) -> Key {
        given_up(&self.lock)
    }

    /// Who waits for it, by arrival.
    fn queue(&self) -> Key {
        self.lock.companion("queue")
    }

    /// A call of a script that takes all of a lock's keys: the lock itself, its fence, who gave up, and who waits,
    /// by arrival and by the last question.
    fn script<'a>(&self, redis: &'a Redis, script: &'static Script) -> Invocation<'a> {
        let seen = self.lock.companion("seen");
        let invocation = redis.script(script).key(&self.lock).key(&fence(redis, &self.lock));
        invocation.key(&self.given_up()).key(&self.queue()).key(&seen)
    }
}

/// Who asked for a lock and does not want it any more.
fn given_up(lock: &Key) -> Key {
    lock.companion("given-up")
}

/// Where the last fence of `lock` is kept: in a cluster beside the lock, for a script has all its keys in one slot.
fn fence<'k>(redis: &Redis, lock: &Key) -> Cow<'k, Key> {
    if redis.has_slots() { Cow::Owned(lock.companion("fence")) } else { Cow::Borrowed(&*FENCE) }
}

/// What the embedded store keeps under a lock's key.
#[derive(Clone)]
struct Holder {
    token: Token,
    /// Whether its release has to look who waits.
    is_waited_for: bool,
}

/// What the embedded store keeps under a fence's key.
struct LastFence(u64);

/// What the embedded store keeps of those who gave up while they asked, the newest first.
struct GivenUp(Vec<Token>);

impl GivenUp {
    /// About as many as the server remembers.
    const MOST: usize = 128;

    fn has(tx: &Tx<'_>, key: &Key, token: &Token) -> bool {
        tx.get::<Self>(key).is_some_and(|tokens| tokens.0.contains(token))
    }

    /// Adds a token that asked for the lock for so long: it may have it as much longer than it is under way.
    fn add(tx: &mut Tx<'_>, key: &Key, token: &Token, asked_for: Duration) -> Result<()> {
        let before = tx.get::<Self>(key).map(|tokens| tokens.0.clone()).unwrap_or_default();
        let all = [token.clone()].into_iter().chain(before).take(Self::MOST).collect();
        let until = tx.now().saturating_add(UNDER_WAY.saturating_add(asked_for));
        tx.put(key, Self(all), tx.expires_at(key).map_or(until, |before| before.max(until)))
    }
}

/// Mints the next fence, as the script does.
fn mint(tx: &mut Tx<'_>) -> Result<Fence> {
    let now = tx.now();
    let last = tx.get::<LastFence>(&FENCE).map_or(0, |last| last.0);
    let minted = last.saturating_add(1).max(now.as_micros());
    tx.put(&FENCE, LastFence(minted), now.saturating_add(FENCE_TTL))?;
    Ok(Fence::new(minted))
}

fn last_fence(tx: &Tx<'_>) -> Option<Fence> {
    tx.get::<LastFence>(&FENCE).map(|last| Fence::new(last.0))
}

/// Writes down who holds the lock now, and whether others wait.
fn hold(tx: &mut Tx<'_>, keys: &Keys, token: &Token, ttl: Duration) -> Result<()> {
    let is_waited_for = 0 < Waiters::new(tx, &keys.queue()).count();
    let until = tx.now().saturating_add(ttl);
    tx.put(&keys.lock, Holder { token: token.clone(), is_waited_for }, until)
}

/// Reads a number for each of so many locks, which stands alone where it is but one.
fn each(answer: Value, count: usize) -> Result<Vec<i64>> {
    let answers = match answer {
        Value::Int(one) => vec![one],
        answer => answer.into_array()?.into_iter().map(Value::into_int).collect::<Result<_>>()?,
    };
    if answers.len() != count {
        return Err(Error::protocol("a script for some locks answered for others"));
    }
    Ok(answers)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads an answer of `PTTL` for a key that is there.
fn expires_in(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}
