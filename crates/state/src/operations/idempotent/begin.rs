use std::time::Duration;

use bytes::Bytes;
use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::Ttl;

use super::{Attempt, Record};

static BEGIN: Script = Script::new("idempotency.begin", include_str!("begin.lua"));

/// Begins a piece of work unless it is done, or another does it.
#[derive(Clone, Debug)]
pub struct Begin {
    attempt: Attempt,
    lease: Ttl,
}

/// Whether the work may begin.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each; there is no fifth answer")]
pub enum Begun {
    /// It is ours for as long as the lease is prolonged.
    New,
    /// It was done before, with this answer.
    Done(Bytes),
    /// Another does it.
    Running {
        /// Until that one's lease ends, if it is not prolonged.
        expires_in: Duration,
    },
    /// The request under this key was another one.
    Mismatch,
}

impl Begin {
    /// Begins `attempt` for as long as `lease`.
    #[must_use]
    pub const fn new(attempt: Attempt, lease: Ttl) -> Self {
        Self { attempt, lease }
    }
}

impl Operation for Begin {
    type Output = Begun;
    const NAME: &'static str = "idempotency.begin";

    fn effect(&self) -> Effect {
        // The owner who has it already gets it again.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Begun) -> &'static str {
        match output {
            Begun::New => "new",
            Begun::Done(_) => "done",
            Begun::Running { .. } => "running",
            Begun::Mismatch => "mismatch",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Begun> {
        let Attempt { key, fingerprint, owner } = &self.attempt;
        let call = redis.script(&BEGIN).key(key).arg(&owner.0).arg(fingerprint.as_str());
        let mut parts = call.arg(self.lease.as_millis()).invoke().await?.into_array()?.into_iter();
        let mut next = || parts.next().unwrap_or(Value::Nil);
        match next().into_int()? {
            0 => Ok(Begun::New),
            1 => Ok(Begun::Mismatch),
            2 => {
                let left = u64::try_from(next().into_int()?).unwrap_or(0);
                Ok(Begun::Running { expires_in: Duration::from_millis(left) })
            }
            3 => Ok(Begun::Done(next().into_bytes()?)),
            _ => Err(Error::protocol("expected the state of a piece of work")),
        }
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Begun> {
        let Attempt { key, fingerprint, owner } = &self.attempt;
        memory.with(&[key], now, |tx| {
            if let Some(record) = tx.get::<Record>(key) {
                if record.fingerprint != *fingerprint {
                    return Ok(Begun::Mismatch);
                }
                if let Some(answer) = &record.answer {
                    return Ok(Begun::Done(answer.clone()));
                }
                if record.owner != *owner {
                    let expires_in = tx.expires_at(key).map(|at| at.since(now)).unwrap_or_default();
                    return Ok(Begun::Running { expires_in });
                }
            }
            let record = Record { fingerprint: fingerprint.clone(), owner: owner.clone(), answer: None };
            tx.put(key, record, now.saturating_add(self.lease.as_duration()))?;
            Ok(Begun::New)
        })
    }
}
