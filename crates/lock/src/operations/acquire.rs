use std::time::Duration;

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Holder, Keys, LastFence, Token, expires_in};
use crate::Fence;

static ACQUIRE: Script = Script::new("lock.acquire", include_str!("acquire.lua"));

/// The fence key outlives its last use by a day, and its TTL is renewed once a day.
const FENCE_TTL: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Takes a lock if it is free; the same token may ask again.
#[derive(Clone, Debug)]
pub struct Acquire {
    keys: Keys,
    token: Token,
    ttl: Ttl,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Acquired {
    /// The lock is ours.
    Granted {
        /// Larger than every fence of this lock before.
        fence: Fence,
    },
    /// Another holds it.
    Busy {
        /// Until its lease ends, if nobody prolongs it; none if it never does.
        expires_in: Option<Duration>,
    },
}

impl Acquire {
    /// Takes `lock` for `ttl`, in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self { keys: Keys::of(lock), token, ttl }
    }

    fn fence_ttl(&self) -> Duration {
        FENCE_TTL.saturating_add(self.ttl.as_duration())
    }
}

impl Operation for Acquire {
    type Output = Acquired;
    const NAME: &'static str = "lock.acquire";

    fn effect(&self) -> Effect {
        // Whoever holds the token already gets the same fence again.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Acquired) -> &'static str {
        match output {
            Acquired::Granted { .. } => "granted",
            Acquired::Busy { .. } => "busy",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Acquired> {
        let fence_ttl = u64::try_from(self.fence_ttl().as_millis()).unwrap_or(u64::MAX);
        let answer = redis
            .script(&ACQUIRE)
            .key(&self.keys.lock)
            .key(&self.keys.fence)
            .arg(self.token.as_str())
            .arg(self.ttl.as_millis())
            .arg(fence_ttl)
            .invoke()
            .await?;
        let [granted, number] = <[_; 2]>::try_from(answer.into_array()?)
            .map_err(|_| Error::protocol("expected two numbers from a lock"))?;
        let number = number.into_int()?;
        Ok(match granted.into_int()? {
            0 => Acquired::Busy { expires_in: expires_in(number) },
            _ => Acquired::Granted { fence: Fence::parse(number)? },
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Acquired> {
        let Keys { lock, fence } = &self.keys;
        memory.with(&[lock, fence], now, |tx| {
            let holder = tx.get::<Holder>(lock);
            if holder.as_ref().is_some_and(|holder| holder.0 != self.token) {
                return Ok(Acquired::Busy { expires_in: tx.expires_at(lock).map(|at| at.since(now)) });
            }
            let last = tx.get::<LastFence>(fence).map(|last| last.0);
            tx.put(lock, Holder(self.token.clone()), now.saturating_add(self.ttl.as_duration()))?;
            if let (Some(_), Some(last)) = (holder, last) {
                return Ok(Acquired::Granted { fence: Fence::new(last) });
            }
            let minted = last.unwrap_or(0).saturating_add(1).max(now.as_micros());
            if let Err(full) = tx.put(fence, LastFence(minted), now.saturating_add(self.fence_ttl())) {
                tx.remove(lock);
                return Err(full);
            }
            Ok(Acquired::Granted { fence: Fence::new(minted) })
        })
    }
}
