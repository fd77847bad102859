//! The way from a store to its server or servers.

use std::sync::Arc;

use redstart_keys::{DigestKey, Key, Prefix};

use super::{
    cluster::{Cluster, slot_of},
    common::Common,
    dial::Dialer,
    node::{Node, Part, Target},
    rest::Rest,
    sentinel::Sentinels,
};
use crate::{Clock, Config, Error, Result, Tasks, config::Mode, events::Announcer};

/// What all calls of a store share: how names are written, and where the servers are.
pub(crate) struct Link {
    pub(crate) common: Arc<Common>,
    pub(crate) route: Route,
    pub(crate) prefix: Prefix,
    pub(crate) clock: Clock,
    digest: DigestKey,
}

/// Where the servers are.
pub(crate) enum Route {
    /// One server, or the master among a few.
    One(Arc<Node>),
    /// Many, each with a part of the names.
    Cluster(Arc<Cluster>),
    /// Behind HTTP, which hides what is there.
    Rest(Arc<Rest>),
}

impl Link {
    pub(crate) fn new(config: &Config, clock: Clock, tasks: Tasks, announcer: Announcer) -> Result<Self> {
        let common = Common::new(config, tasks, announcer)?;
        let route = match config.mode {
            Mode::Cluster => Route::Cluster(Cluster::new(
                Arc::clone(&common),
                config.addresses.clone(),
                config.replica_reads,
            )),
            Mode::Sentinel => {
                let dialer = Dialer::for_sentinels(config, &common.tasks)?;
                let name = config.sentinel_master.clone();
                let sentinels =
                    Sentinels::new(name, config.addresses.clone(), dialer, common.announcer.clone());
                Route::One(Node::new(&common, Target::Master(sentinels), Part::Master))
            }
            Mode::Rest => Route::Rest(Rest::new(config, &common)?),
            Mode::Standalone | Mode::Memory => {
                let part = if config.any_role { Part::Replica } else { Part::Master };
                Route::One(Node::new(&common, Target::At(config.address()), part))
            }
        };
        Ok(Self { common, route, prefix: config.prefix.clone(), clock, digest: config.digest_key() })
    }

    /// The name of `key` on the server.
    pub(crate) fn name(&self, key: &Key) -> Vec<u8> {
        let mut name = Vec::with_capacity(64);
        self.write_name(key, &mut name);
        name
    }

    /// The same, behind what is there already.
    pub(crate) fn write_name(&self, key: &Key, out: &mut Vec<u8>) {
        key.render(&self.prefix, &self.digest, out);
    }

    /// The slot of a key; none where there are no slots.
    pub(crate) fn slot_of(&self, key: &Key) -> Option<u16> {
        matches!(self.route, Route::Cluster(_)).then(|| slot_of(&self.name(key)))
    }

    /// The slot of a name; none where there are no slots.
    pub(crate) fn slot(&self, name: &[u8]) -> Option<u16> {
        matches!(self.route, Route::Cluster(_)).then(|| slot_of(name))
    }

    /// The server for a command on `slot`.
    pub(crate) async fn node(&self, slot: Option<u16>, reads: bool) -> Result<Arc<Node>> {
        match &self.route {
            Route::One(node) => Ok(Arc::clone(node)),
            Route::Cluster(cluster) => cluster.node(slot, reads).await,
            Route::Rest(_) => Err(Error::unsupported("there are no connections to one server over REST")),
        }
    }

    /// Every server that is known.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        match &self.route {
            Route::One(node) => vec![Arc::clone(node)],
            Route::Cluster(cluster) => cluster.nodes(),
            Route::Rest(_) => Vec::new(),
        }
    }

    /// Why the owners of the slots are not known; none where they are, or there are no slots.
    pub(crate) fn cluster_error(&self) -> Option<String> {
        match &self.route {
            Route::One(_) | Route::Rest(_) => None,
            Route::Cluster(cluster) => cluster.last_error(),
        }
    }
}
