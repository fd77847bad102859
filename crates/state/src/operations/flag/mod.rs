//! Switches: set, read, removed.

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

/// Writes the rule of a flag, for good.
#[derive(Clone, Debug)]
pub struct SetFlag {
    key: Key,
    rule: Bytes,
}

impl SetFlag {
    /// Writes `rule` under `key`.
    #[must_use]
    pub const fn new(key: Key, rule: Bytes) -> Self {
        Self { key, rule }
    }
}

/// What the embedded store keeps of a flag.
struct Rule(Bytes);

impl Operation for SetFlag {
    type Output = ();
    const NAME: &'static str = "flag.set";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((): &()) -> &'static str {
        "set"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<()> {
        redis.send(Cmd::new("SET").key(&self.key).arg(&self.rule)).await.map(drop)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<()> {
        memory.with(&[&self.key], now, |tx| tx.put_persistent(&self.key, Rule(self.rule.clone())))
    }
}

/// Reads the rule of a flag; none if it was never set.
#[derive(Clone, Debug)]
pub struct ReadFlag(Key);

impl ReadFlag {
    /// Reads what is under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }
}

impl Operation for ReadFlag {
    type Output = Option<Bytes>;
    const NAME: &'static str = "flag.read";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        // The process keeps the last rule by itself.
        Outage::Fail
    }

    fn outcome(output: &Option<Bytes>) -> &'static str {
        if output.is_some() { "found" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<Bytes>> {
        redis.send(Cmd::new("GET").key(&self.0)).await?.into_optional_bytes()
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<Bytes>> {
        Ok(memory.with(&[&self.0], now, |tx| tx.get::<Rule>(&self.0).map(|rule| rule.0.clone())))
    }
}

/// Removes a flag; answers whether it was set.
#[derive(Clone, Debug)]
pub struct RemoveFlag(Key);

impl RemoveFlag {
    /// Removes what is under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }
}

impl Operation for RemoveFlag {
    type Output = bool;
    const NAME: &'static str = "flag.remove";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(was_set: &bool) -> &'static str {
        if *was_set { "removed" } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("UNLINK").key(&self.0)).await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        Ok(memory.with(&[&self.0], now, |tx| tx.remove(&self.0)))
    }
}
