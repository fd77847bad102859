//! What the store knows of itself.

use std::time::Duration;

use crate::{BreakerState, Timestamp};

/// A snapshot of the store's connections.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// `memory`, `standalone`, `sentinel`, `cluster` or `rest`.
    pub mode: &'static str,
    /// How many lanes are in use, of all servers, or 1 for REST; none on the embedded store and before the first call.
    pub lanes: usize,
    /// How many of them are connected; REST is when its last request was answered.
    pub connected: usize,
    /// Commands handed to the lanes and not yet answered.
    pub in_flight: usize,
    /// How many commands may be in flight at once.
    pub permits: usize,
    /// Calls waiting for a permit.
    pub waiting: usize,
    /// Connections that are open or being opened, by all stores of one configuration.
    pub connections: usize,
    /// How many of those there may be.
    pub connections_max: usize,
    /// Exclusive connections in use.
    pub exclusive_in_use: usize,
    /// How many exclusive connections there may be.
    pub exclusive_size: usize,
    /// How often somebody had to wait for an exclusive connection.
    pub exclusive_waits: u64,
    /// How long they waited, all together.
    pub exclusive_waited: Duration,
    /// How often one of them waited in vain.
    pub exclusive_exhausted: u64,
    /// The percentage of the capacity in use above which health is called degraded; 0 without a server.
    pub utilization_threshold: u8,
    /// Whether something is kept here that the server must not throw out, such as locks.
    pub relies_on_keeping: bool,
    /// Where the breaker stands; of several servers' the worst.
    pub breaker: BreakerState,
    /// How long this process's memory has answered in the place of servers that were away, all together.
    pub stood_in: Duration,
    /// When the first of the certificates ends that the servers showed at their last handshakes; none
    /// without TLS.
    pub certificate_end: Option<Timestamp>,
    /// Why the last attempt to connect failed, while no lane is connected.
    pub last_error: Option<String>,
}
