use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::{Key, Ttl};

use super::{Held, Share, Shares};
use crate::operations::{
    Acquired, FENCE, GivenUp, Keys, Token, last_fence, mint,
    waiters::{Waiters, channels},
};

static ACQUIRE: Script = Script::new(
    "lock.acquire_share",
    concat!(
        include_str!("../clock.lua"),
        include_str!("../fence.lua"),
        include_str!("../line.lua"),
        include_str!("../line_up.lua"),
        include_str!("../lives.lua"),
        include_str!("../leave.lua"),
        include_str!("../first.lua"),
        include_str!("../wake.lua"),
        include_str!("last.lua"),
        include_str!("acquire.lua"),
    ),
);

/// Takes a share of a lock if there is one and nobody waits; the same token may ask again.
#[derive(Clone, Debug)]
pub struct AcquireShare {
    keys: Keys,
    share: Share,
    token: Token,
    ttl: Ttl,
    waits: bool,
}

impl AcquireShare {
    /// Takes a share of `lock` for `ttl`, in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, share: Share, token: Token, ttl: Ttl) -> Self {
        Self { keys: Keys::of(lock), share, token, ttl, waits: false }
    }

    /// Stands in line if there is none, to be woken when there may be.
    ///
    /// Who does not ask again within three seconds loses the place.
    #[must_use]
    pub const fn waiting(mut self) -> Self {
        self.waits = true;
        self
    }
}

impl Operation for AcquireShare {
    type Output = Acquired;
    const NAME: &'static str = "lock.acquire_share";

    fn effect(&self) -> Effect {
        // Whoever holds the share already gets it again, under a fence of its own.
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
            .arg(u64::from(self.waits))
            .arg(self.share.letter())
            .arg(u64::from(self.share.most()))
            .arg(channels(redis))
            .invoke()
            .await?;
        Acquired::parse(answer)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Acquired> {
        let Keys { lock } = &self.keys;
        let (given_up, queue) = (self.keys.given_up(), self.keys.queue());
        memory.with(&[lock, &FENCE, &given_up, &queue], now, |tx| {
            let mut shares = Shares::of(tx, lock);
            let last_fence = last_fence(tx);
            if shares.position(self.share, &self.token).is_none() {
                if GivenUp::has(tx, &given_up, &self.token) {
                    return Ok(Acquired::Busy { expires_in: None, last_fence });
                }
                let fits = self.share.fits(&shares.0);
                let mut waiters = Waiters::new(tx, &queue);
                let is_turn = waiters.first()?.is_none_or(|first| first == self.token);
                if !fits || !is_turn {
                    if self.waits {
                        waiters.line_up(&self.token)?;
                    }
                    let next_end = shares.next_end().filter(|_| !fits);
                    let expires_in = next_end.map(|end| end.since(now));
                    return Ok(Acquired::Busy { expires_in, last_fence });
                }
            }
            shares.0.retain(|held| held.letter != self.share.letter() || held.token != self.token);
            let ends = now.saturating_add(self.ttl.as_duration());
            shares.0.push(Held { letter: self.share.letter(), token: self.token.clone(), ends });
            let fence = mint(tx)?;
            shares.put(tx, lock)?;
            if self.waits {
                Waiters::new(tx, &queue).leave(&self.token)?;
            }
            Ok(Acquired::Granted { fence })
        })
    }
}
