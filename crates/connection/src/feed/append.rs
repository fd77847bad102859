//! Writing to a stream.

use bytes::Bytes;
use redstart_keys::{Key, Ttl};

use super::{
    Cursor, Entry,
    memory::{find_stream, with_stream},
};
use crate::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, WriteArg};

static APPEND: Script = Script::new("feed.append", include_str!("append.lua"));

/// Adds an entry to a stream that keeps about the last `cap` entries for a time.
#[derive(Clone, Debug)]
pub struct Append {
    key: Key,
    ttl: Ttl,
    cap: usize,
    fields: Vec<(Bytes, Bytes)>,
}

impl Append {
    /// An entry for the stream under `key`, which ends `ttl` after its last entry.
    #[must_use]
    pub fn new(key: Key, ttl: Ttl) -> Self {
        Self { key, ttl, cap: 10_000, fields: Vec::new() }
    }

    /// Keeps about so many entries. Defaults to 10,000.
    #[must_use]
    pub const fn with_cap(mut self, cap: usize) -> Self {
        self.cap = cap;
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl WriteArg, value: impl WriteArg) -> Self {
        self.fields.push((bytes_of(&name), bytes_of(&value)));
        self
    }
}

fn bytes_of(arg: &impl WriteArg) -> Bytes {
    let mut bytes = Vec::new();
    arg.write(&mut bytes);
    Bytes::from(bytes)
}

impl Operation for Append {
    type Output = Cursor;
    const NAME: &'static str = "feed.append";

    /// Twice is news twice, which readers must take as they take it once.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Cursor) -> &'static str {
        "appended"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Cursor> {
        let mut call = redis.script(&APPEND).key(&self.key).arg(self.ttl.as_millis()).arg(self.cap);
        for (name, value) in &self.fields {
            call = call.arg(name).arg(value);
        }
        let id = call.invoke().await?.into_text()?;
        redis.tell_readers();
        id.parse().map_err(|_| Error::protocol("the server named a new entry in a way that makes no sense"))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Cursor> {
        let cursor = memory.with(&[&self.key], now, |tx| {
            let handle = find_stream(tx, &self.key).unwrap_or_default();
            let cursor = with_stream(&handle, |stream| {
                let cursor = stream.last.next_at(now.as_millis());
                stream.push(Entry { cursor, fields: self.fields.clone() }, self.cap);
                cursor
            });
            tx.put(&self.key, handle, now.saturating_add(self.ttl.as_duration()))?;
            Ok(cursor)
        })?;
        memory.tell_readers();
        Ok(cursor)
    }
}
