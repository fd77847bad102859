use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::sketch::Sketch;
use crate::Digest;

static SEE: Script = Script::new("counter.see", include_str!("see.lua"));

/// Notes visitors; answers whether their number may have risen.
#[derive(Clone, Debug)]
pub struct SeeVisitors {
    key: Key,
    visitors: Vec<Digest>,
    keep: Ttl,
}

impl SeeVisitors {
    /// Notes those whose digests these are; at most some thousand at once.
    #[must_use]
    pub const fn new(key: Key, visitors: Vec<Digest>, keep: Ttl) -> Self {
        Self { key, visitors, keep }
    }
}

impl Operation for SeeVisitors {
    type Output = bool;
    const NAME: &'static str = "counter.see";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(is_new: &bool) -> &'static str {
        if *is_new { "new" } else { "known" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let call = redis.script(&SEE).key(&self.key).arg(self.keep.as_millis());
        let call = self.visitors.iter().fold(call, |call, visitor| call.arg(visitor.as_str()));
        Ok(call.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        memory.with(&[&self.key], now, |tx| {
            let before = tx.get::<Sketch>(&self.key);
            let is_first = before.is_none();
            let mut sketch = before.map(|sketch| (*sketch).clone()).unwrap_or_default();
            let mut is_new = is_first;
            for visitor in &self.visitors {
                is_new |= sketch.see(visitor.as_str().as_bytes());
            }
            tx.put(&self.key, sketch, now.saturating_add(self.keep.as_duration()))?;
            Ok(is_new)
        })
    }
}

/// Counts the different visitors of all these keys, about.
#[derive(Clone, Debug)]
pub struct CountVisitors(Vec<Key>);

impl CountVisitors {
    /// Counts those under `keys`, which share a cluster slot.
    #[must_use]
    pub const fn new(keys: Vec<Key>) -> Self {
        Self(keys)
    }
}

impl Operation for CountVisitors {
    type Output = u64;
    const NAME: &'static str = "counter.visitors";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &u64) -> &'static str {
        "read"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<u64> {
        let count = self.0.iter().fold(Cmd::new("PFCOUNT"), Cmd::key);
        let count = redis.send(count).await?.into_int()?;
        u64::try_from(count).map_err(|_| Error::protocol("expected how many visitors there were"))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<u64> {
        let keys: Vec<&Key> = self.0.iter().collect();
        memory.with(&keys, now, |tx| {
            let mut all = Sketch::default();
            for sketch in keys.iter().filter_map(|key| tx.get::<Sketch>(key)) {
                all.merge(&sketch);
            }
            Ok(all.count())
        })
    }
}
