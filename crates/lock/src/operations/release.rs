use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Holder, Keys, LastFence, Token};
use crate::{Fence, Release};

static RELEASE: Script = Script::new("lock.release", include_str!("release.lua"));

/// Gives a lock back, for its holder alone; sent again, it answers the same.
#[derive(Clone, Debug)]
pub struct GiveBack {
    keys: Keys,
    token: Token,
    fence: Option<Fence>,
}

impl GiveBack {
    /// Gives `lock` back in the name of `token`, which was granted `fence`, if it got to know that.
    #[must_use]
    pub fn new(lock: &Key, token: Token, fence: Option<Fence>) -> Self {
        Self { keys: Keys::of(lock), token, fence }
    }
}

impl Operation for GiveBack {
    type Output = Release;
    const NAME: &'static str = "lock.release";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Release) -> &'static str {
        match output {
            Release::Released => "released",
            Release::Expired => "expired",
            Release::Taken => "taken",
        }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Release> {
        let script =
            redis.script(&RELEASE).key(&self.keys.lock).key(&self.keys.fence).arg(self.token.as_str());
        let script = match self.fence {
            Some(fence) => script.arg(fence.get()),
            None => script.arg(""),
        };
        Ok(match script.invoke().await?.into_int()? {
            1 => Release::Released,
            0 => Release::Expired,
            _ => Release::Taken,
        })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Release> {
        let Keys { lock, fence } = &self.keys;
        memory.with(&[lock, fence], now, |tx| {
            let mark = self.fence.map(|fence| fence.get().saturating_add(1));
            match tx.get::<Holder>(lock) {
                Some(holder) if holder.0 == self.token => {
                    tx.remove(lock);
                    if let (Some(mark), Some(expires_at)) = (mark, tx.expires_at(fence)) {
                        tx.put(fence, LastFence(mark), expires_at)?;
                    }
                    Ok(Release::Released)
                }
                Some(_) => Ok(Release::Taken),
                None => {
                    let is_marked = mark.is_some() && tx.get::<LastFence>(fence).map(|last| last.0) == mark;
                    Ok(if is_marked { Release::Released } else { Release::Expired })
                }
            }
        })
    }
}
