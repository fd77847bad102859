//! Keeping a ticket while its load goes on.

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::TICKET;

static PROLONG: Script = Script::new("cache.prolong", include_str!("prolong.lua"));

/// Lets a ticket stand for longer, if it is still the same.
#[derive(Clone, Debug)]
pub struct Prolong {
    key: Key,
    token: String,
    ttl: Ttl,
}

impl Prolong {
    /// The ticket `token` for `key` is to stand for `ttl` from now on.
    #[must_use]
    pub const fn new(key: Key, token: String, ttl: Ttl) -> Self {
        Self { key, token, ttl }
    }
}

impl Operation for Prolong {
    /// Whether it still stands.
    type Output = bool;
    const NAME: &'static str = "cache.prolong";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &bool) -> &'static str {
        if *output { "prolonged" } else { "gone" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let Self { key, token, ttl } = self;
        let call = redis.script(&PROLONG).key(&key.companion(TICKET)).arg(token).arg(ttl.as_millis());
        Ok(call.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Self { key, token, ttl } = self;
        let ticket = key.companion(TICKET);
        memory.with(&[&ticket], now, |tx| match tx.get::<String>(&ticket) {
            Some(standing) if *standing == *token => {
                tx.put(&ticket, token.clone(), now.saturating_add(ttl.as_duration()))?;
                Ok(true)
            }
            _ => Ok(false),
        })
    }
}
