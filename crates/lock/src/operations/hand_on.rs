use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{FENCE, GivenUp, Holder, Token, fence, given_up, mint};
use crate::Fence;

static HAND_ON: Script = Script::lean(
    "lock.hand_on",
    concat!(
        include_str!("waited_for.lua"),
        include_str!("hand_on.lua"),
        include_str!("clock.lua"),
        include_str!("fence.lua"),
        include_str!("hand_on_behind.lua"),
    ),
);

/// Hands a lock on to another token of the same process, if nobody else waits for it: giving it back and taking it in
/// one step.
#[derive(Clone, Debug)]
pub struct HandOn {
    lock: Key,
    token: Token,
    next: Token,
    ttl: Ttl,
    was_sent: Arc<AtomicBool>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum HandedOn {
    /// The lock is the other's.
    Granted {
        /// Larger than every fence of this lock before.
        fence: Fence,
    },
    /// It has to be given back with [`GiveBack`](super::GiveBack): somebody else waits for it, it had ended, or the
    /// next one gave it up.
    Unclear {
        /// Whether this was sent again because the first answer was lost: then that it ended may be the doing of
        /// the first.
        was_repeated: bool,
    },
}

impl HandOn {
    /// Hands `lock` on from `token` to `next`, who has it for `ttl`.
    #[must_use]
    pub fn new(lock: &Key, token: Token, next: Token, ttl: Ttl) -> Self {
        Self { lock: lock.clone(), token, next, ttl, was_sent: Arc::default() }
    }
}

impl Operation for HandOn {
    type Output = HandedOn;
    const NAME: &'static str = "lock.hand_on";

    fn effect(&self) -> Effect {
        // Sent again, it finds what it has done, and mints a fence that is as good.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &HandedOn) -> &'static str {
        match output {
            HandedOn::Granted { .. } => "granted",
            HandedOn::Unclear { .. } => "unclear",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<HandedOn> {
        let was_repeated = self.was_sent.swap(true, Ordering::Relaxed);
        let script = redis.script(&HAND_ON).key(&self.lock).key(&fence(redis, &self.lock));
        let script = script.key(&given_up(&self.lock)).arg(self.token.as_str()).arg(self.next.as_str());
        Ok(match script.arg(self.ttl.as_millis()).invoke().await?.into_int()? {
            0 => HandedOn::Unclear { was_repeated },
            fence => HandedOn::Granted { fence: Fence::parse(fence)? },
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<HandedOn> {
        let given_up = given_up(&self.lock);
        memory.with(&[&self.lock, &FENCE, &given_up], now, |tx| {
            let holder = tx.get::<Holder>(&self.lock);
            let is_unwaited = |holder: &Holder| holder.token == self.token && !holder.is_waited_for;
            let is_wanted = !GivenUp::has(tx, &given_up, &self.next);
            if holder.as_ref().is_some_and(|holder| is_unwaited(holder)) && is_wanted {
                let fence = mint(tx)?;
                let next = Holder { token: self.next.clone(), is_waited_for: false };
                tx.put(&self.lock, next, now.saturating_add(self.ttl.as_duration()))?;
                return Ok(HandedOn::Granted { fence });
            }
            if holder.is_some_and(|holder| holder.token == self.next) {
                return Ok(HandedOn::Granted { fence: mint(tx)? });
            }
            Ok(HandedOn::Unclear { was_repeated: false })
        })
    }
}
