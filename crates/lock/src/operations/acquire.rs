use std::time::Duration;

use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::{Key, Ttl};

use super::{
    FENCE, GivenUp, Holder, Keys, Token, expires_in, hold, last_fence, mint,
    waiters::{Waiters, channels},
};
use crate::Fence;

static ACQUIRE: Script = Script::new(
    "lock.acquire",
    concat!(
        include_str!("clock.lua"),
        include_str!("waited_for.lua"),
        include_str!("line.lua"),
        include_str!("line_up.lua"),
        include_str!("acquire_held.lua"),
        include_str!("fence.lua"),
        include_str!("lives.lua"),
        include_str!("leave.lua"),
        include_str!("first.lua"),
        include_str!("wake.lua"),
        include_str!("acquire.lua"),
    ),
);

/// Takes a lock if it is free, or stands in line for it; the same token may ask again.
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
        /// The last fence that was minted; none if nobody knows.
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

impl Acquire {
    /// What the script is told of it.
    const fn wish(&self) -> &'static str {
        match (self.waits, self.is_fair) {
            (true, true) => "wf",
            (true, false) => "w",
            (false, true) => "f",
            (false, false) => "",
        }
    }
}

impl Operation for Acquire {
    type Output = Acquired;
    const NAME: &'static str = "lock.acquire";

    fn effect(&self) -> Effect {
        // Whoever holds the lock already gets a fence that is as good.
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Acquired) -> &'static str {
        output.word()
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Acquired> {
        let answer = self
            .keys
            .script(redis, &ACQUIRE)
            .arg(self.token.as_str())
            .arg(self.ttl.as_millis())
            .arg(self.wish())
            .arg(channels(redis))
            .invoke()
            .await?;
        Acquired::parse(answer)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Acquired> {
        let Keys { lock } = &self.keys;
        let (given_up, queue) = (self.keys.given_up(), self.keys.queue());
        memory.with(&[lock, &FENCE, &given_up, &queue], now, |tx| {
            let holder = tx.get::<Holder>(lock).filter(|holder| !GivenUp::has(tx, &given_up, &holder.token));
            let last_fence = last_fence(tx);
            let busy = Acquired::Busy { expires_in: None, last_fence };
            let is_ours = holder.as_ref().is_some_and(|holder| holder.token == self.token);
            let is_given_up = GivenUp::has(tx, &given_up, &self.token);
            if let Some(holder) = holder.filter(|_| !is_ours) {
                let expires_at = tx.expires_at(lock);
                if let (true, Some(expires_at)) = (self.waits && !is_given_up, expires_at) {
                    Waiters::new(tx, &queue).line_up(&self.token)?;
                    tx.put(lock, Holder { is_waited_for: true, ..(*holder).clone() }, expires_at)?;
                }
                return Ok(Acquired::Busy { expires_in: expires_at.map(|at| at.since(now)), last_fence });
            }
            if !is_ours {
                if is_given_up {
                    return Ok(busy);
                }
                let mut waiters = Waiters::new(tx, &queue);
                if self.is_fair && waiters.first()?.is_some_and(|first| first != self.token) {
                    if self.waits {
                        waiters.line_up(&self.token)?;
                    }
                    return Ok(busy);
                }
            }
            if self.waits {
                Waiters::new(tx, &queue).leave(&self.token)?;
            }
            hold(tx, &self.keys, &self.token, self.ttl.as_duration())?;
            match mint(tx) {
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
    /// What came of it in one word, as in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Granted { .. } => "granted",
            Self::Busy { .. } => "busy",
        }
    }

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
