use std::time::Duration;

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Share, Shares};
use crate::{
    Fence, Release,
    operations::{
        GivenBack, GivenUp, Keys, Next, Token,
        waiters::{Waiters, channels},
    },
};

static RELEASE: Script = Script::new(
    "lock.release_share",
    concat!(
        include_str!("../clock.lua"),
        include_str!("../line.lua"),
        include_str!("../lives.lua"),
        include_str!("../leave.lua"),
        include_str!("../first.lua"),
        include_str!("../give_up.lua"),
        include_str!("../wake.lua"),
        include_str!("release.lua"),
    ),
);

/// Gives a share back; sent again, it answers the same.
#[derive(Clone, Debug)]
pub struct GiveBackShare {
    keys: Keys,
    share: Share,
    token: Token,
    is_granted: bool,
}

impl GiveBackShare {
    /// Gives a share of `lock` back in the name of `token`, which was granted `fence`.
    ///
    /// Without a fence, because the answer never came or waiting was given up, the token also leaves the
    /// line, and a question of it that is still on its way gets nothing.
    #[must_use]
    pub fn new(lock: &Key, share: Share, token: Token, fence: Option<Fence>) -> Self {
        Self { keys: Keys::of(lock), share, token, is_granted: fence.is_some() }
    }
}

impl Operation for GiveBackShare {
    type Output = GivenBack;
    const NAME: &'static str = "lock.release_share";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &GivenBack) -> &'static str {
        output.word()
    }

    async fn on_redis(&self, redis: &Redis) -> Result<GivenBack> {
        let script = self.keys.script(redis, &RELEASE).arg(self.token.as_str()).arg(self.share.letter());
        let script = script.arg(u64::from(self.is_granted)).arg(channels(redis));
        GivenBack::parse(script.invoke().await?)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<GivenBack> {
        let Keys { lock } = &self.keys;
        let (given_up, queue) = (self.keys.given_up(), self.keys.queue());
        memory.with(&[lock, &given_up, &queue], now, |tx| {
            let mut shares = Shares::of(tx, lock);
            let held = shares.position(self.share, &self.token);
            if let Some(place) = held {
                shares.0.remove(place);
                shares.put(tx, lock)?;
            }
            let is_known = GivenUp::has(tx, &given_up, &self.token);
            if !is_known {
                if held.is_some() || !self.is_granted {
                    GivenUp::add(tx, &given_up, &self.token, Duration::ZERO)?;
                }
                if !self.is_granted {
                    Waiters::new(tx, &queue).leave(&self.token)?;
                }
            }
            let release = if held.is_some() || is_known { Release::Released } else { Release::Expired };
            let next = Waiters::new(tx, &queue).first()?.map(|token| Next { token, fence: None });
            Ok(GivenBack { release, next, was_repeated: false })
        })
    }
}
