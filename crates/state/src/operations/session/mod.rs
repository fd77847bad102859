//! Sessions: opened, read, prolonged, saved, moved, ended, listed.

mod create;
mod end;
mod load;
mod save;
mod touch;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use redstart_connection::{Effect, Error, Memory, Outage, Result, Timestamp, Tx, Value};
use redstart_keys::{Key, Ttl};

pub use self::{
    create::{CreateSession, Created},
    end::{DepartSession, EndSessions, ListSessions, Listed},
    load::{LoadSession, Loaded},
    save::{SaveSession, Saved},
    touch::TouchSession,
};
use crate::Digest;

/// Where a session is kept, and who answers for it while Redis is away.
#[derive(Clone, Debug)]
pub struct Place {
    pub(crate) owner: Key,
    pub(crate) digest: Digest,
    pub(crate) outage: Outage,
}

impl Place {
    /// The session of this digest under the key of its owner; nobody answers for it while Redis is away.
    #[must_use]
    pub const fn new(owner: Key, digest: Digest) -> Self {
        Self { owner, digest, outage: Outage::Fail }
    }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    pub(crate) ttl: Ttl,
    pub(crate) at_most: Option<Ttl>,
}

impl Term {
    /// This long after they were last prolonged.
    #[must_use]
    pub const fn new(ttl: Ttl) -> Self {
        Self { ttl, at_most: None }
    }

    /// This long after they were opened at most.
    #[must_use]
    pub const fn at_most(mut self, most: Ttl) -> Self {
        self.at_most = Some(most);
        self
    }

    fn at_most_millis(self) -> u64 {
        self.at_most.map_or(0, Ttl::as_millis)
    }

    /// When a session of this term ends that is seen at `now`.
    fn ends_at(self, created: Timestamp, now: Timestamp) -> Timestamp {
        let ends = now.saturating_add(self.ttl.as_duration());
        self.at_most.map_or(ends, |most| ends.min(created.saturating_add(most.as_duration())))
    }
}

/// What was written when, so that a later writer knows whether another came between.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Version(pub(crate) String);

impl Version {
    /// A version that nobody else ever writes; a text of letters and digits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// What the embedded store keeps of one session; without a value it has moved to another owner.
#[derive(Clone)]
struct Kept {
    version: Version,
    created: Timestamp,
    seen: Timestamp,
    ends: Timestamp,
    value: Option<Bytes>,
}

/// What the embedded store keeps under the key of an owner, by digest.
#[derive(Clone, Default)]
struct Owned(BTreeMap<String, Kept>);

impl Owned {
    fn get(&self, digest: &Digest, now: Timestamp) -> Option<&Kept> {
        self.0.get(digest.as_str()).filter(|kept| now < kept.ends)
    }

    fn live(&self, digest: &Digest, now: Timestamp) -> Option<&Kept> {
        self.get(digest, now).filter(|kept| kept.value.is_some())
    }

    fn put(&mut self, digest: &Digest, kept: Kept) {
        self.0.insert(digest.as_str().to_owned(), kept);
    }

    /// Those that have not ended, and not moved.
    fn all(&self, now: Timestamp) -> impl Iterator<Item = (&String, &Kept)> {
        self.0.iter().filter(move |(_, kept)| now < kept.ends && kept.value.is_some())
    }
}

/// Changes what an owner has as one step.
fn change<R>(memory: &Memory, owner: &Key, now: Timestamp, body: impl FnOnce(&mut Owned) -> R) -> Result<R> {
    memory.with(&[owner], now, |tx| {
        let mut owned = read(tx, owner);
        let answer = body(&mut owned);
        owned.0.retain(|_, kept| now < kept.ends);
        match owned.0.values().map(|kept| kept.ends).max() {
            Some(ends) => tx.put(owner, owned, ends)?,
            None => drop(tx.remove(owner)),
        }
        Ok(answer)
    })
}

fn read(tx: &Tx<'_>, owner: &Key) -> Owned {
    tx.get::<Owned>(owner).map(|owned| (*owned).clone()).unwrap_or_default()
}

fn timestamp(value: Value) -> Result<Timestamp> {
    let micros = u64::try_from(value.into_int()?).map_err(|_| Error::protocol("expected a time"))?;
    Ok(Timestamp::from_micros(micros))
}

/// Every step may be sent again: who has done it already is answered as before.
const EFFECT: Effect = Effect::Idempotent;

/// How long a move is remembered, for one whose answer was lost.
const REMEMBERED: Duration = Duration::from_secs(60);
