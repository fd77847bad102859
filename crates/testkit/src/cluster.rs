//! A cluster of private servers: masters that fail, replicas that follow, slots that move.

mod setup;
mod slot;
mod slot_move;
mod stability;
mod view;

use std::{net::SocketAddr, time::Duration};

use self::view::{Node, View};
pub use self::{setup::ClusterSetup, slot::slot_of, slot_move::SlotMove};
use crate::{raw::Raw, server::RedisServer, wait::until};

const SLOTS: u16 = 16_384;

/// How long the nodes may take to agree: ten times what they need.
const GUARD: Duration = Duration::from_secs(30);

/// Three masters with a third of the slots each, and a replica of each, on the loopback.
///
/// Starting takes about two seconds, the time that a new master waits before it serves its slots, and blocks
/// the thread for that long. Nodes are named by their addresses, which stay with them for life; which of them
/// are masters changes.
///
/// ```no_run
/// use redstart_testkit::Cluster;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut cluster = Cluster::start();
/// let urls = cluster.urls(); // what the service under test connects to
/// let old = cluster.kill_master_of("{user:42}:cart");
/// cluster.wait_until_stable().await;
/// assert_ne!(cluster.master_of("{user:42}:cart"), old);
/// # }
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<RedisServer>,
}

impl Cluster {
    /// Starts a cluster that serves every slot before this returns.
    ///
    /// # Panics
    ///
    /// Panics when a server doesn't start, or when they don't find together within half a minute.
    #[must_use]
    pub fn start() -> Self {
        Self::configure().start()
    }

    /// Prepares a cluster with a password, a user or settings.
    #[must_use]
    pub fn configure() -> ClusterSetup {
        ClusterSetup::new()
    }

    /// Kills the master of a key as a crash would, and returns its address.
    ///
    /// # Panics
    ///
    /// Panics when no node is up.
    pub fn kill_master_of(&mut self, key: &str) -> SocketAddr {
        let master = self.master_of(key);
        self.kill(master);
        master
    }

    /// Kills a node as a crash would.
    ///
    /// # Panics
    ///
    /// Panics when the address is none of the cluster's, as does everything here that takes one.
    pub fn kill(&mut self, node: SocketAddr) {
        self.node_mut(node).kill();
    }

    /// Starts a node anew: empty, but with its name and what it knew of the cluster.
    ///
    /// # Panics
    ///
    /// Panics when it doesn't start, for instance because somebody took its port.
    pub fn restart(&mut self, node: SocketAddr) {
        self.node_mut(node).restart();
    }

    /// Stops a node where it stands: connections stay open, nothing answers.
    ///
    /// # Panics
    ///
    /// Panics when it is down.
    pub fn freeze(&mut self, node: SocketAddr) {
        self.node_mut(node).freeze();
    }

    /// Lets a frozen node go on.
    ///
    /// # Panics
    ///
    /// Panics when it is down.
    pub fn thaw(&mut self, node: SocketAddr) {
        self.node_mut(node).thaw();
    }

    /// Lets a replica take its master's place without loss, and waits until everybody agrees.
    ///
    /// # Panics
    ///
    /// Panics when the node is away, or when nothing comes of it within half a minute.
    pub async fn failover(&self, replica: SocketAddr) {
        let mut polls: u32 = 0;
        until(GUARD, || {
            let mut raw = self.raw(replica);
            if View::of(&mut raw).myself().is_master {
                return Ok(());
            }
            // It gives an attempt up after five seconds, on a busy machine.
            if polls.is_multiple_of(600) {
                raw.command(&["CLUSTER", "FAILOVER"]);
            }
            polls += 1;
            Err(format!("{replica} is still a replica"))
        })
        .await;
        self.wait_until_stable().await;
    }

    /// Begins to move a slot to another master; until it is finished clients are told to ask there.
    ///
    /// # Panics
    ///
    /// Panics when the slot is there already, or when that node is no master.
    #[must_use = "the slot stays on its way until the move is finished"]
    pub fn begin_move(&self, slot: u16, to: SocketAddr) -> SlotMove {
        SlotMove::begin(self, slot, to)
    }

    /// Moves a slot with all its keys to another master; every master knows it when this returns.
    ///
    /// # Panics
    ///
    /// Panics when the slot is there already, or when that node is no master.
    pub fn move_slot(&self, slot: u16, to: SocketAddr) {
        self.begin_move(slot, to).finish();
    }

    /// Waits until all nodes that are up agree, every slot has a master and every replica is in step.
    ///
    /// # Panics
    ///
    /// Panics when that is not so within half a minute, with what is missing.
    pub async fn wait_until_stable(&self) {
        until(GUARD, || self.settled()).await;
    }

    /// The master of a key, as far as those nodes know that are up.
    ///
    /// # Panics
    ///
    /// Panics when no node is up.
    #[must_use]
    pub fn master_of(&self, key: &str) -> SocketAddr {
        self.master_of_slot(slot_of(key))
    }

    /// The master of a slot, as far as those nodes know that are up.
    ///
    /// # Panics
    ///
    /// Panics when no node is up.
    #[must_use]
    pub fn master_of_slot(&self, slot: u16) -> SocketAddr {
        let views = self.views();
        let owner = |nodes: Vec<&Node>| {
            let owners = nodes.into_iter().filter(|node| node.owns(slot));
            owners.max_by_key(|node| node.epoch).and_then(|node| node.address)
        };
        // What a node says of itself is newer than what others have heard of it.
        let own = owner(views.iter().map(View::myself).collect());
        let heard = || owner(views.iter().flat_map(View::nodes).collect());
        own.or_else(heard).unwrap_or_else(|| panic!("nobody knows a master of slot {slot}"))
    }

    /// The nodes that are up and masters, in the order of their addresses.
    ///
    /// # Panics
    ///
    /// Panics when a node does not answer.
    #[must_use]
    pub fn masters(&self) -> Vec<SocketAddr> {
        let views = self.views();
        let mut masters: Vec<_> = views
            .iter()
            .map(View::myself)
            .filter(|node| node.is_master)
            .filter_map(|node| node.address)
            .collect();
        masters.sort_unstable();
        masters
    }

    /// The nodes that are up and follow a master.
    ///
    /// # Panics
    ///
    /// Panics when a node does not answer.
    #[must_use]
    pub fn replicas_of(&self, master: SocketAddr) -> Vec<SocketAddr> {
        let follows = |view: &View| {
            let followed = view.myself().follows.as_deref().and_then(|id| view.find(id));
            followed.and_then(|node| node.address) == Some(master)
        };
        let followers = self.views().into_iter().filter(follows);
        followers.filter_map(|view| view.myself().address).collect()
    }

    /// The addresses of all nodes, first those that began as masters.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(RedisServer::address).collect()
    }

    /// The URLs of all nodes, with the credentials that they ask for.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// One node, with its log and its process id.
    ///
    /// # Panics
    ///
    /// Panics when the address is none of the cluster's.
    #[must_use]
    pub fn node(&self, address: SocketAddr) -> &RedisServer {
        let node = self.nodes.iter().find(|node| node.address() == address);
        node.unwrap_or_else(|| panic!("{address} is no node of this cluster"))
    }

    /// Opens a connection to one node past the product, with all rights.
    ///
    /// # Panics
    ///
    /// Panics when the node is down.
    #[must_use]
    pub fn raw(&self, node: SocketAddr) -> Raw {
        self.node(node).raw()
    }

    fn node_mut(&mut self, address: SocketAddr) -> &mut RedisServer {
        let node = self.nodes.iter_mut().find(|node| node.address() == address);
        node.unwrap_or_else(|| panic!("{address} is no node of this cluster"))
    }

    fn up(&self) -> impl Iterator<Item = &RedisServer> {
        self.nodes.iter().filter(|node| node.is_up())
    }

    fn views(&self) -> Vec<View> {
        self.up().map(|node| View::of(&mut node.raw())).collect()
    }

    fn password(&self) -> Option<String> {
        self.nodes.iter().find_map(RedisServer::password).map(str::to_owned)
    }
}
