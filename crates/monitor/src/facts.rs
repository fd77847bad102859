//! What a look at the store found.

use std::time::Duration;

use redstart_connection::{Error, ErrorKind, Status};

use crate::{ServerInfo, Window, info::ratio};

/// The rule whose threshold the configuration sets.
pub(crate) const POOL_RULE: &str = "pool";

/// What a look at the store found; the rules judge it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Facts {
    /// Whether the server answered.
    pub reach: Reach,
    /// How long a `PING` took; none without an answer.
    pub latency: Option<Duration>,
    /// What the connection knows of itself.
    pub status: Status,
    /// What the server says of itself; none when it did not, or may not.
    pub server: Option<ServerInfo>,
    /// What the server counted lately.
    pub window: Option<Window>,
    /// Why there is no answer, or no `INFO`.
    ///
    /// It may name hosts, so it is for operators and not for the public.
    pub cause: Option<String>,
}

/// Whether the server answered.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reach {
    /// It did.
    Answered,
    /// It did, but cannot serve yet.
    Loading,
    /// This process has too much work waiting to ask.
    Overloaded,
    /// It did not.
    #[default]
    Silent,
}

impl Reach {
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Loading => Self::Loading,
            ErrorKind::Overloaded => Self::Overloaded,
            // The server refused this very command, or its answer was odd: it is there.
            ErrorKind::Permission | ErrorKind::Server | ErrorKind::ReadOnly | ErrorKind::Protocol => {
                Self::Answered
            }
            _ => Self::Silent,
        }
    }
}

impl Facts {
    /// The share of the connection's capacity in use: the larger of lanes and exclusive pool.
    ///
    /// None on the embedded store, which has no connections.
    #[must_use]
    pub fn pool_utilization(&self) -> Option<f64> {
        let share = |used: usize, size: usize| {
            ratio(u64::try_from(used).unwrap_or(u64::MAX), u64::try_from(size).unwrap_or(u64::MAX))
        };
        let Status { in_flight, permits, exclusive_in_use, exclusive_size, .. } = self.status;
        let lanes = share(in_flight, permits)?;
        Some(lanes.max(share(exclusive_in_use, exclusive_size).unwrap_or(0.0)))
    }

    /// What the configuration sets in the place of a rule's own threshold of a warning.
    pub(crate) fn threshold_of(&self, rule: &str) -> Option<f64> {
        let percent = self.status.utilization_threshold;
        (rule == POOL_RULE && percent > 0).then(|| f64::from(percent) / 100.0)
    }
}
