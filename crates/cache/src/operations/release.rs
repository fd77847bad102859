//! Giving a ticket back without a value.

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{FAILED, TICKET, WAITING};

static RELEASE: Script = Script::new("cache.release", include_str!("release.lua"));

/// Gives a ticket back, if it still stands: its load failed, or was given up.
///
/// What failed may rest for a while: then the ticket says so to whoever takes it meanwhile.
#[derive(Clone, Debug)]
pub struct Release {
    key: Key,
    token: String,
    rest: Option<Ttl>,
}

/// What became of a ticket that was given back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Released {
    /// It is gone.
    Released,
    /// It is gone, and somebody waits to hear that.
    Awaited,
    /// It did not stand any more.
    Absent,
}

impl Release {
    /// The ticket `token` for `key`.
    #[must_use]
    pub const fn new(key: Key, token: String) -> Self {
        Self { key, token, rest: None }
    }

    /// Says for so long that the load failed.
    #[must_use]
    pub const fn resting(mut self, rest: Ttl) -> Self {
        self.rest = Some(rest);
        self
    }

    fn failed(&self) -> String {
        format!("{FAILED}{}", self.token)
    }
}

impl Operation for Release {
    type Output = Released;
    const NAME: &'static str = "cache.release";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::UseMemory
    }

    fn outcome(output: &Released) -> &'static str {
        match output {
            Released::Released => "released",
            Released::Awaited => "awaited",
            Released::Absent => "absent",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Released> {
        let call = redis.script(&RELEASE).key(&self.key.companion(TICKET)).key(&self.key.companion(WAITING));
        let rest = self.rest.map_or(0, Ttl::as_millis);
        let answer = call.arg(&self.token).arg(self.failed()).arg(rest).invoke().await?.into_int()?;
        Ok(match answer {
            0 => Released::Absent,
            2 => Released::Awaited,
            _ => Released::Released,
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Released> {
        let (ticket, waiting) = (self.key.companion(TICKET), self.key.companion(WAITING));
        memory.with(&[&ticket, &waiting], now, |tx| {
            if tx.get::<String>(&ticket).is_none_or(|standing| *standing != self.token) {
                return Ok(Released::Absent);
            }
            match self.rest {
                Some(rest) => tx.put(&ticket, self.failed(), now.saturating_add(rest.as_duration()))?,
                None => {
                    tx.remove(&ticket);
                }
            }
            Ok(if tx.remove(&waiting) { Released::Awaited } else { Released::Released })
        })
    }
}
