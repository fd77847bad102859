//! How a cluster comes to be.

use std::time::Duration;

use super::{Cluster, GUARD, SLOTS, view::View};
use crate::{
    raw::Raw,
    server::{RedisServer, Setup},
    wait::block_until,
};

const MASTERS: u16 = 3;

/// What a cluster is to be started with.
#[derive(Clone, Debug)]
pub struct ClusterSetup {
    servers: Setup,
    node_timeout: Duration,
    full_coverage: &'static str,
}

impl ClusterSetup {
    pub(super) fn new() -> Self {
        Self { servers: Setup::default(), node_timeout: Duration::from_secs(2), full_coverage: "no" }
    }

    /// How long a silent node is waited for; a replica takes over a second or two later.
    ///
    /// Less makes tests quicker and a busy machine's pauses into failovers. Defaults to 2 seconds.
    #[must_use]
    pub fn node_timeout(mut self, timeout: Duration) -> Self {
        self.node_timeout = timeout;
        self
    }

    /// Lets no node answer while a slot has no master, as Redis does by default.
    ///
    /// Without this the rest of the cluster goes on while one master is away, so that a test sees which keys
    /// its fault concerns.
    #[must_use]
    pub fn require_full_coverage(mut self) -> Self {
        self.full_coverage = "yes";
        self
    }

    /// Asks every client for a password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.servers = self.servers.password(password).option("masterauth", password);
        self
    }

    /// Adds a user with ACL rules such as `~app:* +@all -@dangerous`; the URLs then speak for them.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        self.servers = self.servers.user(name, password, rules);
        self
    }

    /// Adds a line to the redis.conf of every node.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.servers = self.servers.option(name, value);
        self
    }

    /// Starts the cluster, and returns when every slot is served and every replica is in step.
    ///
    /// # Panics
    ///
    /// Panics when a server doesn't start, or when they don't find together within half a minute.
    #[must_use]
    pub fn start(self) -> Cluster {
        let Self { servers, node_timeout, full_coverage } = self;
        let setup = servers
            .node()
            .option("cluster-announce-ip", "127.0.0.1")
            .option("cluster-node-timeout", &node_timeout.as_millis().to_string())
            .option("cluster-require-full-coverage", full_coverage)
            // Replicas stay with their master, and may follow it however long it was silent.
            .option("cluster-allow-replica-migration", "no")
            .option("cluster-replica-validity-factor", "0")
            .option("repl-diskless-sync-delay", "0");
        let nodes: Vec<_> = (0..2 * MASTERS).map(|_| setup.clone().start()).collect();
        form(&nodes);
        let cluster = Cluster { nodes };
        block_until(GUARD, || cluster.settled());
        cluster
    }
}

/// Makes the first half of the nodes masters, and the others their replicas.
fn form(nodes: &[RedisServer]) {
    let mut raws: Vec<Raw> = nodes.iter().map(RedisServer::raw).collect();
    for (epoch, raw) in (1..).zip(&mut raws) {
        // Masters of one epoch would have to settle first who keeps it.
        raw.command(&["CLUSTER", "SET-CONFIG-EPOCH", &u32::to_string(&epoch)]);
    }
    for (number, raw) in (0..MASTERS).zip(&mut raws) {
        let border = |number: u16| u32::from(SLOTS) * u32::from(number) / u32::from(MASTERS);
        let (first, last) = (border(number), border(number + 1) - 1);
        raw.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
    }
    for (number, raw) in (1..).zip(&mut raws) {
        // Everybody meets everybody: quicker than waiting for the gossip.
        for other in nodes.iter().skip(number) {
            let (port, bus) = (other.address().port().to_string(), other.bus_port().to_string());
            raw.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
        }
    }
    block_until(GUARD, || raws.iter_mut().try_for_each(|raw| acquainted(raw, nodes.len())));

    let (masters, replicas) = raws.split_at_mut(MASTERS.into());
    for (master, replica) in masters.iter_mut().zip(replicas) {
        let id = master.command(&["CLUSTER", "MYID"]).text();
        replica.command(&["CLUSTER", "REPLICATE", &id]);
    }
}

fn acquainted(raw: &mut Raw, nodes: usize) -> Result<(), String> {
    let view = View::of(raw);
    if view.nodes().count() == nodes && !view.nodes().any(super::view::Node::is_in_doubt) {
        return Ok(());
    }
    Err(format!("a node knows only {view:?}"))
}
