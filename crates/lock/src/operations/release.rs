use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redstart_connection::{
    Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Value,
};
use redstart_keys::Key;

use super::{
    GivenUp, Holder, Keys, LastFence, Token, mint,
    waiters::{Waiters, channels},
};
use crate::{Fence, Release};

static RELEASE: Script = Script::new(
    "lock.release",
    concat!(
        include_str!("release_unwaited.lua"),
        include_str!("clock.lua"),
        include_str!("fence.lua"),
        include_str!("queue.lua"),
        include_str!("release.lua"),
    ),
);

/// For how long a lock is handed on: its new holder prolongs it, unless it has died.
pub(crate) const HANDED: Duration = Duration::from_secs(3);

/// Gives a lock back, for its holder alone; sent again, it answers the same.
#[derive(Clone, Debug)]
pub struct GiveBack {
    keys: Keys,
    token: Token,
    fence: Option<Fence>,
    was_sent: Arc<AtomicBool>,
}

/// What became of a lock that was given back, and who may have it next.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct GivenBack {
    /// What became of it.
    pub release: Release,
    /// The first who waits for it, and was told.
    pub next: Option<Next>,
    /// Whether it was sent again because the first answer was lost: if the lock is gone or another's by then,
    /// that may be the doing of the first.
    pub was_repeated: bool,
}

/// Who may have a lock next.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Next {
    /// Who.
    pub token: Token,
    /// The fence under which the lock was handed on, for three seconds; none if it has to be asked for.
    pub fence: Option<Fence>,
}

impl Next {
    /// Reads what a process is told: a fence, or 0, and a token.
    pub(crate) fn parse(message: &str) -> Option<Self> {
        let (fence, token) = message.split_once(' ')?;
        let fence = Some(Fence::new(fence.parse().ok()?)).filter(|fence| 0 < fence.get());
        Some(Self { token: Token::new(token), fence })
    }
}

impl GiveBack {
    /// Gives `lock` back in the name of `token`, which was granted `fence`.
    ///
    /// Without a fence, because the answer never came or waiting was given up, the token also leaves the
    /// line, and a question of it that is still on its way will not take the lock.
    #[must_use]
    pub fn new(lock: &Key, token: Token, fence: Option<Fence>) -> Self {
        Self { keys: Keys::of(lock), token, fence, was_sent: Arc::default() }
    }
}

impl GivenBack {
    /// Reads what the scripts answer.
    pub(super) fn parse(answer: Value) -> Result<Self> {
        let (outcome, next) = match answer {
            Value::Int(outcome) => (outcome, None),
            answer => {
                let [outcome, token, fence] = <[_; 3]>::try_from(answer.into_array()?).map_err(|_| {
                    Error::protocol("expected an outcome, a token and a fence from a release")
                })?;
                let fence = Some(Fence::parse(fence.into_int()?)?).filter(|fence| 0 < fence.get());
                (outcome.into_int()?, Some(Next { token: Token::new(&token.into_text()?), fence }))
            }
        };
        let release = match outcome {
            1 => Release::Released,
            0 => Release::Expired,
            _ => Release::Taken,
        };
        Ok(Self { release, next, was_repeated: false })
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
        let Keys { lock, fence, given_up, queue, seen } = &self.keys;
        let script = redis.script(&RELEASE).key(lock).key(fence).key(given_up).key(queue).key(seen);
        let script = script.arg(self.token.as_str());
        let script = match self.fence {
            Some(fence) => script.arg(fence.get()),
            None => script.arg(""),
        };
        let was_repeated = self.was_sent.swap(true, Ordering::Relaxed);
        let given_back = GivenBack::parse(script.arg(channels(redis)).invoke().await?)?;
        Ok(GivenBack { was_repeated, ..given_back })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<GivenBack> {
        let Keys { lock, fence, given_up, queue, .. } = &self.keys;
        memory.with(&[lock, fence, given_up, queue], now, |tx| {
            let last = tx.get::<LastFence>(fence).map(|last| last.0);
            let mark = self.fence.map(|fence| fence.get().saturating_add(1));
            let holder = tx.get::<Holder>(lock).map(|holder| holder.0.clone());
            let is_ours = holder.as_ref() == Some(&self.token);
            let release = match &holder {
                _ if is_ours => Release::Released,
                Some(_) => Release::Taken,
                None if mark.is_some() && mark == last => Release::Released,
                None => Release::Expired,
            };
            if is_ours {
                tx.remove(lock);
            }
            if self.fence.is_none() {
                Waiters::new(tx, queue).leave(&self.token)?;
                GivenUp::add(tx, given_up, &self.token)?;
            }
            if holder.is_some() && !is_ours {
                return Ok(GivenBack { release, next: None, was_repeated: false });
            }
            let Some(token) = Waiters::new(tx, queue).first()? else {
                let is_last = last.is_some() && self.fence.map(Fence::get) == last;
                if let (Some(mark), Some(expires_at), true) = (mark, tx.expires_at(fence), is_ours && is_last)
                {
                    tx.put(fence, LastFence(mark), expires_at)?;
                }
                return Ok(GivenBack { release, next: None, was_repeated: false });
            };
            Waiters::new(tx, queue).leave(&token)?;
            tx.put(lock, Holder(token.clone()), now.saturating_add(HANDED))?;
            let minted = mint(tx, fence, HANDED)?;
            let next = Some(Next { token, fence: Some(minted) });
            Ok(GivenBack { release, next, was_repeated: false })
        })
    }
}
