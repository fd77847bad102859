use std::slice;

use bytes::Bytes;
use redstart_connection::{Cmd, Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use crate::{Fence, Written};

static WRITE: Script = Script::new("lock.write_fenced", include_str!("write_fenced.lua"));

/// Stores a value unless one was written under a larger fence.
#[derive(Clone, Debug)]
pub struct WriteFenced {
    key: Key,
    fence: Fence,
    value: Bytes,
    ttl: Ttl,
}

/// Reads a value and the fence under which it was written.
#[derive(Clone, Debug)]
pub struct ReadFenced(Key);

/// What the embedded store keeps.
struct Cell(Fence, Bytes);

impl WriteFenced {
    /// Stores `value` under `key` for `ttl`, in the name of the grant that had `fence`.
    #[must_use]
    pub fn new(key: &Key, fence: Fence, value: Bytes, ttl: Ttl) -> Self {
        Self { key: key.clone(), fence, value, ttl }
    }
}

impl ReadFenced {
    /// Reads what is under `key`.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self(key.clone())
    }
}

impl Operation for WriteFenced {
    type Output = Written;
    const NAME: &'static str = "lock.write_fenced";

    fn effect(&self) -> Effect {
        // The same value under the same fence.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Written) -> &'static str {
        match output {
            Written::Stored => "stored",
            Written::Refused { .. } => "refused",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Written> {
        let script = redis.script(&WRITE).key(&self.key).arg(self.fence.get());
        Ok(match script.arg(&self.value).arg(self.ttl.as_millis()).invoke().await?.into_int()? {
            0 => Written::Stored,
            newest => Written::Refused { newest: Fence::parse(newest)? },
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Written> {
        memory.with(slice::from_ref(&&self.key), now, |tx| {
            if let Some(newest) = tx.get::<Cell>(&self.key).map(|cell| cell.0).filter(|f| self.fence < *f) {
                return Ok(Written::Refused { newest });
            }
            let cell = Cell(self.fence, self.value.clone());
            tx.put(&self.key, cell, now.saturating_add(self.ttl.as_duration()))?;
            Ok(Written::Stored)
        })
    }
}

impl Operation for ReadFenced {
    type Output = Option<(Fence, Bytes)>;
    const NAME: &'static str = "lock.read_fenced";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Option<(Fence, Bytes)>) -> &'static str {
        if output.is_some() { "found" } else { "empty" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<(Fence, Bytes)>> {
        let fields = redis.send(Cmd::new("HMGET").key(&self.0).arg("f").arg("v")).await?.into_array()?;
        let [fence, value] = <[_; 2]>::try_from(fields)
            .map_err(|_| Error::protocol("expected a fence and a value of a cell"))?;
        let (Some(fence), Some(value)) = (fence.into_optional_int()?, value.into_optional_bytes()?) else {
            return Ok(None);
        };
        Ok(Some((Fence::parse(fence)?, value)))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<(Fence, Bytes)>> {
        Ok(memory.with(slice::from_ref(&&self.0), now, |tx| {
            tx.get::<Cell>(&self.0).map(|cell| (cell.0, cell.1.clone()))
        }))
    }
}
