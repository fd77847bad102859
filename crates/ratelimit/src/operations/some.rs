use std::{iter, slice};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Ttl;

use super::{
    Charge,
    lines::{self, Line, Verb},
    slot::{load, store},
};
use crate::{Reading, account::Account};

/// Charges one limiter as much of a cost as there is; answers how much that was, and what is left.
#[derive(Clone, Debug)]
pub struct TakeSome {
    charge: Charge,
    least_ttl: Ttl,
}

impl TakeSome {
    /// At most this charge, to a limiter whose key lives at least for `least_ttl`.
    #[must_use]
    pub const fn new(charge: Charge, least_ttl: Ttl) -> Self {
        Self { charge, least_ttl }
    }
}

impl Operation for TakeSome {
    type Output = (u32, Reading);
    const NAME: &'static str = "ratelimit.take_some";

    fn effect(&self) -> Effect {
        Effect::Once
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome((taken, _): &(u32, Reading)) -> &'static str {
        if *taken == 0 { "refused" } else { "allowed" }
    }

    async fn on_redis(&self, redis: &Redis) -> Result<(u32, Reading)> {
        let line = Line::charging(&self.charge);
        let told = lines::invoke(redis, Verb::Some, self.least_ttl, iter::once(line)).await?;
        let told = told.first().copied().unwrap_or_default();
        Ok((told.charged, told.reading))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<(u32, Reading)> {
        let Charge { key, rule, cost } = &self.charge;
        memory.with(slice::from_ref(&key), now, |tx| {
            let mut account = Account::open(rule, load(tx, key).as_ref(), now.as_micros());
            let taken = account.left().min(cost.get());
            let refused = account.reading_for(1);
            if taken == 0 {
                let repaired = if account.is_repaired() { store(tx, key, account) } else { Ok(()) };
                return repaired.map(|()| (0, refused));
            }
            account.charge(taken);
            let reading = account.reading();
            store(tx, key, account).map(|()| (taken, reading))
        })
    }
}
