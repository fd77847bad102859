//! The stamps that a stored value is judged by, as they are.

use std::str;

use bytes::Bytes;
use futures_util::future::try_join_all;
use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

/// Reads the stamps under some keys.
#[derive(Clone, Debug)]
pub struct Judge {
    keys: Vec<Key>,
}

impl Judge {
    /// The stamps under `keys`, in their order.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self { keys }
    }
}

impl Operation for Judge {
    /// None where there is none: whatever it would judge is not valid.
    type Output = Vec<Option<u64>>;
    const NAME: &'static str = "cache.judge";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Self::Output) -> &'static str {
        if output.iter().all(Option::is_some) { "known" } else { "unknown" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        // Each by itself, since they travel with the reads of other callers.
        let stamps = try_join_all(self.keys.iter().map(|key| redis.get(key))).await?;
        stamps.into_iter().map(|bytes| bytes.as_ref().map(stamp).transpose()).collect()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Self::Output> {
        Ok(self.keys.iter().map(|key| stamp_in(memory, key, now)).collect())
    }
}

/// The stamp that the server has as text.
pub(super) fn stamp(bytes: &Bytes) -> Result<u64> {
    let number = str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
    number.ok_or_else(|| Error::protocol("a stamp is a number"))
}

/// The stamp that memory has under a key.
pub(super) fn stamp_in(memory: &Memory, key: &Key, now: Timestamp) -> Option<u64> {
    memory.with(&[key], now, |tx| tx.get::<u64>(key).map(|stamp| *stamp))
}
