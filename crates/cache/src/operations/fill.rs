//! Storing what was loaded, if the ticket still stands.

use bytes::Bytes;
use futures_util::future::join_all;
use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Stored, TICKET, weight};

static FILL: Script = Script::new("cache.fill", include_str!("fill.lua"));

/// Stores loaded values whose tickets still stand.
#[derive(Clone, Debug)]
pub struct Fill {
    entries: Vec<FillEntry>,
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
        Self { entries }
    }
}

impl Fill {
    /// Stores the entries of one slot.
    async fn fill(&self, redis: &Redis, group: &[usize]) -> Result<Vec<(usize, bool)>> {
        let mut call = redis.script(&FILL);
        for &index in group {
            let FillEntry { key, token, bytes, ttl } = &self.entries[index];
            call = call.key(key).key(&key.companion(TICKET)).arg(token).arg(bytes).arg(ttl.as_millis());
        }
        let answers = call.invoke().await?.into_array()?;
        if answers.len() != group.len() {
            return Err(Error::protocol("a fill was answered for other entries than asked"));
        }
        group.iter().zip(answers).map(|(&index, answer)| Ok((index, answer.into_int()? == 1))).collect()
    }
}

impl Operation for Fill {
    /// For each entry whether it is stored.
    type Output = Vec<bool>;
    const NAME: &'static str = "cache.fill";

    /// A fill knows its own value again when the answer to its first try was lost.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Vec<bool>) -> &'static str {
        if output.iter().all(|stored| *stored) { "stored" } else { "superseded" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<bool>> {
        let keys: Vec<&Key> = self.entries.iter().map(|entry| &entry.key).collect();
        let groups = redis.groups(&keys);
        let mut stored = vec![false; self.entries.len()];
        for answers in join_all(groups.iter().map(|group| self.fill(redis, group))).await {
            for (index, is_stored) in answers? {
                stored[index] = is_stored;
            }
        }
        Ok(stored)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<bool>> {
        let fill = |FillEntry { key, token, bytes, ttl }: &FillEntry| {
            let ticket = key.companion(TICKET);
            memory.with(&[key, &ticket], now, |tx| match tx.get::<String>(&ticket) {
                Some(standing) if *standing == *token => {
                    let stored = Stored(bytes.clone());
                    tx.put_value(key, stored, weight(bytes), now.saturating_add(ttl.as_duration()));
                    tx.remove(&ticket);
                    true
                }
                Some(_) => false,
                None => tx.get::<Stored>(key).is_some_and(|present| present.0 == *bytes),
            })
        };
        Ok(self.entries.iter().map(fill).collect())
    }
}
