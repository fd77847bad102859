//! A cluster: many servers, each with a part of the slots.
//!
//! Each node has lanes of its own, so that a sick one holds up no other. A redirection says that the
//! command was not carried out, so it is followed for any work; everything else is the door's matter.

mod slots;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout, timeout_at},
};

pub(crate) use self::slots::{Shard, Slots, slot_of};
use super::{
    classify::classify,
    common::Common,
    lane::Live,
    node::{Node, Part, Target},
};
use crate::{Error, Event, Result, clock::deadline_in, config::Address};

/// How often the owners of the slots are asked for even when nothing hints at a change.
const REFRESH_EVERY: Duration = Duration::from_secs(30);
/// The same while a node is down or a redirection came.
const REFRESH_SOON: Duration = Duration::from_millis(250);
/// The same while reads are to go to replicas and there are none: a new one is not named at once.
const REFRESH_FOR_REPLICAS: Duration = Duration::from_secs(1);
/// How long one node may take to tell the owners before the next is asked as well.
const HESITATION: Duration = Duration::from_millis(100);
/// How long it may take at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// A cluster as it is known at the moment.
pub(crate) struct Cluster {
    common: Arc<Common>,
    seeds: Vec<Address>,
    replica_reads: bool,
    slots: ArcSwap<Slots>,
    /// Every node that was ever named and not yet retired.
    nodes: Mutex<HashMap<(Address, bool), Arc<Node>>>,
    known: watch::Sender<bool>,
    stale: Notify,
    followed: AtomicBool,
    next: AtomicUsize,
    last_error: Mutex<Option<String>>,
}

impl Cluster {
    pub(crate) fn new(common: Arc<Common>, seeds: Vec<Address>, replica_reads: bool) -> Arc<Self> {
        Arc::new(Self {
            common,
            seeds,
            replica_reads,
            slots: ArcSwap::default(),
            nodes: Mutex::default(),
            known: watch::Sender::new(false),
            stale: Notify::new(),
            followed: AtomicBool::new(false),
            next: AtomicUsize::new(0),
            last_error: Mutex::new(None),
        })
    }

    /// The servers that the configuration names.
    pub(crate) fn seeds(&self) -> &[Address] {
        &self.seeds
    }

    /// The owners, asked for first where they are not known yet.
    pub(crate) async fn slots(self: &Arc<Self>) -> Result<arc_swap::Guard<Arc<Slots>>> {
        self.ensure_followed();
        let slots = self.slots.load();
        if !slots.is_empty() {
            return Ok(slots);
        }
        drop(slots);
        if self.common.tasks.is_stopped() {
            return Err(Error::shutdown());
        }
        let mut known = self.known.subscribe();
        let waited = self.common.connect_timeout;
        match timeout_at(deadline_in(waited), known.wait_for(|known| *known)).await {
            Ok(Ok(_)) => Ok(self.slots.load()),
            _ => {
                let cause = self.last_error().unwrap_or_else(|| format!("no answer within {waited:?}"));
                Err(Error::unavailable(format!("the cluster is not known yet: {cause}")))
            }
        }
    }

    /// The node for a command on `slot`, or any that owns slots.
    pub(crate) async fn node(self: &Arc<Self>, slot: Option<u16>, reads: bool) -> Result<Arc<Node>> {
        let slots = self.slots().await?;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(slot) = slot else {
            return Ok(Arc::clone(&slots.shards[turn % slots.shards.len()].owner));
        };
        let Some(shard) = slots.shard(slot) else {
            self.refresh();
            return Err(Error::unavailable(format!("no node of the cluster owns slot {slot}")));
        };
        if reads && self.replica_reads {
            let up = |node: &&Arc<Node>| node.connected() > 0 || node.down().is_none();
            let candidates = shard.replicas.len();
            let chosen = (0..candidates).map(|at| &shard.replicas[(turn + at) % candidates]).find(up);
            return Ok(Arc::clone(chosen.unwrap_or(&shard.owner)));
        }
        Ok(Arc::clone(&shard.owner))
    }

    /// Follows a redirection for good.
    pub(crate) fn moved(self: &Arc<Self>, slot: u16, to: &Address) -> Arc<Node> {
        let node = self.node_at(to, false);
        let before = self.slots.load_full();
        if before.shard(slot).is_none_or(|shard| !Arc::ptr_eq(&shard.owner, &node)) {
            self.slots.rcu(|slots| slots.moved(slot, &node));
            self.tell_new_owners(&before);
        }
        self.refresh();
        node
    }

    /// The node at `address`, wherever the slots are said to be.
    pub(crate) fn node_at(self: &Arc<Self>, address: &Address, replica: bool) -> Arc<Node> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let node = nodes.entry((address.clone(), replica)).or_insert_with(|| {
            let part = if replica { Part::Replica } else { Part::Master };
            Node::new(&self.common, Target::At(address.clone()), part)
        });
        Arc::clone(node)
    }

    /// All nodes that have lanes.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the owners asked for again, soon.
    pub(crate) fn refresh(&self) {
        self.stale.notify_one();
    }

    fn ensure_followed(self: &Arc<Self>) {
        if self.followed.load(Ordering::Relaxed) || self.followed.swap(true, Ordering::AcqRel) {
            return;
        }
        let following = Following(Arc::clone(self));
        let tasks = self.common.tasks.clone();
        tasks.spawn("cluster slots", async move {
            let cluster = &following.0;
            let mut failures = 0_u32;
            loop {
                match cluster.ask_for_slots().await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        tracing::debug!(%error, "the cluster does not tell who owns the slots");
                        *cluster.last_error.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(error.to_string());
                    }
                }
                cluster.pause(failures).await;
            }
        });
    }

    /// Waits until the owners are worth asking for again.
    async fn pause(&self, failures: u32) {
        let is_sick =
            failures > 0 || self.slots.load().shards.iter().any(|shard| shard.owner.down().is_some());
        if is_sick {
            return sleep(REFRESH_SOON).await;
        }
        tokio::select! {
            () = self.stale.notified() => sleep(REFRESH_SOON / 10).await,
            () = self.common.nodes_changed.notified() => sleep(REFRESH_SOON / 2).await,
            () = sleep(if self.lacks_replicas() { REFRESH_FOR_REPLICAS } else { REFRESH_EVERY }) => {}
        }
    }

    fn lacks_replicas(&self) -> bool {
        self.replica_reads && self.slots.load().shards.iter().any(|shard| shard.replicas.is_empty())
    }

    /// Asks one node after another, those that are connected first, until one answers.
    ///
    /// One that hesitates is still listened to, but keeps nobody from being asked: a frozen node would
    /// hide for a second, each time, that another has taken its place.
    async fn ask_for_slots(self: &Arc<Self>) -> Result<()> {
        let mut last = Error::unavailable("no node of the cluster is named");
        let mut to_ask = self.sources().into_iter();
        let mut asked = FuturesUnordered::new();
        loop {
            let next = to_ask.next();
            let is_last = next.is_none();
            asked.extend(next.map(|source| self.ask(source)));
            let patience =
                if is_last { PATIENCE + self.common.dialer.handshake_timeout() } else { HESITATION };
            match timeout(patience, asked.next()).await {
                Ok(Some(Ok(()))) => return Ok(()),
                Ok(Some(Err(error))) => last = error,
                Ok(None) if is_last => return Err(last),
                Err(_) if is_last => return Err(last),
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Whom to ask: the nodes that are connected, then the seeds, in turn, then all that were ever named.
    fn sources(&self) -> Vec<Source> {
        let nodes = self.nodes();
        let live = nodes.iter().filter_map(|node| {
            let live = node.lanes.iter().find_map(|lane| lane.live())?;
            Some(Source { address: node.address()?.clone(), live: Some(live) })
        });
        let mut sources: Vec<Source> = live.collect();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let seeds = (0..self.seeds.len()).map(|at| &self.seeds[(turn + at) % self.seeds.len()]);
        for address in seeds.chain(nodes.iter().filter_map(|node| node.address())) {
            if sources.iter().all(|source| source.address != *address) {
                sources.push(Source { address: address.clone(), live: None });
            }
        }
        sources
    }

    async fn ask(self: &Arc<Self>, source: Source) -> Result<()> {
        let Source { address, live } = source;
        let mut connection = match live {
            Some(live) => live.connection(),
            None => self.common.dialer.dial(&address).await?.connection,
        };
        let question = cluster_slots();
        let answer = timeout(PATIENCE, connection.send_packed_command(&question)).await;
        let answer = answer.map_err(|_| Error::unavailable(format!("{address} does not answer")))?;
        self.learn(&answer.map_err(|error| classify(&error).0)?, &address)
    }

    /// Takes over the owners, and lets go of the nodes that have none.
    fn learn(self: &Arc<Self>, answer: &redis::Value, asked: &Address) -> Result<()> {
        if let redis::Value::ServerError(error) = answer {
            return Err(classify(&error.clone().into()).0);
        }
        let ranges = slots::parse(answer, asked)
            .filter(|ranges| !ranges.is_empty())
            .ok_or_else(|| Error::unavailable(format!("{asked} knows no slots; is it part of a cluster?")))?;
        let slots = Slots::new(&ranges, |address, replica| self.node_at(address, replica));
        let is_named = |node: &Arc<Node>| {
            let is_part = |shard: &Arc<Shard>| {
                Arc::ptr_eq(&shard.owner, node)
                    || shard.replicas.iter().any(|replica| Arc::ptr_eq(replica, node))
            };
            slots.shards.iter().any(is_part)
        };
        let before = self.slots.load_full();
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, node| {
            let stays = is_named(node);
            if !stays {
                node.retire();
            }
            stays
        });
        self.slots.store(Arc::new(slots));
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.tell_new_owners(&before);
        self.known.send_replace(true);
        Ok(())
    }
}

impl Cluster {
    /// Tells of every server that owns slots now and owned none before.
    fn tell_new_owners(&self, before: &Slots) {
        let now = self.slots.load_full();
        let owned =
            |address: &Address| before.shards.iter().any(|shard| shard.owner.address() == Some(address));
        for owner in now.shards.iter().filter_map(|shard| shard.owner.address()) {
            if !before.is_empty() && !owned(owner) {
                self.common.announcer.announce(Event::Failover { to: owner.to_string() });
            }
        }
    }
}

/// A node that can be asked for the owners.
struct Source {
    address: Address,
    /// A connection that is up.
    live: Option<Arc<Live>>,
}

fn cluster_slots() -> redis::Cmd {
    let mut question = redis::cmd("CLUSTER");
    question.arg("SLOTS");
    question
}

/// Held by the task that follows the slots; whatever ends it, the next caller starts another.
struct Following(Arc<Cluster>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.followed.store(false, Ordering::Release);
    }
}
