use std::{slice, time::Duration};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::millis;

static DUE: Script = Script::new("lock.due", concat!(include_str!("clock.lua"), include_str!("due.lua")));
static DONE: Script = Script::new("lock.done", include_str!("done_period.lua"));

/// Tells whether a job was finished in the present period.
#[derive(Clone, Debug)]
pub struct Due {
    done: Key,
    period: Duration,
}

/// Notes that a job was finished in a period.
#[derive(Clone, Debug)]
pub struct DonePeriod {
    done: Key,
    number: u64,
    period: Duration,
}

/// What the embedded store keeps: the period in which a job was finished last.
struct Done(u64);

impl Due {
    /// Asks for the job of `key`, whose periods are so long.
    #[must_use]
    pub fn new(key: &Key, period: Duration) -> Self {
        Self { done: key.companion("done"), period }
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.period.as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

impl DonePeriod {
    /// Notes it for the job of `key`, whose periods are so long.
    #[must_use]
    pub fn new(key: &Key, number: u64, period: Duration) -> Self {
        Self { done: key.companion("done"), number, period }
    }

    /// A clock that steps back by less than a period finds the job done.
    fn ttl(&self) -> Duration {
        self.period.saturating_mul(2).max(Duration::from_millis(1))
    }
}

impl Operation for Due {
    /// The number of the present period, if the job was not finished in it.
    type Output = Option<u64>;
    const NAME: &'static str = "lock.due";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Option<u64>) -> &'static str {
        if output.is_some() { "due" } else { "done" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Option<u64>> {
        let present = redis.script(&DUE).key(&self.done).arg(self.micros()).invoke().await?.into_int()?;
        Ok(u64::try_from(present).ok())
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Option<u64>> {
        let present = now.as_micros() / self.micros();
        Ok(memory.with(slice::from_ref(&&self.done), now, |tx| {
            let is_done = tx.get::<Done>(&self.done).is_some_and(|done| present <= done.0);
            (!is_done).then_some(present)
        }))
    }
}

impl Operation for DonePeriod {
    /// Whether it stands; false if the job was finished in a later period.
    type Output = bool;
    const NAME: &'static str = "lock.done";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(&is_noted: &bool) -> &'static str {
        if is_noted { "noted" } else { "later" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<bool> {
        let script = redis.script(&DONE).key(&self.done).arg(self.number).arg(millis(self.ttl()));
        Ok(script.invoke().await?.into_int()? == 1)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<bool> {
        memory.with(slice::from_ref(&&self.done), now, |tx| {
            if tx.get::<Done>(&self.done).is_some_and(|done| self.number < done.0) {
                return Ok(false);
            }
            tx.put(&self.done, Done(self.number), now.saturating_add(self.ttl()))?;
            Ok(true)
        })
    }
}
