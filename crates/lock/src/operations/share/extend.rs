use std::slice;

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Renewal, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Share, Shares};
use crate::operations::Token;

static EXTEND: Script = Script::new(
    "lock.extend_share",
    concat!(include_str!("../clock.lua"), include_str!("last.lua"), include_str!("extend.lua")),
);

/// Prolongs a share for its holder; one that has ended is not taken again.
#[derive(Clone, Debug)]
pub struct ExtendShare {
    shares: Key,
    share: Share,
    token: Token,
    ttl: Ttl,
}

impl ExtendShare {
    /// Lets a share of `lock` end `ttl` from now on, if `token` holds it.
    #[must_use]
    pub fn new(lock: &Key, share: Share, token: Token, ttl: Ttl) -> Self {
        Self { shares: lock.clone(), share, token, ttl }
    }
}

impl Operation for ExtendShare {
    type Output = Renewal;
    const NAME: &'static str = "lock.extend_share";

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
        let script = redis.script(&EXTEND).key(&self.shares);
        let script = script.arg(self.share.member(&self.token)).arg(self.ttl.as_millis());
        Ok(if script.invoke().await?.into_int()? == 1 { Renewal::Kept } else { Renewal::Lost })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Renewal> {
        memory.with(slice::from_ref(&&self.shares), now, |tx| {
            let mut shares = Shares::of(tx, &self.shares);
            let Some(place) = shares.position(self.share, &self.token) else { return Ok(Renewal::Lost) };
            shares.0[place].ends = now.saturating_add(self.ttl.as_duration());
            shares.put(tx, &self.shares)?;
            Ok(Renewal::Kept)
        })
    }
}
