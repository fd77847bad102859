//! Removing a value by the name that the server has for it.

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use super::{Invalidate, TICKET};

/// Removes a value and its ticket as [`Invalidate`] does, for whoever knows their names and not the id.
#[derive(Clone, Debug)]
pub struct Unlink {
    value: Bytes,
    ticket: Bytes,
    key: Option<Key>,
}

impl Unlink {
    /// The value and the ticket of these names; on the embedded store the value under `key`.
    #[must_use]
    pub const fn new(value: Bytes, ticket: Bytes, key: Option<Key>) -> Self {
        Self { value, ticket, key }
    }

    /// What [`Invalidate`] would remove, by the names that `name_of` has for it.
    pub fn of(key: &Key, name_of: impl Fn(&Key) -> Vec<u8>) -> Self {
        let (value, ticket) = (name_of(key).into(), name_of(&key.companion(TICKET)).into());
        Self::new(value, ticket, Some(key.clone()))
    }

    pub(crate) const fn names(&self) -> (&Bytes, &Bytes) {
        (&self.value, &self.ticket)
    }
}

impl Operation for Unlink {
    /// Whether there was anything to remove.
    type Output = bool;
    const NAME: &'static str = "cache.unlink";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    /// Whoever does this does it again until the server has heard it.
    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &bool) -> &'static str {
        if *output { "removed" } else { "absent" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let unlink =
            Cmd::new("UNLINK").name_on_server(self.value.clone()).name_on_server(self.ticket.clone());
        Ok(redis.send(unlink).await?.into_int()? > 0)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Some(key) = &self.key else { return Ok(false) };
        Invalidate::new(key.clone()).on_memory(memory, now)
    }
}
