use std::slice;

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use crate::{Policy, Subject};

/// Forgets what was counted.
///
/// It does not tell whether there was anything: a key outlives what it means.
#[derive(Clone, Debug)]
pub struct Reset(Key);

impl Reset {
    /// Forgets what `policy` counted for `subject`.
    #[must_use]
    pub fn new(policy: &Policy, subject: &Subject) -> Self {
        Self(policy.entity().key(subject))
    }
}

impl Operation for Reset {
    type Output = ();
    const NAME: &'static str = "ratelimit.reset";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "reset"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        redis.send(Cmd::new("DEL").key(&self.0)).await.map(drop)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<()> {
        memory.with(slice::from_ref(&&self.0), now, |tx| tx.remove(&self.0));
        Ok(())
    }
}
