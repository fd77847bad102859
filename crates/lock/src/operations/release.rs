use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::Key;

use super::{
    Holder, Keys, LastFence, Token, UNDER_WAY, Unwanted, millis,
    waiters::{self, Waiters, channels},
};
use crate::{Fence, Release};

static RELEASE: Script =
    Script::new("lock.release", concat!(include_str!("queue.lua"), include_str!("release.lua")));

/// Gives a lock back, for its holder alone; sent again, it answers the same.
#[derive(Clone, Debug)]
pub struct GiveBack {
    keys: Keys,
    token: Token,
    fence: Option<Fence>,
}

/// What became of a lock that was given back, and who may have it next.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct GivenBack {
    /// What became of it.
    pub release: Release,
    /// The first who waits for it, and was told.
    pub next: Option<Token>,
}

impl GiveBack {
    /// Gives `lock` back in the name of `token`, which was granted `fence`.
    ///
    /// Without a fence, because the answer never came or waiting was given up, the token also leaves the
    /// line, and a question of it that is still on its way will not take the lock.
    #[must_use]
    pub fn new(lock: &Key, token: Token, fence: Option<Fence>) -> Self {
        Self { keys: Keys::of(lock), token, fence }
    }
}

impl GivenBack {
    /// Reads what the scripts answer.
    pub(super) fn parse(answer: Value) -> Result<Self> {
        let [release, next] = <[_; 2]>::try_from(answer.into_array()?)
            .map_err(|_| Error::protocol("expected an outcome and a token from a release"))?;
        let release = match release.into_int()? {
            1 => Release::Released,
            0 => Release::Expired,
            _ => Release::Taken,
        };
        Ok(Self { release, next: waiters::parse(next)? })
    }
}

impl Operation for GiveBack {
    type Output = GivenBack;
    const NAME: &'static str = "lock.release";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &GivenBack) -> &'static str {
        match output.release {
            Release::Released => "released",
            Release::Expired => "expired",
            Release::Taken => "taken",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<GivenBack> {
        let script = redis
            .script(&RELEASE)
            .key(&self.keys.lock)
            .key(&self.keys.fence)
            .key(&self.keys.unwanted)
            .key(&self.keys.queue)
            .key(&self.keys.seen)
            .arg(self.token.as_str());
        let script = match self.fence {
            Some(fence) => script.arg(fence.get()),
            None => script.arg(""),
        };
        GivenBack::parse(script.arg(millis(UNDER_WAY)).arg(channels(redis)).invoke().await?)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<GivenBack> {
        let Keys { lock, fence, unwanted, queue, .. } = &self.keys;
        memory.with(&[lock, fence, unwanted, queue], now, |tx| {
            let last = tx.get::<LastFence>(fence).map(|last| last.0);
            let mark = self.fence.map(|fence| fence.get().saturating_add(1));
            let release = match tx.get::<Holder>(lock) {
                Some(holder) if holder.0 == self.token => {
                    tx.remove(lock);
                    let is_last = self.fence.map(Fence::get) == last;
                    if let (Some(mark), Some(expires_at), true) = (mark, tx.expires_at(fence), is_last) {
                        tx.put(fence, LastFence(mark), expires_at)?;
                    }
                    Release::Released
                }
                Some(_) => Release::Taken,
                None if mark.is_some() && mark == last => Release::Released,
                None => Release::Expired,
            };
            if self.fence.is_none() {
                Waiters::new(tx, queue).leave(&self.token)?;
                Unwanted::add(tx, unwanted, &self.token)?;
            }
            let next = match release {
                Release::Taken => None,
                Release::Released | Release::Expired => Waiters::new(tx, queue).first()?,
            };
            Ok(GivenBack { release, next })
        })
    }
}
