//! How one operation is carried out on Redis: deadline, attempts, certainty.

mod in_flight;
mod retry;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout_at;

pub(crate) use self::in_flight::InFlight;
use self::retry::{Budget, next_pause};
use crate::{Error, Operation, Redis, Result, clock::runtime_now, names, redis::Link};

/// The door of a store on Redis.
pub(crate) struct Door {
    pub(crate) link: Arc<Link>,
    budget: Budget,
}

impl Door {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link, budget: Budget::default() }
    }

    /// Carries out `operation` within `within`, again where that is safe.
    pub(crate) async fn run<O: Operation>(&self, operation: &O, within: Duration) -> Result<O::Output> {
        let deadline = runtime_now() + within;
        let mut attempt = Redis::new(Arc::clone(&self.link), deadline);
        self.budget.earn();
        let mut attempts = 0;
        loop {
            let Ok(outcome) = timeout_at(deadline, operation.on_redis(&attempt)).await else {
                return Err(Error::timeout(within, attempt.certainty()));
            };
            let error = match outcome {
                Ok(output) => return Ok(output),
                Err(error) => error,
            };
            attempts += 1;
            let Some(pause) = next_pause(&error, operation.effect(), attempts) else { return Err(error) };
            if runtime_now() + pause >= deadline || !self.budget.spend() {
                return Err(error);
            }
            metrics::counter!(names::RETRIES, "operation" => O::NAME).increment(1);
            tracing::debug!(operation = O::NAME, attempts, %error, "trying again");
            tokio::time::sleep(pause).await;
            attempt = Redis::new(Arc::clone(&self.link), deadline);
        }
    }
}
