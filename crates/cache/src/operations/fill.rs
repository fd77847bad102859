//! Storing what was loaded, if the ticket still stands.

use bytes::Bytes;
use futures_util::future::join_all;
use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Stored, TICKET, WAITING, weight};

static FILL: Script = Script::new("cache.fill", include_str!("fill.lua"));

/// Stores loaded values whose tickets still stand.
#[derive(Clone, Debug)]
pub struct Fill {
    entries: Vec<FillEntry>,
    tells_waiters: bool,
}

/// What became of one loaded value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Filled {
    /// It is stored.
    Stored,
    /// It is stored, and somebody waits to hear that.
    Awaited,
    /// It came too late, after an invalidation.
    Superseded,
}

impl Filled {
    /// Whether the value is stored.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored | Self::Awaited)
    }
}

/// One loaded value.
#[derive(Clone, Debug)]
pub struct FillEntry {
    key: Key,
    token: String,
    bytes: Bytes,
    ttl: Ttl,
}

impl FillEntry {
    /// `bytes` for `key`, by the ticket `token`, to be kept for `ttl`.
    #[must_use]
    pub const fn new(key: Key, token: String, bytes: Bytes, ttl: Ttl) -> Self {
        Self { key, token, bytes, ttl }
    }
}

impl Fill {
    /// These values.
    #[must_use]
    pub const fn new(entries: Vec<FillEntry>) -> Self {
        Self { entries, tells_waiters: false }
    }

    /// Asks also whether somebody waits for these loads, see [`Await`](crate::Await).
    #[must_use]
    pub const fn telling_waiters(mut self) -> Self {
        self.tells_waiters = true;
        self
    }
}

impl Fill {
    /// Stores the entries of one slot.
    async fn fill(&self, redis: &Redis, group: &[usize]) -> Result<Vec<(usize, Filled)>> {
        let mut call = redis.script(&FILL).arg(if self.tells_waiters { 3 } else { 2 });
        for &index in group {
            let FillEntry { key, token, bytes, ttl } = &self.entries[index];
            call = call.key(key).key(&key.companion(TICKET)).arg(token).arg(bytes).arg(ttl.as_millis());
            if self.tells_waiters {
                call = call.key(&key.companion(WAITING));
            }
        }
        let answers = call.invoke().await?.into_array()?;
        if answers.len() != group.len() {
            return Err(Error::protocol("a fill was answered for other entries than asked"));
        }
        let filled = |answer: i64| match answer {
            0 => Filled::Superseded,
            2 => Filled::Awaited,
            _ => Filled::Stored,
        };
        group.iter().zip(answers).map(|(&index, answer)| Ok((index, filled(answer.into_int()?)))).collect()
    }
}

impl Operation for Fill {
    /// For each entry what became of it.
    type Output = Vec<Filled>;
    const NAME: &'static str = "cache.fill";

    /// A fill knows its own value again when the answer to its first try was lost.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Vec<Filled>) -> &'static str {
        if output.iter().all(|filled| filled.is_stored()) { "stored" } else { "superseded" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Filled>> {
        let keys: Vec<&Key> = self.entries.iter().map(|entry| &entry.key).collect();
        let groups = redis.groups(&keys);
        let mut stored = vec![Filled::Superseded; self.entries.len()];
        for answers in join_all(groups.iter().map(|group| self.fill(redis, group))).await {
            for (index, filled) in answers? {
                stored[index] = filled;
            }
        }
        Ok(stored)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Filled>> {
        let fill = |FillEntry { key, token, bytes, ttl }: &FillEntry| {
            let (ticket, waiting) = (key.companion(TICKET), key.companion(WAITING));
            memory.with(&[key, &ticket, &waiting], now, |tx| match tx.get::<String>(&ticket) {
                Some(standing) if *standing == *token => {
                    let stored = Stored(bytes.clone());
                    tx.put_value(key, stored, weight(bytes), now.saturating_add(ttl.as_duration()));
                    tx.remove(&ticket);
                    match self.tells_waiters && tx.remove(&waiting) {
                        true => Filled::Awaited,
                        false => Filled::Stored,
                    }
                }
                Some(_) => Filled::Superseded,
                None => match tx.get::<Stored>(key).is_some_and(|present| present.0 == *bytes) {
                    true if self.tells_waiters => Filled::Awaited,
                    true => Filled::Stored,
                    false => Filled::Superseded,
                },
            })
        };
        Ok(self.entries.iter().map(fill).collect())
    }
}
