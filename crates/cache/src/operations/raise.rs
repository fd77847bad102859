//! Invalidating many values at once, by one stamp.

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Replay, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::mint::{mint_in_memory, mint_on_redis};
use crate::event::Event;

static RAISE: Script = Script::new("cache.raise", include_str!("raise.lua"));

/// Raises the stamp under a key to a new one: what bears the tag, or is in the cache, and is older than
/// that is not valid any more.
#[derive(Clone, Debug)]
pub struct Raise {
    key: Key,
    sequencer: Key,
    ttl: Ttl,
    event: Option<Event>,
}

impl Raise {
    /// Raises the stamp under `key` to a new one of `sequencer`, and keeps it for `ttl` at least.
    ///
    /// It must be kept for longer than any value that it judges.
    #[must_use]
    pub const fn new(key: Key, sequencer: Key, ttl: Ttl) -> Self {
        Self { key, sequencer, ttl, event: None }
    }

    /// What the other processes have to hear when this one has to be done again.
    pub(crate) fn with_event(mut self, event: Event) -> Self {
        self.event = Some(event);
        self
    }
}

impl Operation for Raise {
    /// The new stamp.
    type Output = u64;
    const NAME: &'static str = "cache.raise";

    /// Twice is later.
    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn replay(&self) -> Option<Replay> {
        let work = {
            let raise = self.clone();
            move |store: redstart_connection::Store| -> redstart_connection::BoxFuture<'static, Result<()>> {
                let raise = raise.clone();
                Box::pin(async move {
                    store.run(&raise).await?;
                    match raise.event {
                        Some(event) => store.run(&super::Publish::new(event)).await,
                        None => Ok(()),
                    }
                })
            }
        };
        super::replay_of(&self.key, work)
    }

    fn outcome(_: &u64) -> &'static str {
        "raised"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        let stamp = mint_on_redis(redis, &self.sequencer).await?;
        redis.script(&RAISE).key(&self.key).arg(stamp).arg(self.ttl.as_millis()).invoke().await?;
        Ok(stamp)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        memory.with(&[&self.key, &self.sequencer], now, |tx| {
            let stamp = mint_in_memory(tx, &self.sequencer)?;
            let present = tx.get::<u64>(&self.key).map_or(0, |present| *present);
            let until =
                now.saturating_add(self.ttl.as_duration()).max(tx.expires_at(&self.key).unwrap_or_default());
            tx.put(&self.key, stamp.max(present), until)?;
            Ok(stamp)
        })
    }
}
