use std::{slice, time::Duration};

use redstart_connection::{Cmd, Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Key;

use super::expires_in;

/// Tells whether a lock is held, and for how long.
#[derive(Clone, Debug)]
pub struct Inspect(Key);

/// How a lock stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Holding {
    /// Nobody holds it.
    Free,
    /// Somebody holds it.
    Held {
        /// Until the lease ends, if nobody prolongs it; none if it never does.
        expires_in: Option<Duration>,
    },
}

impl Inspect {
    /// Looks at `lock`.
    #[must_use]
    pub fn new(lock: &Key) -> Self {
        Self(lock.clone())
    }
}

impl Operation for Inspect {
    type Output = Holding;
    const NAME: &'static str = "lock.inspect";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Holding) -> &'static str {
        match output {
            Holding::Free => "free",
            Holding::Held { .. } => "held",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Holding> {
        Ok(match redis.send(Cmd::new("PTTL").key(&self.0)).await?.into_int()? {
            -2 => Holding::Free,
            millis => Holding::Held { expires_in: expires_in(millis) },
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Holding> {
        Ok(memory.with(slice::from_ref(&&self.0), now, |tx| {
            if !tx.contains(&self.0) {
                return Holding::Free;
            }
            Holding::Held { expires_in: tx.expires_at(&self.0).map(|at| at.since(now)) }
        }))
    }
}
