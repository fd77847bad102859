use std::slice;

use redstart_connection::{Effect, Error, Memory, Operation, Outage, Redis, Result, Script, Timestamp};

use super::{Charge, outcome, slot::load, unsigned};
use crate::{
    Reading,
    account::{Account, State},
};

static PEEK: Script = Script::new("ratelimit.peek", include_str!("peek.lua"));

/// Tells what a charge would answer, and charges nothing; what is left is told as it is.
#[derive(Clone, Debug)]
pub struct Peek(Charge);

impl Peek {
    /// A charge that is only imagined.
    #[must_use]
    pub const fn new(charge: Charge) -> Self {
        Self(charge)
    }
}

impl Operation for Peek {
    type Output = Reading;
    const NAME: &'static str = "ratelimit.peek";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(output: &Reading) -> &'static str {
        outcome(output)
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Reading> {
        let Charge { key, rule, cost } = &self.0;
        let answer = redis.script(&PEEK).key(key).invoke().await?.into_array()?;
        let [stored, now] =
            <[_; 2]>::try_from(answer).map_err(|_| Error::protocol("expected a limiter and the time"))?;
        let state = stored.into_optional_bytes()?.as_deref().map(State::decode);
        Ok(Account::open(rule, state.as_ref(), unsigned(now.into_int()?)?).reading_for(cost.get()))
    }

    fn on_memory(&self, memory: &Memory, now: Timestamp) -> Result<Reading> {
        let Charge { key, rule, cost } = &self.0;
        let state = memory.with(slice::from_ref(&key), now, |tx| load(tx, key));
        Ok(Account::open(rule, state.as_ref(), now.as_micros()).reading_for(cost.get()))
    }
}
