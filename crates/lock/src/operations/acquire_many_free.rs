use futures_util::future::try_join_all;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

use super::{AcquireFree, Free, MOST, each, fence, given_up};

static ACQUIRE_MANY_FREE: Script = Script::new(
    "lock.acquire_many_free",
    concat!(
        include_str!("clock.lua"),
        include_str!("waited_for.lua"),
        include_str!("fence.lua"),
        include_str!("acquire_many_free.lua"),
    ),
);

/// Takes locks that nobody holds.
///
/// Each is a step of its own, as [`AcquireFree`] is; they only share the way.
#[derive(Clone, Debug, Default)]
pub struct AcquireManyFree {
    asks: Vec<AcquireFree>,
}

impl AcquireManyFree {
    /// Takes another lock.
    #[must_use]
    pub fn and(mut self, ask: AcquireFree) -> Self {
        self.asks.push(ask);
        self
    }
}

impl Operation for AcquireManyFree {
    /// One answer for each lock, in order.
    type Output = Vec<Free>;
    const NAME: &'static str = AcquireFree::NAME;

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Free>) -> &'static str {
        if output.iter().all(|free| matches!(free, Free::Granted { .. })) { "granted" } else { "busy" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Free>> {
        // In a cluster each has a fence of its own.
        let at_once = if redis.has_slots() { 1 } else { MOST };
        let answers = try_join_all(self.asks.chunks(at_once).map(|asks| take(redis, asks))).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Free>> {
        self.asks.iter().map(|ask| ask.on_memory(memory, now)).collect()
    }
}

async fn take(redis: &Redis, asks: &[AcquireFree]) -> Result<Vec<Free>> {
    if let [ask] = asks {
        return Ok(vec![ask.on_redis(redis).await?]);
    }
    let Some(first) = asks.first() else { return Ok(Vec::new()) };
    let mut script = redis.script(&ACQUIRE_MANY_FREE).key(&fence(redis, &first.lock));
    for AcquireFree { lock, token, ttl } in asks {
        script = script.key(lock).key(&given_up(lock)).arg(token.as_str()).arg(ttl.as_millis());
    }
    each(script.invoke().await?, asks.len())?.into_iter().map(Free::parse).collect()
}
