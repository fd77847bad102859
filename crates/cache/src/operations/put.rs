//! Storing a value that the caller knows to be right.

use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Stored, TICKET, weight};
use crate::header::{Header, stamp_of};

static PUT: Script = Script::new("cache.put", include_str!("put.lua"));

/// Stores a value unless a newer one is there, and voids the ticket of every load under way.
#[derive(Clone, Debug)]
pub struct Put {
    key: Key,
    bytes: Bytes,
    ttl: Ttl,
}

/// What became of a stored value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum PutOutcome {
    /// It is stored.
    Stored,
    /// A newer one was there.
    Superseded,
}

impl Put {
    /// `bytes` under `key` for `ttl`.
    #[must_use]
    pub const fn new(key: Key, bytes: Bytes, ttl: Ttl) -> Self {
        Self { key, bytes, ttl }
    }
}

impl Operation for Put {
    type Output = PutOutcome;
    const NAME: &'static str = "cache.put";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &PutOutcome) -> &'static str {
        match output {
            PutOutcome::Stored => "stored",
            PutOutcome::Superseded => "superseded",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<PutOutcome> {
        let call = redis.script(&PUT).key(&self.key).key(&self.key.companion(TICKET));
        let stored = call.arg(&self.bytes).arg(self.ttl.as_millis()).invoke().await?.into_int()?;
        Ok(if stored == 1 { PutOutcome::Stored } else { PutOutcome::Superseded })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<PutOutcome> {
        let Self { key, bytes, ttl } = self;
        let ticket = key.companion(TICKET);
        Ok(memory.with(&[key, &ticket], now, |tx| {
            tx.remove(&ticket);
            let newer = tx.get::<Stored>(key).is_some_and(|present| {
                Header::read(bytes).is_some_and(|(header, _)| stamp_of(&present.0) > header.as_of)
            });
            if newer {
                return PutOutcome::Superseded;
            }
            tx.put_value(key, Stored(bytes.clone()), weight(bytes), now.saturating_add(ttl.as_duration()));
            PutOutcome::Stored
        }))
    }
}
