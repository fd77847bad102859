//! Saying that somebody waits for a load.

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::{Key, Ttl};

use super::WAITING;

/// How long the word stands; who waits longer says it again.
const LIFETIME: Ttl = Ttl::seconds(10);

/// Asks whoever loads a value to tell the other processes when that is done.
///
/// [`Fill`](crate::Fill) and [`Release`](crate::Release) take the word away and say that it was there.
#[derive(Clone, Debug)]
pub struct Await {
    key: Key,
}

impl Await {
    /// The load of `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key }
    }
}

impl Operation for Await {
    type Output = ();
    const NAME: &'static str = "cache.await";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome((): &()) -> &'static str {
        "awaited"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        let waiting = self.key.companion(WAITING);
        redis.send(Cmd::new("SET").key(&waiting).arg(1).arg("PX").arg(LIFETIME.as_millis())).await.map(drop)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<()> {
        let waiting = self.key.companion(WAITING);
        memory.with(&[&waiting], now, |tx| tx.put(&waiting, (), now.saturating_add(LIFETIME.as_duration())))
    }
}
