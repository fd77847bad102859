//! How one operation is carried out on Redis: deadline, attempts, certainty.

mod in_flight;
mod retry;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout_at;

pub(crate) use self::in_flight::InFlight;
use self::retry::{Budget, next_pause};
use crate::{
    Certainty, Error, Operation, Outage, Redis, Result,
    clock::{deadline_in, runtime_now},
    names,
    redis::Link,
    standby::Standby,
};

/// How far a handle on a store reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// The deadline of each call.
    pub(crate) within: Duration,
    /// Whether the server alone may answer.
    pub(crate) direct: bool,
}

/// The door of a store on Redis.
pub(crate) struct Door {
    pub(crate) link: Arc<Link>,
    pub(crate) standby: Arc<Standby>,
    budget: Budget,
}

impl Door {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        let standby = Arc::new(Standby::new(&link.clock));
        Self { link, standby, budget: Budget::default() }
    }

    /// Carries out `operation` within `within`, again where that is safe.
    pub(crate) async fn run<O: Operation>(&self, operation: &O, reach: Reach) -> Result<O::Output> {
        let Reach { within, direct } = reach;
        let deadline = deadline_in(within);
        let stands_by = !direct && operation.outage() == Outage::UseMemory;
        self.budget.earn();
        let mut attempts = 0;
        // What an earlier attempt may have done is not undone by a later one's certain failure.
        let mut known = Certainty::NotSent;
        loop {
            let attempt = Redis::new(Arc::clone(&self.link), deadline, operation.effect(), stands_by);
            let outcome = timeout_at(deadline, operation.on_redis(&attempt)).await;
            known = known.max(attempt.certainty());
            let error = match outcome {
                Ok(Ok(output)) => return Ok(output),
                Ok(Err(error)) => error.at_least(known),
                Err(_) => return Err(Error::timeout(within, known)),
            };
            known = error.certainty();
            attempts += 1;
            let Some(pause) = next_pause(&error, operation.effect(), attempts) else { return Err(error) };
            if runtime_now() + pause >= deadline || !self.budget.spend() {
                return Err(error);
            }
            metrics::counter!(names::RETRIES, "operation" => O::NAME).increment(1);
            tracing::debug!(operation = O::NAME, attempts, %error, "trying again");
            tokio::time::sleep(pause).await;
        }
    }
}
