//! Removing whatever is under a key.

use std::{fmt, marker::PhantomData};

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

/// What is removed, and how that is called in metrics and errors.
pub trait Removable: Send + Sync {
    /// The name of the operation.
    const NAME: &'static str;
    /// The outcome when there was something.
    const REMOVED: &'static str;
}

/// Removes what is kept under a key; answers whether there was something.
pub struct Remove<K> {
    key: Key,
    kind: PhantomData<fn() -> K>,
}

impl<K> Remove<K> {
    /// Removes what is kept under `key`.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self { key, kind: PhantomData }
    }
}

impl<K: Removable> Operation for Remove<K> {
    type Output = bool;
    const NAME: &'static str = K::NAME;

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(was_there: &bool) -> &'static str {
        if *was_there { K::REMOVED } else { "none" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        Ok(redis.send(Cmd::new("UNLINK").key(&self.key)).await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        Ok(memory.with(&[&self.key], now, |tx| tx.remove(&self.key)))
    }
}

impl<K> Clone for Remove<K> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

impl<K> fmt::Debug for Remove<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remove").field(&self.key).finish()
    }
}
