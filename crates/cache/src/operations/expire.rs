//! Ending the freshness of a value without removing it.

use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Replay, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Stored, TICKET, invalidation, weight};
use crate::header::Header;

static EXPIRE: Script = Script::new("cache.expire", include_str!("expire.lua"));

/// Lets a value be fresh no longer, and takes its ticket away; it stays, to be shown as an old one.
#[derive(Clone, Debug)]
pub struct Expire {
    key: Key,
    now: Timestamp,
}

impl Expire {
    /// The value under `key` was fresh until `now`, by the clock by which it was created.
    #[must_use]
    pub const fn new(key: Key, now: Timestamp) -> Self {
        Self { key, now }
    }
}

impl Operation for Expire {
    /// Whether there was a value that was fresh.
    type Output = bool;
    const NAME: &'static str = "cache.expire";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    /// What can't be done in time is done as an invalidation.
    fn replay(&self) -> Option<Replay> {
        invalidation(&self.key)
    }

    fn outcome(output: &bool) -> &'static str {
        if *output { "expired" } else { "absent" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let call = redis.script(&EXPIRE).key(&self.key).key(&self.key.companion(TICKET));
        Ok(call.arg(self.now.as_micros()).invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let ticket = self.key.companion(TICKET);
        Ok(memory.with(&[&self.key, &ticket], now, |tx| {
            tx.remove(&ticket);
            let Some(stored) = tx.get::<Stored>(&self.key) else { return false };
            let (Some((mut header, payload)), Some(ends)) =
                (Header::read(&stored.0), tx.expires_at(&self.key))
            else {
                return tx.remove(&self.key);
            };
            let fresh_for = self.now.since(header.created);
            if header.fresh_for <= fresh_for {
                return false;
            }
            header.fresh_for = fresh_for;
            let mut bytes = Vec::with_capacity(stored.0.len());
            header.write(&mut bytes);
            bytes.extend_from_slice(payload);
            let bytes = Bytes::from(bytes);
            let weight = weight(&bytes);
            tx.put_value(&self.key, Stored(bytes), weight, ends);
            true
        }))
    }
}
