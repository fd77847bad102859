use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures_util::future::try_join_all;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{Holder, MOST, Token, each};

static RELEASE_UNWAITED: Script = Script::new("lock.release_unwaited", include_str!("release_unwaited.lua"));

/// Gives locks back for which nobody waits, each for its holder alone.
///
/// Each is a step of its own; they only share the way. It costs the server a fraction of what
/// [`GiveBack`](super::GiveBack) does, which is for what this leaves unclear.
#[derive(Clone, Debug, Default)]
pub struct GiveBackUnwaited {
    held: Vec<(Key, Token)>,
    was_sent: Arc<AtomicBool>,
}

/// What came of it for one lock.
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
        Self::default().and(lock, token)
    }

    /// The same for another lock.
    #[must_use]
    pub fn and(self, lock: &Key, token: Token) -> Self {
        self.with((lock.clone(), token))
    }

    pub(crate) fn with(mut self, held: (Key, Token)) -> Self {
        self.held.push(held);
        self
    }
}

impl Operation for GiveBackUnwaited {
    /// One answer for each lock, in order.
    type Output = Vec<Unwaited>;
    const NAME: &'static str = "lock.release_unwaited";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Unwaited>) -> &'static str {
        if output.iter().all(|one| *one == Unwaited::Released) { "released" } else { "unclear" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Unwaited>> {
        let was_repeated = self.was_sent.swap(true, Ordering::Relaxed);
        let locks: Vec<&Key> = self.held.iter().map(|(lock, _)| lock).collect();
        let groups = redis.groups(&locks);
        let groups: Vec<&[usize]> = groups.iter().flat_map(|group| group.chunks(MOST)).collect();
        let answers = try_join_all(groups.iter().map(|group| self.group(redis, group))).await?;
        let mut outcomes = vec![Unwaited::Unclear { was_repeated }; self.held.len()];
        for (&index, is_released) in groups.into_iter().flatten().zip(answers.into_iter().flatten()) {
            if is_released {
                outcomes[index] = Unwaited::Released;
            }
        }
        Ok(outcomes)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Unwaited>> {
        let give_back = |(lock, token): &(Key, Token)| {
            memory.with(&[lock], now, |tx| {
                let is_unwaited = |holder: &Holder| holder.token == *token && !holder.is_waited_for;
                if !tx.get::<Holder>(lock).is_some_and(|holder| is_unwaited(&holder)) {
                    return Unwaited::Unclear { was_repeated: false };
                }
                tx.remove(lock);
                Unwaited::Released
            })
        };
        Ok(self.held.iter().map(give_back).collect())
    }
}

impl GiveBackUnwaited {
    /// Asks for the locks of one server; answers which of them were given back.
    async fn group(&self, redis: &Redis, group: &[usize]) -> Result<Vec<bool>> {
        let mut script = redis.script(&RELEASE_UNWAITED);
        for &index in group {
            script = script.key(&self.held[index].0);
        }
        for &index in group {
            script = script.arg(self.held[index].1.as_str());
        }
        let answers = each(script.invoke().await?, group.len())?;
        Ok(answers.into_iter().map(|answer| answer == 1).collect())
    }
}
