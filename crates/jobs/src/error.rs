//! Why a queue could not be used.

use std::{error::Error as StdError, time::Duration};

use redstart_connection::Error;

/// Why a queue could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobsError {
    /// The store has no server on which queues could be, or none that can be found at the moment.
    #[error("jobs: there is no server to keep a queue on")]
    NoServer(#[source] Error),
    /// What was asked for cannot be.
    #[error("jobs: {what}")]
    Refused {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// There was no answer in time; the work may have been done.
    #[error("jobs: the queue {queue} did not answer within {within:?}")]
    TimedOut {
        /// The queue.
        queue: &'static str,
        /// How long it was waited for.
        within: Duration,
    },
    /// The server or the way to it failed; the work may have been done.
    #[error("jobs: the queue {queue} could not be used")]
    Failed {
        /// The queue.
        queue: &'static str,
        /// What the library below says.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl JobsError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoServer(error) => error.is_transient(),
            Self::Refused { .. } => false,
            Self::TimedOut { .. } | Self::Failed { .. } => true,
        }
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::Refused { what: what.into() }
    }
}
