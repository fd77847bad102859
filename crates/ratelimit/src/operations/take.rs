use std::slice;

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};
use redstart_keys::Ttl;

use super::{Charge, keep, load, outcome, reading, store};
use crate::{Reading, burst::Burst, rule::Rule, window::Window};

static WINDOW: Script = Script::new("ratelimit.window", include_str!("window.lua"));
static BURST: Script = Script::new("ratelimit.burst", include_str!("burst.lua"));

/// Charges one limiter, or refuses and charges nothing.
#[derive(Clone, Debug)]
pub struct Take {
    charge: Charge,
    least_ttl: Ttl,
}

impl Take {
    /// A charge to a limiter whose key lives at least for `least_ttl`.
    #[must_use]
    pub const fn new(charge: Charge, least_ttl: Ttl) -> Self {
        Self { charge, least_ttl }
    }

    async fn window(&self, redis: &Redis, window: &Window) -> Result<Reading> {
        let answer = redis
            .script(&WINDOW)
            .key(&self.charge.key)
            .arg(window.limit)
            .arg(window.period)
            .arg(window.grain)
            .arg(self.charge.cost.get())
            .arg(keep(self.least_ttl))
            .invoke()
            .await?;
        let [remaining, reset, wait] = <[_; 3]>::try_from(answer.into_array()?)
            .map_err(|_| Error::protocol("expected three numbers from a limiter"))?;
        reading(remaining, reset, wait)
    }

    async fn burst(&self, redis: &Redis, burst: &Burst) -> Result<Reading> {
        let charge = burst.charge(self.charge.cost.get());
        let answer = redis
            .script(&BURST)
            .key(&self.charge.key)
            .arg(burst.span())
            .arg(charge)
            .arg(keep(self.least_ttl))
            .invoke()
            .await?
            .into_int()?;
        Ok(match u64::try_from(answer) {
            Ok(ahead) => burst.reading(ahead),
            Err(_) => {
                // One number says all: what was asked less what is to wait for is what was left.
                let wait = answer.unsigned_abs();
                burst.reading((burst.span() + wait).saturating_sub(charge)).refused(wait)
            }
        })
    }
}

impl Operation for Take {
    type Output = Reading;
    const NAME: &'static str = "ratelimit.take";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Reading) -> &'static str {
        outcome(output)
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Reading> {
        match &self.charge.rule {
            Rule::Window(window) => self.window(redis, window).await,
            Rule::Burst(burst) => self.burst(redis, burst).await,
        }
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Reading> {
        let Charge { key, rule, cost } = &self.charge;
        memory.with(slice::from_ref(&key), now, |tx| {
            let trial = rule.try_charge(load(tx, key).as_deref(), cost.get(), now.as_micros());
            let refused = trial.reading();
            match trial.verdict {
                Ok(charged) => store(tx, &self.charge, charged.state).map(|()| charged.after),
                Err(trial) => match trial.repaired {
                    Some(repaired) => store(tx, &self.charge, repaired).map(|()| refused),
                    None => Ok(refused),
                },
            }
        })
    }
}
