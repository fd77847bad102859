//! Taking a value and the right to refill it away.

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Replay, Result, Timestamp};
use redstart_keys::Key;

use super::{TICKET, invalidation};

/// Removes values and their tickets, so that no load that began before can store its result.
#[derive(Clone, Debug)]
pub struct Invalidate {
    key: Key,
}

impl Invalidate {
    /// The value under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key }
    }
}

impl Operation for Invalidate {
    /// Whether there was anything to remove.
    type Output = bool;
    const NAME: &'static str = "cache.invalidate";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn replay(&self) -> Option<Replay> {
        invalidation(&self.key)
    }

    fn outcome(output: &bool) -> &'static str {
        if *output { "removed" } else { "absent" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let unlink = Cmd::new("UNLINK").key(&self.key).key(&self.key.companion(TICKET));
        Ok(redis.send(unlink).await?.into_int()? > 0)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let ticket = self.key.companion(TICKET);
        Ok(memory.with(&[&self.key, &ticket], now, |tx| {
            let (value, ticket) = (tx.remove(&self.key), tx.remove(&ticket));
            value || ticket
        }))
    }
}
