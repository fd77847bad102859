//! What a look at the store found.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Error, ErrorKind, Status, Timestamp};

use crate::{
    Census, ClientWindow, ClusterState, DefaultUser, Examined, ServerInfo, ServerLatency, Told, Window,
    info::ratio,
};

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
    /// The servers of a cluster that own slots; empty where there is one server.
    pub nodes: Vec<NodeFacts>,
    /// When the store was looked at, by this machine's clock.
    pub now: Timestamp,
    /// How far the server's clock is from this machine's; a round trip's uncertainty is taken off.
    pub clock_skew: Option<Duration>,
    /// Whether everybody who reaches the server may come in.
    pub default_user: Told<DefaultUser>,
    /// Whether the server is on this machine.
    pub is_local: bool,
    /// How many slow calls the server has noted lately; those of 10 ms and more.
    pub slow_calls: Told<u64>,
    /// How long the server took over its commands lately.
    pub server_latency: Told<ServerLatency>,
    /// How a node sees its cluster.
    pub cluster: Told<ClusterState>,
    /// What this process recorded of itself lately; none without a recorder that can be read.
    pub client: Option<ClientWindow>,
    /// How often somebody waited in vain for an exclusive connection lately.
    pub pool_exhausted: u64,
    /// The last census of the keys.
    pub census: Option<Arc<Census>>,
    /// What else was asked and tried by somebody who examines the server.
    pub examined: Option<Arc<Examined>>,
    /// Why there is no answer, or no `INFO`.
    ///
    /// It may name hosts, so it is for operators and not for the public.
    pub cause: Option<String>,
}

/// What a look found of one server of a cluster.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct NodeFacts {
    /// Its address; for operators and not for the public.
    pub address: String,
    /// What it says of itself; none when it did not, or may not.
    pub server: Option<ServerInfo>,
    /// What it counted lately.
    pub window: Option<Window>,
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

    /// How long the certificate of the server still holds, as the last handshake showed it; zero when it
    /// has ended, none without TLS.
    #[must_use]
    pub fn certificate_left(&self) -> Option<Duration> {
        self.status.certificate_end.map(|end| end.since(self.now))
    }

    /// The part of a `PING` that is not the server's work: network and queues.
    ///
    /// None while the server does not tell how long it takes over its commands.
    #[must_use]
    pub fn on_the_way(&self) -> Option<Duration> {
        let server = self.server_latency.known()?;
        Some(self.latency?.saturating_sub(server.all.p99))
    }

    /// The facts as seen from each server: of a cluster one for each, otherwise themselves.
    pub(crate) fn by_server(&self) -> Vec<Self> {
        if self.nodes.is_empty() {
            return vec![self.clone()];
        }
        let of = |node: &NodeFacts| Self {
            server: node.server.clone(),
            window: node.window.clone(),
            nodes: Vec::new(),
            ..self.clone()
        };
        self.nodes.iter().map(of).collect()
    }

    /// What the configuration sets in the place of a rule's own threshold of a warning.
    pub(crate) fn threshold_of(&self, rule: &str) -> Option<f64> {
        let percent = self.status.utilization_threshold;
        (rule == POOL_RULE && percent > 0).then(|| f64::from(percent) / 100.0)
    }
}
