use std::time::Duration;

use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::{Key, Ttl};

use super::{
    GivenUp, Holder, Keys, LastFence, Token, expires_in, mint,
    waiters::{Waiters, channels},
};
use crate::Fence;

static ACQUIRE: Script = Script::new(
    "lock.acquire",
    concat!(
        include_str!("clock.lua"),
        include_str!("fence.lua"),
        include_str!("acquire_free.lua"),
        include_str!("queue.lua"),
        include_str!("acquire.lua"),
    ),
);

/// Takes a lock if it is free; the same token may ask again.
#[derive(Clone, Debug)]
pub struct Acquire {
    keys: Keys,
    token: Token,
    ttl: Ttl,
    waits: bool,
    is_fair: bool,
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
        /// Until its lease ends, if nobody prolongs it; none if nobody knows.
        expires_in: Option<Duration>,
        /// The last fence that was minted; none if nobody knows, and for shares.
        last_fence: Option<Fence>,
    },
}

impl Acquire {
    /// Takes `lock` for `ttl`, in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self { keys: Keys::of(lock), token, ttl, waits: false, is_fair: false }
    }

    /// Stands in line if the lock is not to be had, to be woken when it may be.
    ///
    /// Who does not ask again within three seconds loses the place.
    #[must_use]
    pub const fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Leaves a free lock to those who came first.
    #[must_use]
    pub const fn fair(mut self) -> Self {
        self.is_fair = true;
        self
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
        let answer = redis
            .script(&ACQUIRE)
            .key(&self.keys.lock)
            .key(&self.keys.fence)
            .key(&self.keys.given_up)
            .key(&self.keys.queue)
            .key(&self.keys.seen)
            .arg(self.token.as_str())
            .arg(self.ttl.as_millis())
            .arg(u64::from(self.waits))
            .arg(u64::from(self.is_fair))
            .arg(channels(redis))
            .invoke()
            .await?;
        Acquired::parse(answer)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Acquired> {
        let Keys { lock, fence, given_up, queue, .. } = &self.keys;
        memory.with(&[lock, fence, given_up, queue], now, |tx| {
            let holder = tx.get::<Holder>(lock).map(|holder| holder.0.clone());
            let last_fence = tx.get::<LastFence>(fence).map(|last| Fence::new(last.0));
            let busy = Acquired::Busy { expires_in: None, last_fence };
            if holder.as_ref() != Some(&self.token) {
                if GivenUp::has(tx, given_up, &self.token) {
                    return Ok(busy);
                }
                if holder.is_some() {
                    let expires_in = tx.expires_at(lock).map(|at| at.since(now));
                    self.line_up(&mut Waiters::new(tx, queue))?;
                    return Ok(Acquired::Busy { expires_in, last_fence });
                }
                let mut waiters = Waiters::new(tx, queue);
                if self.is_fair && waiters.first()?.is_some_and(|first| first != self.token) {
                    self.line_up(&mut waiters)?;
                    return Ok(busy);
                }
            }
            tx.put(lock, Holder(self.token.clone()), now.saturating_add(self.ttl.as_duration()))?;
            if self.waits {
                Waiters::new(tx, queue).leave(&self.token)?;
            }
            if let (Some(_), Some(fence)) = (holder, last_fence) {
                return Ok(Acquired::Granted { fence });
            }
            match mint(tx, fence, self.ttl.as_duration()) {
                Ok(fence) => Ok(Acquired::Granted { fence }),
                Err(full) => {
                    tx.remove(lock);
                    Err(full)
                }
            }
        })
    }
}

impl Acquired {
    /// Reads what the scripts answer.
    pub(super) fn parse(answer: Value) -> Result<Self> {
        if let Value::Int(fence) = answer {
            return Ok(Self::Granted { fence: Fence::parse(fence)? });
        }
        let [left, last] = <[_; 2]>::try_from(answer.into_array()?)
            .map_err(|_| Error::protocol("expected a time and a fence from a lock"))?;
        let last_fence = Some(Fence::parse(last.into_int()?)?).filter(|last| 0 < last.get());
        Ok(Self::Busy { expires_in: expires_in(left.into_int()?), last_fence })
    }
}

impl Acquire {
    fn line_up(&self, waiters: &mut Waiters<'_, '_, '_>) -> Result<()> {
        if self.waits { waiters.line_up(&self.token) } else { Ok(()) }
    }
}
