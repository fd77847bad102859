//! Reading stored values.

use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use super::Stored;

/// Reads the bytes under some keys.
#[derive(Clone, Debug)]
pub struct Read {
    keys: Vec<Key>,
}

impl Read {
    /// The values of `keys`, in their order.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }
}

impl Operation for Read {
    type Output = Vec<Option<Bytes>>;
    const NAME: &'static str = "cache.read";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Self::Output) -> &'static str {
        if output.iter().all(Option::is_some) { "hit" } else { "miss" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        match self.keys.as_slice() {
            // A single read travels with those of other callers.
            [key] => Ok(vec![redis.get(key).await?]),
            keys => redis.get_many(keys).await,
        }
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        let read = |key| memory.with(&[key], now, |tx| tx.get::<Stored>(key).map(|stored| stored.0.clone()));
        Ok(self.keys.iter().map(read).collect())
    }
}
