use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::try_join_all;
use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Key;

use super::{GiveBackUnwaited, MOST, Unwaited, each};

static RELEASE_MANY_UNWAITED: Script =
    Script::lean("lock.release_many_unwaited", include_str!("release_many_unwaited.lua"));

/// Gives locks back for which nobody waits.
///
/// Each is a step of its own, as [`GiveBackUnwaited`] is; they only share the way.
#[derive(Debug, Default)]
pub struct GiveBackManyUnwaited {
    held: Vec<GiveBackUnwaited>,
    was_sent: AtomicBool,
}

impl GiveBackManyUnwaited {
    /// Gives another lock back.
    #[must_use]
    pub fn and(mut self, held: GiveBackUnwaited) -> Self {
        self.held.push(held);
        self
    }

    /// Asks for the locks of one server; answers which of them were given back.
    async fn group(&self, redis: &Redis, group: &[usize]) -> Result<Vec<bool>> {
        if let &[index] = group {
            return Ok(vec![self.held[index].on_redis(redis).await? == Unwaited::Released]);
        }
        let mut script = redis.script(&RELEASE_MANY_UNWAITED);
        for &index in group {
            let GiveBackUnwaited { lock, token, .. } = &self.held[index];
            script = script.key(lock).arg(token.as_str());
        }
        let answers = each(script.invoke().await?, group.len())?;
        Ok(answers.into_iter().map(|answer| answer == 1).collect())
    }
}

impl Operation for GiveBackManyUnwaited {
    /// One answer for each lock, in order.
    type Output = Vec<Unwaited>;
    const NAME: &'static str = GiveBackUnwaited::NAME;

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
        let locks: Vec<&Key> = self.held.iter().map(|held| &*held.lock).collect();
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
        self.held.iter().map(|held| held.on_memory(memory, now)).collect()
    }
}
