//! The steps of the protocol, each with its body on Redis and its body in memory.

mod adopt;
mod awaiting;
mod claim;
mod due;
mod expire;
mod fill;
mod invalidate;
mod judge;
mod mint;
mod period;
mod prolong;
mod publish;
mod put;
mod queue;
mod raise;
mod ranking;
mod read;
mod read_judged;
mod release;
mod schedule;
mod take;
mod unlink;

use bytes::Bytes;
use redstart_connection::{BoxFuture, Replay, Result, Store};
use redstart_keys::{Key, Pattern};

use crate::{
    event::{Change, Event},
    sweep::sweep,
};

pub(crate) use self::schedule::what_of;
pub use self::{
    adopt::Adopt,
    awaiting::Await,
    claim::{Claim, Claimed},
    due::{CountWaiting, Due, DueNow, FinishDue, TakeDue},
    expire::Expire,
    fill::{Fill, FillEntry, Filled},
    invalidate::Invalidate,
    judge::Judge,
    mint::Mint,
    period::{ClaimPeriod, PeriodClaim},
    prolong::Prolong,
    publish::Publish,
    put::{Put, PutOutcome},
    raise::Raise,
    ranking::{NoteUses, Popular, Ranking},
    read::Read,
    read_judged::ReadJudged,
    release::{Release, Released},
    schedule::{Schedule, Scheduling, Unschedule},
    take::{Take, Ticket, Tickets},
    unlink::Unlink,
};

/// The name that a ticket has beside its value.
pub(crate) const TICKET: &str = "g";

/// The name beside a value under which it stands that somebody waits for its load.
pub(crate) const WAITING: &str = "w";

/// What the token says where a load failed, so that others let it rest.
const FAILED: &str = "failed:";

/// What the token of a claim begins with, so that no load takes it for a ticket of its own kind.
const CLAIM: &str = "set:";

/// What a server that was away has to hear of a change: that its value is not true any more. The other
/// processes hear it then, too.
fn invalidation(key: &Key) -> Option<Replay> {
    let one = key.clone();
    replay_of(key, move |store: Store| -> BoxFuture<'static, Result<()>> {
        let invalidate = Invalidate::new(one.clone());
        let name = store.name_of(&one).into();
        let event = Event { entity: Some(entity_of(&one)), change: Change::Key(name), stamp: None };
        Box::pin(async move {
            store.run(&invalidate).await?;
            store.run(&Publish::new(event)).await
        })
    })
}

/// Work about one key of an entity; when there is too much of it, all values of the entity go.
fn replay_of(
    key: &Key,
    work: impl Fn(Store) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
) -> Option<Replay> {
    let everything = Pattern::parse(&format!("{}:*", entity_of(key))).ok()?;
    let whole = move |store: Store| -> BoxFuture<'static, Result<()>> {
        let everything = everything.clone();
        Box::pin(async move { sweep(&store, &everything).await.map(drop) })
    };
    Some(Replay::new(key.entity_name(), key.to_string(), work, whole))
}

/// What events call the entity of a key.
pub(crate) fn entity_of(key: &Key) -> String {
    format!("{}:{}", key.category().name(), key.entity_name())
}

/// A value's bytes in the embedded store.
struct Stored(Bytes);

/// About what an entry costs beside its bytes.
const OVERHEAD: usize = 128;

fn weight(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len() + OVERHEAD).unwrap_or(u32::MAX)
}

/// A token that no other attempt has.
///
/// Each attempt draws its own: the command of an attempt that was given up may still arrive, after an
/// invalidation even, and must not bring back the token that a later attempt answered.
fn fresh_token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests;
