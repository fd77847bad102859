use std::slice;

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Renewal, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Holder, Token};

static EXTEND: Script = Script::new("lock.extend", include_str!("extend.lua"));

/// Prolongs a lock for its holder; one that has ended is not taken again.
#[derive(Clone, Debug)]
pub struct Extend {
    lock: Key,
    token: Token,
    ttl: Ttl,
}

impl Extend {
    /// Lets `lock` end `ttl` from now on, if `token` holds it.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self { lock: lock.clone(), token, ttl }
    }
}

impl Operation for Extend {
    type Output = Renewal;
    const NAME: &'static str = "lock.extend";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Renewal) -> &'static str {
        match output {
            Renewal::Kept => "kept",
            Renewal::Lost => "lost",
            Renewal::Unknown => "unknown",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Renewal> {
        let script = redis.script(&EXTEND).key(&self.lock).arg(self.token.as_str()).arg(self.ttl.as_millis());
        Ok(if script.invoke().await?.into_int()? == 1 { Renewal::Kept } else { Renewal::Lost })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Renewal> {
        memory.with(slice::from_ref(&&self.lock), now, |tx| {
            if tx.get::<Holder>(&self.lock).is_none_or(|holder| holder.0 != self.token) {
                return Ok(Renewal::Lost);
            }
            tx.put(&self.lock, Holder(self.token.clone()), now.saturating_add(self.ttl.as_duration()))?;
            Ok(Renewal::Kept)
        })
    }
}
