use futures_util::future::join_all;
use redstart_connection::{
    Cmd, Effect, Memory, Operation, Outage, Redis, Renewal, Result, Script, Timestamp,
};
use redstart_keys::{Key, Ttl};

use super::{Holder, MOST, Token, each};

static EXTEND: Script = Script::new(
    "lock.extend",
    concat!(include_str!("waited_for.lua"), include_str!("holder.lua"), include_str!("extend.lua"),),
);

/// Prolongs locks for their holders; one that has ended is not taken again.
///
/// Each is a step of its own; they only share the way. One lock is prolonged by a plain command, where
/// the server has one for it.
#[derive(Clone, Debug, Default)]
pub struct Extend {
    leases: Vec<(Key, Token, Ttl)>,
}

impl Extend {
    /// Lets `lock` end `ttl` from now on, if `token` holds it.
    #[must_use]
    pub fn new(lock: &Key, token: Token, ttl: Ttl) -> Self {
        Self::default().and(lock, token, ttl)
    }

    /// The same for another lock.
    #[must_use]
    pub fn and(mut self, lock: &Key, token: Token, ttl: Ttl) -> Self {
        self.leases.push((lock.clone(), token, ttl));
        self
    }

    async fn group(&self, redis: &Redis, group: &[usize]) -> Result<Vec<Renewal>> {
        if let (&[index], true) = (group, redis.capabilities().sets_if_equal()) {
            let (lock, token, ttl) = &self.leases[index];
            let token = token.as_str();
            let set = Cmd::new("SET").key(lock).arg(token).arg("IFEQ").arg(token);
            let answer = redis.send(set.arg("PX").arg(ttl.as_millis())).await?;
            if answer.is_ok() {
                return Ok(vec![Renewal::Kept]);
            }
            // The mark that somebody waits may stand behind the token.
        }
        let mut script = redis.script(&EXTEND);
        for &index in group {
            script = script.key(&self.leases[index].0);
        }
        for &index in group {
            let (_, token, ttl) = &self.leases[index];
            script = script.arg(token.as_str()).arg(ttl.as_millis());
        }
        let answers = each(script.invoke().await?, group.len())?;
        Ok(answers.into_iter().map(|answer| renewal(answer == 1)).collect())
    }
}

impl Operation for Extend {
    /// One answer for each lock, in order.
    type Output = Vec<Renewal>;
    const NAME: &'static str = "lock.extend";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Renewal>) -> &'static str {
        if output.contains(&Renewal::Lost) {
            return "lost";
        }
        if output.contains(&Renewal::Unknown) { "unknown" } else { "kept" }
    }

    /// In a cluster some servers may answer and others not: what those have is unknown.
    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Renewal>> {
        let locks: Vec<&Key> = self.leases.iter().map(|(lock, ..)| lock).collect();
        let groups = redis.groups(&locks);
        let groups: Vec<&[usize]> = groups.iter().flat_map(|group| group.chunks(MOST)).collect();
        let answers = join_all(groups.iter().map(|group| self.group(redis, group))).await;
        if let [Err(_)] = &answers[..] {
            return answers.into_iter().collect::<Result<Vec<_>>>().map(|_| Vec::new());
        }
        let mut renewals = vec![Renewal::Unknown; self.leases.len()];
        for (group, answers) in groups.into_iter().zip(answers) {
            for (&index, answer) in group.iter().zip(answers.unwrap_or_default()) {
                renewals[index] = answer;
            }
        }
        Ok(renewals)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Renewal>> {
        let extend = |(lock, token, ttl): &(Key, Token, Ttl)| {
            memory.with(&[lock], now, |tx| {
                let holder = tx.get::<Holder>(lock).filter(|holder| holder.token == *token);
                if let Some(holder) = &holder {
                    tx.put(lock, (**holder).clone(), now.saturating_add(ttl.as_duration()))?;
                }
                Ok(renewal(holder.is_some()))
            })
        };
        self.leases.iter().map(extend).collect()
    }
}

const fn renewal(is_kept: bool) -> Renewal {
    if is_kept { Renewal::Kept } else { Renewal::Lost }
}
