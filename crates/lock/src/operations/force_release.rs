use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{
    GivenUp, Holder, Keys, Token,
    waiters::{self, Waiters, channels},
};

static FORCE_RELEASE: Script = Script::new(
    "lock.force_release",
    concat!(
        include_str!("clock.lua"),
        include_str!("line.lua"),
        include_str!("lives.lua"),
        include_str!("leave.lua"),
        include_str!("first.lua"),
        include_str!("wake.lua"),
        include_str!("force_release.lua"),
    ),
);

/// Takes a lock from whoever holds it.
#[derive(Clone, Debug)]
pub struct ForceRelease(Keys);

/// From whom a lock was taken, and who may have it next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Forced {
    /// Who held it; none if nobody did.
    pub holder: Option<Token>,
    /// The first who waits for it, and was told.
    pub next: Option<Token>,
}

impl ForceRelease {
    /// Frees `lock`.
    #[must_use]
    pub fn new(lock: &Key) -> Self {
        Self(Keys::of(lock))
    }
}

impl Operation for ForceRelease {
    type Output = Forced;
    const NAME: &'static str = "lock.force_release";

    fn effect(&self) -> Effect {
        // Sent again, it could take the lock from the next holder.
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Forced) -> &'static str {
        if output.holder.is_some() { "released" } else { "free" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Forced> {
        let script = self.0.script(redis, &FORCE_RELEASE).arg(channels(redis));
        let answer = script.invoke().await?.into_array()?;
        let [holder, next] =
            <[_; 2]>::try_from(answer).map_err(|_| Error::protocol("expected two tokens from a lock"))?;
        Ok(Forced { holder: waiters::parse(holder)?, next: waiters::parse(next)? })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Forced> {
        let (lock, given_up, queue) = (&self.0.lock, self.0.given_up(), self.0.queue());
        memory.with(&[lock, &given_up, &queue], now, |tx| {
            let Some(holder) = tx.get::<Holder>(lock) else { return Ok(Forced::default()) };
            tx.remove(lock);
            let is_held = !GivenUp::has(tx, &given_up, &holder.token);
            let next = Waiters::new(tx, &queue).first()?;
            Ok(Forced { holder: is_held.then(|| holder.token.clone()), next })
        })
    }
}
