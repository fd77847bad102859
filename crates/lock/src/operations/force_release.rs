use std::slice;

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

/// Takes a lock from whoever holds it; answers whether anybody did.
#[derive(Clone, Debug)]
pub struct ForceRelease(Key);

impl ForceRelease {
    /// Frees `lock`.
    #[must_use]
    pub fn new(lock: &Key) -> Self {
        Self(lock.clone())
    }
}

impl Operation for ForceRelease {
    type Output = bool;
    const NAME: &'static str = "lock.force_release";

    fn effect(&self) -> Effect {
        // Sent again, it could take the lock from the next holder.
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(&was_held: &bool) -> &'static str {
        if was_held { "released" } else { "free" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("DEL").key(&self.0)).await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        Ok(memory.with(slice::from_ref(&&self.0), now, |tx| tx.remove(&self.0)))
    }
}
