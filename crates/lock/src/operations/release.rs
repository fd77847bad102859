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
use redstart_keys::{Key, Ttl};

use super::{
    FENCE, GivenUp, Holder, Keys, Token, millis, mint,
    waiters::{Waiters, channels},
};
use crate::{Fence, Release};

static RELEASE: Script = Script::new(
    "lock.release",
    concat!(
        include_str!("clock.lua"),
        include_str!("waited_for.lua"),
        include_str!("line.lua"),
        include_str!("fence.lua"),
        include_str!("lives.lua"),
        include_str!("wake.lua"),
        include_str!("release.lua"),
    ),
);

/// For those who never got to know whether the lock was granted.
static WITHDRAW: Script = Script::new(
    "lock.withdraw",
    concat!(
        include_str!("clock.lua"),
        include_str!("waited_for.lua"),
        include_str!("line.lua"),
        include_str!("leave.lua"),
        include_str!("give_up.lua"),
        include_str!("withdraw.lua"),
        include_str!("fence.lua"),
        include_str!("lives.lua"),
        include_str!("wake.lua"),
        include_str!("release.lua"),
    ),
);

/// For how long a lock is handed on: its new holder prolongs it, unless it has died.
pub(crate) const HANDED: Duration = Duration::from_secs(3);

/// Gives a lock back, for its holder alone, and hands it to who waits for it first.
#[derive(Clone, Debug)]
pub struct GiveBack {
    keys: Keys,
    token: Token,
    was_granted: bool,
    asked_for: Duration,
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
    /// line, and if a question of it that is still on its way takes the lock, others find it free. For how long
    /// they do, [`GiveBack::asked_for`] says: without it, for a minute.
    #[must_use]
    pub fn new(lock: &Key, token: Token, fence: Option<Fence>) -> Self {
        let (was_granted, asked_for) = (fence.is_some(), Duration::ZERO);
        Self { keys: Keys::of(lock), token, was_granted, asked_for, was_sent: Arc::default() }
    }

    /// For how long the lock was asked for: for a minute more than that it is remembered that the token does not
    /// want it.
    #[must_use]
    pub const fn asked_for(mut self, ttl: Ttl) -> Self {
        self.asked_for = ttl.as_duration();
        self
    }
}

impl GivenBack {
    /// What came of it in one word, as in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self.release {
            Release::Released => "released",
            Release::Expired => "expired",
            Release::Taken => "taken",
        }
    }

    pub(crate) const fn nobody_waited(release: Release) -> Self {
        Self { release, next: None, was_repeated: false }
    }

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
        output.word()
    }

    async fn on_redis(&self, redis: &Redis) -> Result<GivenBack> {
        let was_repeated = self.was_sent.swap(true, Ordering::Relaxed);
        let script = if self.was_granted { &RELEASE } else { &WITHDRAW };
        let script = self.keys.script(redis, script).arg(self.token.as_str());
        let script = if self.was_granted { script } else { script.arg(millis(self.asked_for)) };
        let script = script.arg(channels(redis));
        Ok(GivenBack { was_repeated, ..GivenBack::parse(script.invoke().await?)? })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<GivenBack> {
        let Keys { lock } = &self.keys;
        let (given_up, queue) = (self.keys.given_up(), self.keys.queue());
        memory.with(&[lock, &FENCE, &given_up, &queue], now, |tx| {
            let holder = tx.get::<Holder>(lock);
            let release = match &holder {
                Some(holder) if holder.token == self.token => Release::Released,
                Some(_) => Release::Taken,
                None => Release::Expired,
            };
            if !self.was_granted {
                Waiters::new(tx, &queue).leave(&self.token)?;
                GivenUp::add(tx, &given_up, &self.token, self.asked_for)?;
            }
            let nobody = GivenBack::nobody_waited(release);
            if release == Release::Taken {
                return Ok(nobody);
            }
            let mut waiters = Waiters::new(tx, &queue);
            let Some(token) = waiters.first()? else {
                tx.remove(lock);
                return Ok(nobody);
            };
            waiters.leave(&token)?;
            tx.put(lock, Holder { token: token.clone(), is_waited_for: true }, now.saturating_add(HANDED))?;
            let fence = Some(mint(tx)?);
            Ok(GivenBack { next: Some(Next { token, fence }), ..nobody })
        })
    }
}
