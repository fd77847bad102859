//! The steps of the protocol, each with its body on Redis and its body in memory.

mod fill;
mod invalidate;
mod mint;
mod put;
mod read;
mod take;

use bytes::Bytes;

pub use self::{
    fill::{Fill, FillEntry},
    invalidate::Invalidate,
    mint::Mint,
    put::{Put, PutOutcome},
    read::Read,
    take::{Take, Ticket, Tickets},
};

/// The name that a ticket has beside its value.
pub(crate) const TICKET: &str = "g";

/// A value's bytes in the embedded store.
struct Stored(Bytes);

/// About what an entry costs beside its bytes.
const OVERHEAD: usize = 128;

fn weight(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len() + OVERHEAD).unwrap_or(u32::MAX)
}
