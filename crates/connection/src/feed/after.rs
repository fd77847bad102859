//! Reading on from a place.

use redstart_keys::Key;

use super::{
    Cursor, Entry, entry,
    memory::{find_stream, with_stream},
};
use crate::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

static AFTER: Script = Script::new("feed.after", include_str!("after.lua"));

/// Reads the entries behind one.
#[derive(Clone, Debug)]
pub struct ReadAfter {
    key: Key,
    after: Cursor,
    most: usize,
}

/// Some entries of a stream, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct After {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Whether the entry to read on from is not there any more, so that others behind it may be missing.
    pub is_torn: bool,
    /// Where to read on.
    pub next: Cursor,
    /// Whether there was nothing more.
    pub is_end: bool,
}

impl ReadAfter {
    /// Reads at most `most` entries behind `after`; behind [`Cursor::default`] is from the beginning.
    #[must_use]
    pub const fn new(key: Key, after: Cursor, most: usize) -> Self {
        Self { key, after, most }
    }

    fn answer(&self, is_known: bool, mut entries: Vec<Entry>) -> After {
        let next = entries.last().map_or(self.after, |last| last.cursor);
        let is_end = entries.len() < self.most;
        entries.retain(|entry| !entry::is_mark(entry));
        After { entries, is_torn: !is_known, next, is_end }
    }
}

impl Operation for ReadAfter {
    type Output = After;
    const NAME: &'static str = "feed.after";

    fn effect(&self) -> Effect {
        // It writes nothing, but servers don't know that of a script, and a replica refuses it.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(after: &After) -> &'static str {
        if after.is_torn { "torn" } else { "read" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<After> {
        let call = redis.script(&AFTER).key(&self.key).arg(self.after.to_string()).arg(self.most);
        let mut parts = call.invoke().await?.into_array()?.into_iter();
        let (Some(is_known), Some(entries)) = (parts.next(), parts.next()) else {
            return Err(Error::protocol("expected whether the entry is there, and those behind it"));
        };
        Ok(self.answer(is_known.into_int()? == 1, entry::parse_all(entries)?))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<After> {
        memory.with(&[&self.key], now, |tx| {
            let begins = self.after == Cursor::default();
            let Some(handle) = find_stream(tx, &self.key) else { return Ok(self.answer(begins, Vec::new())) };
            Ok(with_stream(&handle, |stream| {
                let entries = stream.after(self.after).take(self.most).cloned().collect();
                self.answer(begins || stream.has(self.after), entries)
            }))
        })
    }
}

/// The last entry of a stream.
#[derive(Clone, Debug)]
pub struct FindEnd {
    key: Key,
}

impl FindEnd {
    /// Finds the last entry.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key }
    }
}

impl Operation for FindEnd {
    /// The default one when the stream is empty.
    type Output = Cursor;
    const NAME: &'static str = "feed.end";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Cursor) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Cursor> {
        let last = Cmd::new("XREVRANGE").key(&self.key).arg("+").arg("-").arg("COUNT").arg(1);
        let entries = entry::parse_all(redis.send(last).await?)?;
        Ok(entries.first().map(|entry| entry.cursor).unwrap_or_default())
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Cursor> {
        memory.with(&[&self.key], now, |tx| {
            let handle = find_stream(tx, &self.key);
            Ok(handle.and_then(|handle| with_stream(&handle, |stream| stream.end())).unwrap_or_default())
        })
    }
}
