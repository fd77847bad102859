use bytes::Bytes;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Renewal, Result, Script, Timestamp, Tx};
use redstart_keys::{Key, Ttl};

use super::{Attempt, Owner, Record};

static COMPLETE: Script = Script::new("idempotency.complete", include_str!("complete.lua"));
static ABANDON: Script = Script::new("idempotency.abandon", include_str!("abandon.lua"));
static RENEW: Script = Script::new("idempotency.renew", include_str!("renew.lua"));

/// Keeps the answer of work that is done; answers whether the work was still ours.
///
/// An answer whose lease ran out is kept all the same as long as nobody has begun again.
#[derive(Clone, Debug)]
pub struct Complete {
    attempt: Attempt,
    answer: Bytes,
    retention: Ttl,
}

impl Complete {
    /// Keeps `answer` for `retention`.
    #[must_use]
    pub const fn new(attempt: Attempt, answer: Bytes, retention: Ttl) -> Self {
        Self { attempt, answer, retention }
    }
}

impl Operation for Complete {
    type Output = bool;
    const NAME: &'static str = "idempotency.complete";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(is_kept: &bool) -> &'static str {
        if *is_kept { "kept" } else { "lost" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let Attempt { key, fingerprint, owner } = &self.attempt;
        let call = redis.script(&COMPLETE).key(key).arg(&owner.0).arg(fingerprint.as_str());
        let answer = call.arg(&self.answer).arg(self.retention.as_millis()).invoke().await?;
        Ok(answer.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Attempt { key, fingerprint, owner } = &self.attempt;
        memory.with(&[key], now, |tx| {
            let before = tx.get::<Record>(key);
            if before.as_ref().is_some_and(|record| record.owner != *owner) {
                return Ok(false);
            }
            if before.is_none_or(|record| record.answer.is_none()) {
                let answer = Some(self.answer.clone());
                let record = Record { fingerprint: fingerprint.clone(), owner: owner.clone(), answer };
                tx.put(key, record, now.saturating_add(self.retention.as_duration()))?;
            }
            Ok(true)
        })
    }
}

/// Gives back work that is not done, so that a repeat does it; answers whether it was still ours.
#[derive(Clone, Debug)]
pub struct Abandon(Attempt);

impl Abandon {
    /// Gives back `attempt`.
    #[must_use]
    pub const fn new(attempt: Attempt) -> Self {
        Self(attempt)
    }
}

impl Operation for Abandon {
    type Output = bool;
    const NAME: &'static str = "idempotency.abandon";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(is_ours: &bool) -> &'static str {
        if *is_ours { "given_back" } else { "lost" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let Attempt { key, owner, .. } = &self.0;
        Ok(redis.script(&ABANDON).key(key).arg(&owner.0).invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        let Attempt { key, owner, .. } = &self.0;
        Ok(memory.with(&[key], now, |tx| is_at_work(tx, key, owner) && tx.remove(key)))
    }
}

/// Prolongs the lease of work that is under way.
#[derive(Clone, Debug)]
pub struct Renew {
    attempt: Attempt,
    lease: Ttl,
}

impl Renew {
    /// Lets the lease of `attempt` end `lease` from now on.
    #[must_use]
    pub const fn new(attempt: Attempt, lease: Ttl) -> Self {
        Self { attempt, lease }
    }
}

impl Operation for Renew {
    type Output = Renewal;
    const NAME: &'static str = "idempotency.renew";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(renewal: &Renewal) -> &'static str {
        if *renewal == Renewal::Kept { "kept" } else { "lost" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Renewal> {
        let Attempt { key, owner, .. } = &self.attempt;
        let call = redis.script(&RENEW).key(key).arg(&owner.0).arg(self.lease.as_millis());
        Ok(renewal(call.invoke().await?.into_int()? == 1))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Renewal> {
        let Attempt { key, fingerprint, owner } = &self.attempt;
        memory.with(&[key], now, |tx| {
            if !is_at_work(tx, key, owner) {
                return Ok(Renewal::Lost);
            }
            let record = Record { fingerprint: fingerprint.clone(), owner: owner.clone(), answer: None };
            tx.put(key, record, now.saturating_add(self.lease.as_duration()))?;
            Ok(Renewal::Kept)
        })
    }
}

fn is_at_work(tx: &Tx<'_>, key: &Key, owner: &Owner) -> bool {
    tx.get::<Record>(key).is_some_and(|record| record.owner == *owner && record.answer.is_none())
}

const fn renewal(is_kept: bool) -> Renewal {
    if is_kept { Renewal::Kept } else { Renewal::Lost }
}
