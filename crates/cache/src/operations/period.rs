//! Work that one process of the fleet does in each period.

use std::{slice, time::Duration};

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

static PERIOD: Script = Script::new("cache.period", include_str!("period.lua"));

/// Claims the present period of a schedule for one process.
///
/// Periods follow the store's clock and begin at multiples of their length since 1970 (UTC), or a fixed
/// time before those moments. Who claims a period and crashes leaves it undone: this is for work that may
/// be missed once.
#[derive(Clone, Debug)]
pub struct ClaimPeriod {
    key: Key,
    length: Ttl,
    ahead: Duration,
    token: String,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeriodClaim {
    /// Whether the period is this one's.
    pub is_ours: bool,
    /// Until the next period begins.
    pub next_in: Duration,
}

/// What the embedded store keeps: the period that was claimed last, and by whom.
struct Claimed(u64, String);

impl ClaimPeriod {
    /// The schedule under `key`, whose periods of `length` begin `ahead` of their time.
    ///
    /// Each claim has a token of its own; the same one asks again when an answer was lost.
    #[must_use]
    pub const fn new(key: Key, length: Ttl, ahead: Duration, token: String) -> Self {
        Self { key, length, ahead, token }
    }

    fn length_micros(&self) -> u64 {
        self.length.as_millis().saturating_mul(1_000)
    }
}

impl Operation for ClaimPeriod {
    type Output = PeriodClaim;
    const NAME: &'static str = "cache.period";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    /// A process that is alone with its memory can't know what the others do.
    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &PeriodClaim) -> &'static str {
        if output.is_ours { "claimed" } else { "elsewhere" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<PeriodClaim> {
        let ahead = u64::try_from(self.ahead.as_micros()).unwrap_or(u64::MAX);
        let call = redis.script(&PERIOD).key(&self.key).arg(self.length_micros()).arg(ahead);
        let mut answer = call.arg(&self.token).invoke().await?.into_array()?.into_iter();
        let (Some(is_ours), Some(next_in)) = (answer.next(), answer.next()) else {
            return Err(Error::protocol("a claim is answered by two numbers"));
        };
        let next_in = u64::try_from(next_in.into_int()?).unwrap_or(0);
        Ok(PeriodClaim { is_ours: is_ours.into_int()? == 1, next_in: Duration::from_micros(next_in) })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<PeriodClaim> {
        let length = self.length_micros();
        let shifted = now.saturating_add(self.ahead).as_micros();
        let present = shifted / length;
        let next_in = Duration::from_micros((present + 1).saturating_mul(length).saturating_sub(shifted));
        memory.with(slice::from_ref(&&self.key), now, |tx| {
            if let Some(claimed) = tx.get::<Claimed>(&self.key).filter(|claimed| present <= claimed.0) {
                let is_ours = claimed.0 == present && claimed.1 == self.token;
                return Ok(PeriodClaim { is_ours, next_in });
            }
            let until = now.saturating_add(next_in).saturating_add(self.length.as_duration());
            tx.put(&self.key, Claimed(present, self.token.clone()), until)?;
            Ok(PeriodClaim { is_ours: true, next_in })
        })
    }
}
