use std::{iter, slice};

use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::{Key, Ttl};

use super::{
    Charge, keep,
    lines::{self, Line, Verb},
    outcome,
    slot::Slot,
    small, unsigned,
};
use crate::{
    Reading, account::Account, bucket::Bucket, burst::Burst, fixed::Fixed, rule::Rule, window::Window,
};

static WINDOW: Script = Script::new("ratelimit.window", include_str!("window.lua"));
static FIXED: Script = Script::new("ratelimit.fixed", include_str!("fixed.lua"));
static BURST: Script = Script::new("ratelimit.burst", include_str!("burst.lua"));
static BUCKET: Script = Script::new("ratelimit.bucket", include_str!("bucket.lua"));

/// Charges one limiter, or refuses and charges nothing.
///
/// One round trip; two for a limiter that is blocked, a case which the quick scripts leave to another.
#[derive(Clone, Debug)]
pub struct Take {
    charge: Charge,
    least_ttl: Ttl,
}

impl Take {
    /// A charge to a limiter whose key lives at least for `least_ttl`.
    #[must_use]
    pub const fn new(charge: Charge, least_ttl: Ttl) -> Self {
        Self { charge, least_ttl }
    }

    /// The key of the limiter.
    #[inline]
    pub(crate) fn into_key(self) -> Key {
        self.charge.key
    }

    /// Asks the window's own script; none if it is blocked.
    async fn window(&self, redis: &Redis, window: &Window) -> Result<Option<Reading>> {
        let script = redis.script(&WINDOW).key(&self.charge.key);
        let script = script.arg(window.limit).arg(window.period).arg(window.grain);
        read(script.arg(self.charge.cost.get()).arg(keep(self.least_ttl)).invoke().await?)
    }

    /// Asks the fixed window's own script; none if it is blocked.
    async fn fixed(&self, redis: &Redis, fixed: &Fixed) -> Result<Option<Reading>> {
        let script = redis.script(&FIXED).key(&self.charge.key).arg(fixed.limit).arg(fixed.period);
        read(script.arg(self.charge.cost.get()).arg(keep(self.least_ttl)).invoke().await?)
    }

    /// Asks the bucket's own script; none if it is blocked.
    async fn bucket(&self, redis: &Redis, bucket: &Bucket) -> Result<Option<Reading>> {
        let script = redis.script(&BUCKET).key(&self.charge.key);
        let script = script.arg(bucket.size).arg(bucket.refill).arg(bucket.period);
        read(script.arg(self.charge.cost.get()).arg(keep(self.least_ttl)).invoke().await?)
    }

    /// Asks the burst's own script; none if it is blocked.
    async fn burst(&self, redis: &Redis, burst: &Burst) -> Result<Option<Reading>> {
        let charge = burst.charge(self.charge.cost.get());
        let script = redis.script(&BURST).key(&self.charge.key);
        let answer = script.arg(burst.span()).arg(charge).arg(keep(self.least_ttl)).invoke().await?;
        let Some([ahead, now]) = numbers(answer)? else { return Ok(None) };
        let now = unsigned(now)?;
        Ok(Some(match u64::try_from(ahead) {
            Ok(ahead) => burst.reading(now, ahead),
            Err(_) => {
                // One number says all: what was asked less what is to wait for is what was left.
                let wait = ahead.unsigned_abs();
                burst.reading(now, (burst.span() + wait).saturating_sub(charge)).or_wait(wait)
            }
        }))
    }
}

/// Reads `remaining, reset, wait, now`; none if the limiter is blocked.
fn read(answer: Value) -> Result<Option<Reading>> {
    let Some([remaining, reset, wait, now]) = numbers(answer)? else { return Ok(None) };
    let reading = Reading::new(unsigned(now)?, small(remaining)?, unsigned(reset)?);
    Ok(Some(reading.or_wait(unsigned(wait)?)))
}

/// Reads the numbers that a script packs into a text; none if the limiter is blocked.
fn numbers<const N: usize>(answer: Value) -> Result<Option<[i64; N]>> {
    if answer.is_nil() {
        return Ok(None);
    }
    let packed = answer.into_bytes()?;
    let (numbers, rest) = packed.as_chunks();
    let numbers: Option<[[u8; 8]; N]> = numbers.try_into().ok().filter(|_| rest.is_empty());
    let numbers = numbers.ok_or_else(|| Error::protocol("expected other numbers from a limiter"))?;
    Ok(Some(numbers.map(i64::from_be_bytes)))
}

impl Operation for Take {
    type Output = Reading;
    const NAME: &'static str = "ratelimit.take";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Reading) -> &'static str {
        outcome(output)
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Reading> {
        let quick = match &self.charge.rule {
            Rule::Window(window) => self.window(redis, window).await?,
            Rule::Burst(burst) => self.burst(redis, burst).await?,
            Rule::Fixed(fixed) => self.fixed(redis, fixed).await?,
            Rule::Bucket(bucket) => self.bucket(redis, bucket).await?,
        };
        if let Some(reading) = quick {
            return Ok(reading);
        }
        let line = Line::charging(&self.charge);
        let told = lines::invoke(redis, Verb::Take, self.least_ttl, iter::once(line)).await?;
        Ok(told.first().copied().unwrap_or_default().reading)
    }

    #[inline]
    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Reading> {
        let Charge { key, rule, cost } = &self.charge;
        memory.with(slice::from_ref(&key), now, |tx| {
            let slot = Slot::find(tx, key);
            let mut account = Account::open(rule, slot.state(), now.as_micros());
            let wait = account.wait_for(cost.get());
            if wait == 0 {
                account.charge(cost.get());
            }
            let reading = account.reading().or_wait(wait);
            if 0 < wait && !account.is_repaired() {
                return Ok(reading);
            }
            let kept = slot.keep(account);
            kept.or_else(|outlived| outlived.put(tx, key)).map(|()| reading)
        })
    }
}
