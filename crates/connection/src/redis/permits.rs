//! How much may be under way at once, and how much may wait for its turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Error, Result};

/// How many commands may be in flight at once on a lane, or over REST.
pub(crate) const IN_FLIGHT: usize = 512;
/// How many calls may wait for a permit.
const MAX_WAITING: usize = 4096;

/// The rights to have one more command in flight, given in order of arrival.
pub(crate) struct Permits {
    free: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Permits {
    fn default() -> Self {
        Self { free: Semaphore::new(IN_FLIGHT), waiting: AtomicUsize::new(0) }
    }
}

impl Permits {
    /// Takes one, waiting for it where all are taken; refused where too many wait already.
    pub(crate) async fn take(&self) -> Result<SemaphorePermit<'_>> {
        if let Ok(permit) = self.free.try_acquire() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting)?;
        self.free.acquire().await.map_err(|_| Error::shutdown())
    }

    pub(crate) fn taken(&self) -> usize {
        IN_FLIGHT - self.free.available_permits()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// A place among those who wait for a permit.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            return Err(Error::overloaded(format!("{MAX_WAITING} calls already wait for the connection")));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
