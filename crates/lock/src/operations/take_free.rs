use futures_util::future::try_join_all;
use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp, Value};

use super::{
    AcquireFree, FENCE, FENCE_TTL, Free, Holder, LastFence, MOST, Raises, fence, last_fence, millis,
};
use crate::Fence;

/// Takes a lock that nobody holds, by plain commands where that will do.
///
/// They cost the server a third of what [`AcquireFree`] does. They only count the fence up, so they are for a moment
/// after it was raised to the server's clock over the same connection, and leave it unclear if it was not. A token
/// that was given up may still get the lock by them, and those who ask for it after that find it free.
#[derive(Clone, Debug)]
pub struct TakeFree {
    ask: AcquireFree,
    raises: Raises,
}

/// Takes locks that nobody holds, in one write.
///
/// Each is a step of its own, as [`TakeFree`] is; they only share the way, and the counting of fences.
#[derive(Clone, Debug, Default)]
pub struct TakeManyFree {
    asks: Vec<TakeFree>,
}

impl TakeFree {
    /// Takes what `ask` asks for; `raises` are all that this process knows of.
    #[must_use]
    pub fn new(ask: AcquireFree, raises: &Raises) -> Self {
        Self { ask, raises: raises.clone() }
    }

    /// By the script, which raises the fence to the clock.
    async fn raising(&self, redis: &Redis) -> Result<Free> {
        let asked_at = self.raises.now();
        let free = self.ask.on_redis(redis).await?;
        // In a cluster each lock has a fence of its own, and over HTTP nobody knows which server answers.
        if let (Free::Granted { fence }, Some(carrier), false) = (free, redis.carrier(), redis.has_slots()) {
            self.raises.note(Some(carrier), fence, asked_at);
        }
        Ok(free)
    }
}

impl TakeManyFree {
    /// Takes another lock.
    #[must_use]
    pub fn and(mut self, ask: TakeFree) -> Self {
        self.asks.push(ask);
        self
    }
}

impl Operation for TakeFree {
    type Output = Free;
    const NAME: &'static str = AcquireFree::NAME;

    fn effect(&self) -> Effect {
        self.ask.effect()
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Free) -> &'static str {
        AcquireFree::outcome(output)
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Free> {
        if !self.raises.is_recent() {
            return self.raising(redis).await;
        }
        let taken = take(redis, std::slice::from_ref(self)).await?;
        Ok(taken.first().copied().unwrap_or(Free::Unclear))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Free> {
        let AcquireFree { lock, token, ttl } = &self.ask;
        if !self.raises.is_recent() {
            let asked_at = self.raises.now();
            let free = self.ask.on_memory(memory, now)?;
            if let Free::Granted { fence } = free {
                self.raises.note(None, fence, asked_at);
            }
            return Ok(free);
        }
        memory.with(&[lock, &FENCE], now, |tx| {
            let counted = Fence::new(last_fence(tx).map_or(0, Fence::get).saturating_add(1));
            let until = tx.expires_at(&FENCE).unwrap_or_else(|| now.saturating_add(FENCE_TTL));
            tx.put(&FENCE, LastFence(counted.get()), until)?;
            if tx.get::<Holder>(lock).is_some() {
                return Ok(Free::Unclear);
            }
            let holder = Holder { token: token.clone(), is_waited_for: false };
            tx.put(lock, holder, now.saturating_add(ttl.as_duration()))?;
            let is_larger = self.raises.vouch_for(counted, None);
            Ok(if is_larger { Free::Granted { fence: counted } } else { Free::Unclear })
        })
    }
}

impl Operation for TakeManyFree {
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
        let Some(first) = self.asks.first() else { return Ok(Vec::new()) };
        let mut answers = Vec::with_capacity(self.asks.len());
        if !redis.has_slots() && redis.has_connections() && !first.raises.is_recent() {
            answers.push(first.raising(redis).await?);
        }
        let others = &self.asks[answers.len()..];
        if !first.raises.is_recent() {
            let others = others.iter().map(|TakeFree { ask, .. }| ask.on_redis(redis));
            answers.extend(try_join_all(others).await?);
            return Ok(answers);
        }
        // One after another, so that it is known which connection has carried each.
        for asks in others.chunks(MOST) {
            answers.extend(take(redis, asks).await?);
        }
        Ok(answers)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Free>> {
        let Some((first, others)) = self.asks.split_first() else { return Ok(Vec::new()) };
        let mut answers = vec![first.on_memory(memory, now)?];
        let are_counted = first.raises.is_recent();
        for other in others {
            answers.push(if are_counted {
                other.on_memory(memory, now)
            } else {
                other.ask.on_memory(memory, now)
            }?);
        }
        Ok(answers)
    }
}

/// Takes locks by plain commands in one write.
async fn take(redis: &Redis, asks: &[TakeFree]) -> Result<Vec<Free>> {
    let Some(TakeFree { ask: first, raises }) = asks.first() else { return Ok(Vec::new()) };
    let last = fence(redis, &first.lock);
    let count = asks.len() as u64;
    let mut batch = redis.batch();
    for TakeFree { ask: AcquireFree { lock, token, ttl }, .. } in asks {
        batch = batch.begin("SET").key(lock).arg(token.as_str()).arg("NX").arg("PX").arg(ttl.as_millis());
    }
    // Behind the locks: whoever has one of them after us counts after us, unless our lease had ended by then.
    let mut answers = batch.begin("INCRBY").key(&last).arg(count).send_each().await?;
    let counted = answers.pop().and_then(|counted| u64::try_from(counted.ok()?.into_int().ok()?).ok());
    let before = counted.and_then(|counted| counted.checked_sub(count));
    let carrier = redis.carrier().filter(|_| !redis.has_slots());
    let are_larger = |before: &u64| carrier.is_some() && raises.vouch_for(Fence::new(before + 1), carrier);
    let vouched = before.filter(are_larger);
    if before == Some(0) {
        // It was gone; whatever is written ends some day.
        redis.send(Cmd::new("PEXPIRE").key(&last).arg(millis(FENCE_TTL))).await?;
    }
    let free = |(place, answer): (u64, Result<Value>)| match (vouched, answer) {
        (Some(before), Ok(taken)) if !taken.is_nil() => Free::Granted { fence: Fence::new(before + place) },
        // Another holds it, or we do, or may not; or the fence has to be raised.
        _ => Free::Unclear,
    };
    Ok((1..).zip(answers).map(free).collect())
}
