use std::{iter, num::NonZeroU32, slice, time::Duration};

use redstart_connection::{Effect, Memory, Operation, Outage, Redis, Result, Timestamp};
use redstart_keys::Ttl;

use super::{
    Charge,
    lines::{self, Line, Verb},
    slot::{load, store},
};
use crate::{
    Policy, Reading, Subject,
    account::Account,
    rule::{Rule, micros},
};

/// Refuses everything for a time, whatever is left; a block that lasts longer stays.
///
/// What was counted stays counted. A reset ends the block as well.
#[derive(Clone, Debug)]
pub struct Block {
    charge: Charge,
    length: Duration,
    least_ttl: Ttl,
}

impl Block {
    /// Blocks `subject` for `length`, at most 100 years.
    #[must_use]
    pub fn new(policy: &Policy, subject: &Subject, length: Duration, least_ttl: Ttl) -> Self {
        let (key, rule) = (policy.entity().key(subject), Rule::of(policy));
        let length = length.min(Ttl::MAX.as_duration());
        Self { charge: Charge { key, rule, cost: NonZeroU32::MIN }, length, least_ttl }
    }
}

impl Operation for Block {
    type Output = Reading;
    const NAME: &'static str = "ratelimit.block";

    fn effect(&self) -> Effect {
        Effect::Idempotent
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Reading) -> &'static str {
        "blocked"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Reading> {
        let line = Line { charge: &self.charge, amount: micros(self.length), receipt: None };
        let told = lines::invoke(redis, Verb::Block, self.least_ttl, iter::once(line)).await?;
        Ok(told.first().copied().unwrap_or_default().reading)
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Reading> {
        let Charge { key, rule, .. } = &self.charge;
        memory.with(slice::from_ref(&key), now, |tx| {
            let mut account = Account::open(rule, load(tx, key).as_ref(), now.as_micros());
            account.block(micros(self.length));
            let reading = account.reading();
            store(tx, key, account).map(|()| reading)
        })
    }
}
