use std::{collections::HashMap, sync::Arc};

use futures_util::future::join_all;
use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp, Tx};
use redstart_keys::{Key, Ttl};

use super::{Charge, keep, load, reading, store};
use crate::{
    Reading,
    rule::{Rule, State, Trial},
};

static ALL: Script = Script::new("ratelimit.all", include_str!("all.lua"));

/// Charges several limiters, or refuses and charges none.
///
/// One round trip, in one script. In a cluster whose slots the keys do not share it takes two: all are
/// tried, and when all would allow they are charged; a limiter that somebody else fills in between
/// refuses, and what its neighbours were charged stays charged: never too much is admitted.
#[derive(Clone, Debug)]
pub struct TakeAll {
    charges: Vec<Charge>,
    least_ttl: Ttl,
}

impl TakeAll {
    /// Charges to limiters whose keys live at least for `least_ttl`; they answer in this order.
    #[must_use]
    pub const fn new(charges: Vec<Charge>, least_ttl: Ttl) -> Self {
        Self { charges, least_ttl }
    }

    /// Charges limiters of several slots, or only tries to.
    async fn in_slots(
        &self,
        redis: &Redis,
        groups: &[Vec<usize>],
        charged: Option<Ttl>,
    ) -> Result<Vec<Reading>> {
        let parts = groups.iter().map(|group| self.in_one_slot(redis, group, charged));
        let mut readings = vec![Reading::default(); self.charges.len()];
        for (group, part) in groups.iter().zip(join_all(parts).await) {
            for (&index, reading) in group.iter().zip(part?) {
                readings[index] = reading;
            }
        }
        Ok(readings)
    }

    /// Charges limiters of one slot, or only tries to when no TTL says for how long.
    async fn in_one_slot(
        &self,
        redis: &Redis,
        group: &[usize],
        charged: Option<Ttl>,
    ) -> Result<Vec<Reading>> {
        let mut script = redis.script(&ALL);
        script = match charged {
            Some(least_ttl) => script.arg(keep(least_ttl)),
            None => script.arg(""),
        };
        for &index in group {
            let Charge { key, rule, cost } = &self.charges[index];
            let (limit, period, grain) = match rule {
                Rule::Window(window) => (window.limit, window.period, window.grain),
                Rule::Burst(burst) => (burst.size, burst.interval, 0),
            };
            script = script.key(key).arg(limit).arg(period).arg(grain).arg(cost.get());
        }
        let mut numbers = script.invoke().await?.into_array()?.into_iter();
        let readings = group.iter().map(|_| {
            let mut next =
                || numbers.next().ok_or_else(|| Error::protocol("expected more limiters in an answer"));
            reading(next()?, next()?, next()?)
        });
        readings.collect()
    }

    fn restore(&self, tx: &mut Tx<'_>, before: &[Option<Arc<State>>]) {
        for (charge, state) in self.charges.iter().zip(before) {
            let restored = state.as_deref().is_some_and(|state| store(tx, charge, state.clone()).is_ok());
            if !restored {
                tx.remove(&charge.key);
            }
        }
    }
}

impl Operation for TakeAll {
    type Output = Vec<Reading>;
    const NAME: &'static str = "ratelimit.take_all";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Vec<Reading>) -> &'static str {
        let allowed = output.iter().all(|reading| reading.retry_after.is_none());
        if allowed { "allowed" } else { "refused" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.charges.iter().map(|charge| &charge.key).collect();
        let groups = redis.groups(&keys);
        if let [all] = groups.as_slice() {
            return self.in_one_slot(redis, all, Some(self.least_ttl)).await;
        }
        let tried = self.in_slots(redis, &groups, None).await?;
        if tried.iter().any(|reading| reading.retry_after.is_some()) {
            return Ok(tried);
        }
        self.in_slots(redis, &groups, Some(self.least_ttl)).await
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Vec<Reading>> {
        let keys: Vec<&Key> = self.charges.iter().map(|charge| &charge.key).collect();
        memory.with(&keys, now, |tx| {
            // A key that comes twice is charged twice, so the second trial sees what the first would leave.
            let mut pending: HashMap<&Key, Arc<State>> = HashMap::new();
            let mut trials: Vec<Trial> = Vec::with_capacity(self.charges.len());
            for charge in &self.charges {
                let state = pending.get(&charge.key).cloned().or_else(|| load(tx, &charge.key));
                let trial = charge.rule.try_charge(state.as_deref(), charge.cost.get(), now.as_micros());
                if let Ok(charged) = &trial.verdict {
                    pending.insert(&charge.key, Arc::new(charged.state.clone()));
                }
                trials.push(trial);
            }
            let refused = trials.iter().any(|trial| trial.verdict.is_err());
            let before: Vec<_> = keys.iter().map(|key| load(tx, key)).collect();
            let answers = self.charges.iter().zip(trials).map(|(charge, trial)| {
                let reading = trial.reading();
                match trial.verdict {
                    Ok(_) if refused => Ok(reading),
                    Ok(charged) => store(tx, charge, charged.state).map(|()| charged.after),
                    Err(trial) => match trial.repaired {
                        Some(repaired) => store(tx, charge, repaired).map(|()| reading),
                        None => Ok(reading),
                    },
                }
            });
            let answers = answers.collect();
            if Result::is_err(&answers) {
                // There was room for some of the keys only: none keeps its charge.
                self.restore(tx, &before);
            }
            answers
        })
    }
}
