//! Why a lock was not got, or not kept.

use std::time::Duration;

use redstart_connection::{Error, Loss};
use redstart_keys::Key;

/// Why a lock was not got, or not kept.
///
/// It names the lock as [`Key`] shows itself: a sensitive id as `***`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another holds it, and there was no time to wait.
    #[error("another holds {lock}")]
    Busy {
        /// Which lock.
        lock: Key,
    },
    /// Another held it all the time.
    #[error("another held {lock} for all of {waited:?}")]
    TimedOut {
        /// Which lock.
        lock: Key,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It was lost while the work was under way; the work has been dropped.
    #[error("{lock} was lost while held: {}", cause.name())]
    Lost {
        /// Which lock.
        lock: Key,
        /// Why it was lost.
        cause: Loss,
    },
    /// The store is being shut down, and grants no more locks.
    #[error("no more locks, the store is being shut down")]
    ShuttingDown,
    /// The store did not answer, so nobody knows who holds it.
    #[error("the store did not say who holds the lock")]
    Unavailable(#[source] Error),
}
