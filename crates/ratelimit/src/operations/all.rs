use std::{collections::HashMap, sync::Arc};

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
/// One round trip. All keys go to one script, which a cluster admits only for keys of one slot.
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
        let mut script = redis.script(&ALL).arg(keep(self.least_ttl));
        for Charge { key, rule, cost } in &self.charges {
            let (limit, period, grain) = match rule {
                Rule::Window(window) => (window.limit, window.period, window.grain),
                Rule::Burst(burst) => (burst.size, burst.interval, 0),
            };
            script = script.key(key).arg(limit).arg(period).arg(grain).arg(cost.get());
        }
        let mut numbers = script.invoke().await?.into_array()?.into_iter();
        let readings = self.charges.iter().map(|_| {
            let mut next =
                || numbers.next().ok_or_else(|| Error::protocol("expected more limiters in an answer"));
            reading(next()?, next()?, next()?)
        });
        readings.collect()
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
