use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Holder, Token};

static RELEASE_UNWAITED: Script = Script::lean("lock.release_unwaited", include_str!("release_unwaited.lua"));

/// Gives a lock back for which nobody waits, for its holder alone.
///
/// It costs the server a fraction of what [`GiveBack`](super::GiveBack) does, which is for what this leaves
/// unclear.
#[derive(Debug)]
pub struct GiveBackUnwaited {
    pub(super) lock: Arc<Key>,
    pub(super) token: Token,
    was_sent: AtomicBool,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Unwaited {
    /// It was held to the end, and is free now.
    Released,
    /// It has to be given back with [`GiveBack`](super::GiveBack): somebody waits for it, or it had ended.
    Unclear {
        /// Whether this was sent again because the first answer was lost: then that it ended may be the doing of
        /// the first.
        was_repeated: bool,
    },
}

impl GiveBackUnwaited {
    /// Gives `lock` back in the name of `token`.
    #[must_use]
    pub fn new(lock: &Key, token: Token) -> Self {
        Self::shared(Arc::new(lock.clone()), token)
    }

    pub(crate) const fn shared(lock: Arc<Key>, token: Token) -> Self {
        Self { lock, token, was_sent: AtomicBool::new(false) }
    }
}

impl Operation for GiveBackUnwaited {
    type Output = Unwaited;
    const NAME: &'static str = "lock.release_unwaited";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Unwaited) -> &'static str {
        if *output == Unwaited::Released { "released" } else { "unclear" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Unwaited> {
        let was_repeated = self.was_sent.swap(true, Ordering::Relaxed);
        let script = redis.script(&RELEASE_UNWAITED).key(&self.lock).arg(self.token.as_str());
        let is_released = script.invoke().await?.into_int()? == 1;
        Ok(if is_released { Unwaited::Released } else { Unwaited::Unclear { was_repeated } })
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Unwaited> {
        let Self { lock, token, .. } = self;
        Ok(memory.with(&[lock], now, |tx| {
            let is_unwaited = |holder: &Holder| holder.token == *token && !holder.is_waited_for;
            if !tx.get::<Holder>(lock).is_some_and(|holder| is_unwaited(&holder)) {
                return Unwaited::Unclear { was_repeated: false };
            }
            tx.remove(lock);
            Unwaited::Released
        }))
    }
}
