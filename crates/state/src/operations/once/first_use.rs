use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use crate::secret::unique;

static FIRST_USE: Script = Script::new("replay.first_use", include_str!("first_use.lua"));

/// Takes note that a value was used, and tells whether it was the first time.
#[derive(Clone, Debug)]
pub struct FirstUse {
    key: Key,
    user: String,
    until: Timestamp,
    at_most: Ttl,
}

/// Whether a value may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must decide for each; there is no fifth answer")]
pub enum Use {
    /// It is used for the first time.
    First,
    /// It was used before.
    Replayed,
    /// Its time is over.
    Expired,
    /// It lives longer than uses are remembered, so it could be used again after that.
    TooLong,
}

impl FirstUse {
    /// Uses the value of `key`, and remembers that until `until`, but at most for so long.
    #[must_use]
    pub fn new(key: Key, until: Timestamp, at_most: Ttl) -> Self {
        Self { key, user: unique(), until, at_most }
    }
}

impl Operation for FirstUse {
    type Output = Use;
    const NAME: &'static str = "replay.first_use";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Use) -> &'static str {
        match output {
            Use::First => "first",
            Use::Replayed => "replayed",
            Use::Expired => "expired",
            Use::TooLong => "too_long",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Use> {
        let call = redis.script(&FIRST_USE).key(&self.key).arg(&self.user).arg(self.until.as_micros());
        match call.arg(self.at_most.as_millis()).invoke().await?.into_int()? {
            1 => Ok(Use::First),
            0 => Ok(Use::Replayed),
            -1 => Ok(Use::Expired),
            -2 => Ok(Use::TooLong),
            _ => Err(Error::protocol("expected whether a value was used before")),
        }
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Use> {
        let left = self.until.as_micros().saturating_sub(now.as_micros()).div_ceil(1_000);
        if left == 0 {
            return Ok(Use::Expired);
        }
        if self.at_most.as_millis() < left {
            return Ok(Use::TooLong);
        }
        memory.with(&[&self.key], now, |tx| {
            if let Some(user) = tx.get::<String>(&self.key) {
                return Ok(if *user == self.user { Use::First } else { Use::Replayed });
            }
            tx.put(&self.key, self.user.clone(), now.saturating_add(std::time::Duration::from_millis(left)))?;
            Ok(Use::First)
        })
    }
}
