use std::time::Duration;

use futures_util::future::try_join_all;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{FENCE, GivenUp, Holder, MOST, Token, each, expires_in, fence, given_up, mint};
use crate::Fence;

static ACQUIRE_FREE: Script = Script::new(
    "lock.acquire_free",
    concat!(
        include_str!("acquire_one.lua"),
        include_str!("clock.lua"),
        include_str!("waited_for.lua"),
        include_str!("fence.lua"),
        include_str!("acquire_free.lua"),
    ),
);

/// Takes locks that nobody holds, and stands in no line.
///
/// Each is a step of its own; they only share the way. It costs the server less than half of what
/// [`Acquire`](super::Acquire) does, which is for what this leaves unclear. Nobody who waits goes before, so it is
/// not for fair requests, nor for a token that stands in line.
#[derive(Clone, Debug, Default)]
pub struct AcquireFree {
    asks: Vec<(Key, Token, Ttl)>,
}

/// What came of it for one lock.
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
    /// It has to be asked for with [`Acquire`](super::Acquire): it may be ours already, or somebody gave it up a
    /// moment ago.
    Unclear,
}

impl AcquireFree {
    /// Takes `lock` for `ttl`, in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self::default().and(lock, token, ttl)
    }

    /// The same for another lock.
    #[must_use]
    pub fn and(self, lock: &Key, token: Token, ttl: Ttl) -> Self {
        self.with((lock.clone(), token, ttl))
    }

    pub(crate) fn with(mut self, ask: (Key, Token, Ttl)) -> Self {
        self.asks.push(ask);
        self
    }
}

impl Operation for AcquireFree {
    /// One answer for each lock, in order.
    type Output = Vec<Free>;
    const NAME: &'static str = "lock.acquire_free";

    fn effect(&self) -> Effect {
        // Sent again, it finds what it has taken, and says that it is unclear.
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
        let take = |(lock, token, ttl): &(Key, Token, Ttl)| {
            let given_up = given_up(lock);
            memory.with(&[lock, &FENCE, &given_up], now, |tx| {
                if tx.get::<GivenUp>(&given_up).is_some() {
                    return Ok(Free::Unclear);
                }
                if let Some(holder) = tx.get::<Holder>(lock) {
                    let others = tx.expires_at(lock).filter(|_| holder.token != *token);
                    return Ok(others.map_or(Free::Unclear, |at| Free::Held { expires_in: at.since(now) }));
                }
                let fence = mint(tx)?;
                let holder = Holder { token: token.clone(), is_waited_for: false };
                tx.put(lock, holder, now.saturating_add(ttl.as_duration()))?;
                Ok(Free::Granted { fence })
            })
        };
        self.asks.iter().map(take).collect()
    }
}

async fn take(redis: &Redis, asks: &[(Key, Token, Ttl)]) -> Result<Vec<Free>> {
    let Some((first, ..)) = asks.first() else { return Ok(Vec::new()) };
    let mut script = redis.script(&ACQUIRE_FREE).key(&fence(redis, first));
    for (lock, ..) in asks {
        script = script.key(lock).key(&given_up(lock));
    }
    for (_, token, ttl) in asks {
        script = script.arg(token.as_str()).arg(ttl.as_millis());
    }
    each(script.invoke().await?, asks.len())?.into_iter().map(parse).collect()
}

fn parse(outcome: i64) -> Result<Free> {
    if 0 < outcome {
        return Ok(Free::Granted { fence: Fence::parse(outcome)? });
    }
    let left = expires_in(outcome.saturating_neg()).filter(|left| !left.is_zero());
    Ok(left.map_or(Free::Unclear, |expires_in| Free::Held { expires_in }))
}
