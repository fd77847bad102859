//! Feeds: a stream that every process reads to its end, told when it missed something.

mod after;
mod append;
mod entry;
mod group;
mod line;
mod memory;
mod redis;

use std::{fmt, num::ParseIntError, str::FromStr, time::Duration, time::Instant};

use bytes::Bytes;
use redstart_keys::{Key, Ttl};

pub use self::{
    after::{After, FindEnd, ReadAfter},
    append::Append,
    group::{Acknowledge, Given, LeaveGroup, Member, ReadGroup},
};
use self::{memory::MemoryReader, redis::RedisReader};
use crate::{Result, Store};

/// How long a reader waits for news before it says that there are none.
///
/// What it says is true of the moment at which it asked, so somebody who reads on without a pause knows of
/// everything that is older than twice this.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a stream lives that a reader made because there was none.
const LIFETIME: Ttl = Ttl::days(1);

/// A place in a stream; later entries have greater ones.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cursor {
    millis: u64,
    sequence: u64,
}

/// One entry of a stream.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Its place.
    pub cursor: Cursor,
    /// Its fields, in the writer's order.
    pub fields: Vec<(Bytes, Bytes)>,
}

/// What a feed has to tell.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a reader must handle each; there is no fourth")]
pub enum Delivery {
    /// New entries, in order, none left out.
    Entries(Vec<Entry>),
    /// Nothing is new, and nothing was missed.
    Idle,
    /// Entries were lost to this reader: whatever it concluded from the feed must be dropped.
    ///
    /// It reads on from here.
    Gap,
}

/// A reader of a stream, from where its end was at the first answer of [`Feed::next`].
///
/// It has a connection of its own, follows the server through reconnections, and never passes over an
/// entry silently: when the entry at its cursor is gone (trimmed, evicted, flushed, another server) it
/// answers [`Delivery::Gap`].
///
/// ```
/// use redstart_connection::{Append, Delivery, Feed, Store};
/// use redstart_keys::{Category, Key, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> redstart_connection::Result<()> {
/// let store = Store::memory();
/// let news = Key::namespace(Category::Cache, "user", "inv");
/// let mut feed = Feed::open(&store, news.clone());
/// assert_eq!(feed.next().await?, Delivery::Idle);
///
/// store.run(&Append::new(news, Ttl::hours(1)).field("key", "42")).await?;
/// let Delivery::Entries(entries) = feed.next().await? else { panic!("one entry is new") };
/// assert_eq!(entries[0].fields[0].1, "42");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Feed {
    reader: Reader,
    heard: Option<Instant>,
    store: Store,
}

#[derive(Debug)]
enum Reader {
    Memory(MemoryReader),
    Redis(RedisReader),
}

impl Feed {
    /// A reader of the stream under `key`; it attaches to the stream's end with the first [`Feed::next`].
    #[must_use]
    pub fn open(store: &Store, key: Key) -> Self {
        let reader = if store.is_memory() {
            Reader::Memory(MemoryReader::new(store.clone(), key))
        } else {
            Reader::Redis(RedisReader::new(store.clone(), key))
        };
        Self { reader, heard: None, store: store.clone() }
    }

    /// Waits for news, at most about half a second; the first answer says that the feed is attached.
    ///
    /// # Errors
    ///
    /// Fails while the server is away; call it again, it paces itself.
    ///
    /// # Cancel safety
    ///
    /// No entry is lost when this is dropped midway; it is delivered by the next call.
    pub async fn next(&mut self) -> Result<Delivery> {
        let asked = self.store.clock().instant();
        let delivery = match &mut self.reader {
            Reader::Memory(reader) => reader.next().await,
            Reader::Redis(reader) => reader.next().await,
        }?;
        self.heard = Some(asked);
        Ok(delivery)
    }

    /// When the last request that was answered had been sent; none before the first answer.
    #[must_use]
    pub const fn heard(&self) -> Option<Instant> {
        self.heard
    }
}

impl Cursor {
    pub(crate) const fn new(millis: u64, sequence: u64) -> Self {
        Self { millis, sequence }
    }

    /// The first place after this one in the same or a later millisecond.
    pub(crate) const fn next_at(self, millis: u64) -> Self {
        if millis > self.millis { Self::new(millis, 0) } else { Self::new(self.millis, self.sequence + 1) }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let (millis, sequence) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Self { millis: millis.parse()?, sequence: sequence.parse()? })
    }
}

#[cfg(test)]
mod tests;
