//! The steps of the protocol, each with its body on Redis and its body in memory.

mod claim;
mod fill;
mod invalidate;
mod mint;
mod put;
mod read;
mod take;

use bytes::Bytes;
use redstart_connection::Replay;
use redstart_keys::{Key, Pattern};

use crate::sweep::sweep;

pub use self::{
    claim::{Claim, Claimed},
    fill::{Fill, FillEntry},
    invalidate::Invalidate,
    mint::Mint,
    put::{Put, PutOutcome},
    read::Read,
    take::{Take, Ticket, Tickets},
};

/// The name that a ticket has beside its value.
pub(crate) const TICKET: &str = "g";

/// What the token of a claim begins with, so that no load takes it for a ticket of its own kind.
const CLAIM: &str = "set:";

/// What a server that was away has to hear of a change: that its value is not true any more.
///
/// When there are too many it hears that nothing of this entity is.
fn invalidation(key: &Key) -> Option<Replay> {
    let (category, entity) = (key.category(), key.entity_name());
    let everything = Pattern::parse(&format!("{}:{entity}:*", category.name())).ok()?;
    let one = key.clone();
    let replay = Replay::new(
        entity,
        key.to_string(),
        move |store| {
            let invalidate = Invalidate::new(one.clone());
            Box::pin(async move { store.run(&invalidate).await.map(drop) })
        },
        move |store| {
            let everything = everything.clone();
            Box::pin(async move { sweep(&store, &everything).await.map(drop) })
        },
    );
    Some(replay)
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
