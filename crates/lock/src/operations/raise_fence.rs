use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{FENCE, FENCE_TTL, Holder, Keys, LastFence, Token, fence, last_fence, millis};
use crate::Fence;

static RAISE: Script = Script::new(
    "lock.raise_fence",
    concat!(include_str!("waited_for.lua"), include_str!("holder.lua"), include_str!("raise_fence.lua"),),
);

/// Lets the next fence of a lock be larger than a given one, for the lock's holder.
///
/// So the stores of a quorum come to agree on the largest of theirs.
#[derive(Clone, Debug)]
pub struct RaiseFence {
    keys: Keys,
    token: Token,
    to: Fence,
    ttl: Ttl,
}

impl RaiseFence {
    /// Raises the fence of `lock`, which `token` holds for `ttl`.
    #[must_use]
    pub fn new(lock: &Key, token: &Token, to: Fence, ttl: Ttl) -> Self {
        Self { keys: Keys::of(lock), token: token.clone(), to, ttl }
    }
}

impl Operation for RaiseFence {
    /// Whether it was done; false if the lock is not the holder's.
    type Output = bool;
    const NAME: &'static str = "lock.raise_fence";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(&is_raised: &bool) -> &'static str {
        if is_raised { "raised" } else { "lost" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let script = redis.script(&RAISE).key(&self.keys.lock).key(&fence(redis, &self.keys.lock));
        let script = script
            .arg(self.token.as_str())
            .arg(self.to.get())
            .arg(millis(FENCE_TTL.saturating_add(self.ttl.as_duration())));
        Ok(script.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let lock = &self.keys.lock;
        memory.with(&[lock, &FENCE], now, |tx| {
            if tx.get::<Holder>(lock).is_none_or(|holder| holder.token != self.token) {
                return Ok(false);
            }
            if last_fence(tx).is_none_or(|last| last < self.to) {
                let until = now.saturating_add(FENCE_TTL.saturating_add(self.ttl.as_duration()));
                tx.put(&FENCE, LastFence(self.to.get()), until)?;
            }
            Ok(true)
        })
    }
}
