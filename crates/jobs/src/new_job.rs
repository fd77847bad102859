//! A job to be added.

use std::{borrow::Cow, time::Duration};

use bullmq::JobOptions;
use serde::Serialize;

use crate::{JobsError, Retry};

/// A job to be added to a queue.
#[derive(Clone, Debug)]
pub struct NewJob<T> {
    name: Cow<'static, str>,
    data: T,
    id: Option<String>,
    delay: Duration,
    priority: u32,
    retry: Retry,
}

impl<T> NewJob<T> {
    /// A job that is called `name` and works on `data`, to be carried out as soon as a worker is free.
    ///
    /// The name says what kind of job it is where a queue has several.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, data: T) -> Self {
        let (name, retry) = (name.into(), Retry::default());
        Self { name, data, id: None, delay: Duration::ZERO, priority: 0, retry }
    }

    /// Has it carried out not before `delay` is over. Defaults to at once.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Gives it an id; while a job of this id is in the queue, another is not added. Defaults to a random one.
    ///
    /// BullMQ takes no id that is a number and none with a colon.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Has it wait behind all jobs with a smaller number, and behind all that have none. Defaults to none.
    #[must_use]
    pub const fn with_priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Says how often it is tried. Defaults to five attempts with rests of 1, 2, 4 and 8 seconds.
    #[must_use]
    pub const fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

/// A job as the library below takes it.
#[derive(Clone)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) data: serde_json::Value,
    pub(crate) options: JobOptions,
}

impl<T: Serialize> NewJob<T> {
    pub(crate) fn write(self) -> Result<Written, JobsError> {
        let Self { name, data, id, delay, priority, retry } = self;
        let data = serde_json::to_value(data)
            .map_err(|error| JobsError::refused(format!("the data of {name} can't be JSON: {error}")))?;
        let mut options = JobOptions { job_id: Some(id.unwrap_or_else(random_id)), ..JobOptions::default() };
        options.delay = u64::try_from(delay.as_millis()).ok().filter(|millis| *millis > 0);
        options.priority = Some(priority).filter(|priority| *priority > 0);
        retry.write(&mut options);
        Ok(Written { name: name.into_owned(), data, options })
    }
}

/// An id of our own making, so that a job whose answer was lost can be added again without being there twice.
fn random_id() -> String {
    // The letter keeps it from being a number, which BullMQ keeps for itself.
    format!("j{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests;
