use std::{sync::Arc, time::Duration};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{FENCE, GivenUp, Holder, Token, expires_in, fence, given_up, mint};
use crate::Fence;

static ACQUIRE_FREE: Script = Script::lean(
    "lock.acquire_free",
    concat!(
        include_str!("waited_for.lua"),
        include_str!("acquire_free.lua"),
        include_str!("clock.lua"),
        include_str!("fence.lua"),
        include_str!("acquire_free_behind.lua"),
    ),
);

/// Takes a lock that nobody holds, and stands in no line.
///
/// It costs the server less than half of what [`Acquire`](super::Acquire) does, which is for what this leaves
/// unclear. Nobody who waits goes before, so it is not for fair requests, nor for a token that stands in line.
#[derive(Clone, Debug)]
pub struct AcquireFree {
    pub(crate) lock: Arc<Key>,
    pub(crate) token: Token,
    pub(crate) ttl: Ttl,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Free {
    /// The lock is ours.
    Granted {
        /// Larger than every fence of this lock before.
        fence: Fence,
    },
    /// Another holds it.
    Held {
        /// Until its lease ends, if nobody prolongs it.
        expires_in: Duration,
    },
    /// It has to be asked for with [`Acquire`](super::Acquire): it may be ours already, or the holder's name is
    /// one of those who gave up a moment ago.
    Unclear,
}

impl AcquireFree {
    /// Takes `lock` for `ttl`, in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self { lock: Arc::new(lock.clone()), token, ttl }
    }
}

impl Free {
    pub(super) fn parse(outcome: i64) -> Result<Self> {
        if 0 < outcome {
            return Ok(Self::Granted { fence: Fence::parse(outcome)? });
        }
        let left = expires_in(outcome.saturating_neg()).filter(|left| !left.is_zero());
        Ok(left.map_or(Self::Unclear, |expires_in| Self::Held { expires_in }))
    }
}

impl Operation for AcquireFree {
    type Output = Free;
    const NAME: &'static str = "lock.acquire_free";

    fn effect(&self) -> Effect {
        // Sent again, it finds what it has taken, and says that it is unclear.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Free) -> &'static str {
        if matches!(output, Free::Granted { .. }) { "granted" } else { "busy" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Free> {
        let Self { lock, token, ttl } = self;
        let script = redis.script(&ACQUIRE_FREE).key(&fence(redis, lock)).key(lock).key(&given_up(lock));
        Free::parse(script.arg(token.as_str()).arg(ttl.as_millis()).invoke().await?.into_int()?)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Free> {
        let Self { lock, token, ttl } = self;
        let given_up = given_up(lock);
        memory.with(&[lock, &FENCE, &given_up], now, |tx| {
            if GivenUp::has(tx, &given_up, token) {
                return Ok(Free::Unclear);
            }
            if let Some(holder) = tx.get::<Holder>(lock) {
                let is_clear = holder.token != *token && tx.get::<GivenUp>(&given_up).is_none();
                let others = tx.expires_at(lock).filter(|_| is_clear);
                return Ok(others.map_or(Free::Unclear, |at| Free::Held { expires_in: at.since(now) }));
            }
            let fence = mint(tx)?;
            let holder = Holder { token: token.clone(), is_waited_for: false };
            tx.put(lock, holder, now.saturating_add(ttl.as_duration()))?;
            Ok(Free::Granted { fence })
        })
    }
}
