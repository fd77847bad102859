//! The servers of one cell, and the way to them.

mod cluster;
mod sentinel;
mod standalone;

use std::{collections::HashSet, net::SocketAddr, time::Duration};

use redstart_connection::{Config, ConfigError};
use redstart_testkit::{Cluster, Proxy, Raw, Sentinels, fresh_prefix};

use self::standalone::Standalone;
use crate::{
    Result,
    fault::{Needs, Topology},
    sockets,
};

pub(crate) const PASSWORD: &str = "first";
/// Keys that end within this are no leak: leases, and the marks of questions that were given up, which stay a minute
/// longer.
const SOON: Duration = Duration::from_secs(70);
/// So many keys with this pause before each take two seconds to load.
const KEYS_TO_LOAD: &str = "15000";
const PAUSE_BEFORE_KEY_MICROS: &str = "50";

/// Settings of every server: what was acknowledged survives a kill of the process.
const DURABLE: [(&str, &str); 2] = [("appendonly", "yes"), ("appendfsync", "everysec")];

/// The servers, the proxies before them if there are any, and the server that is struck.
pub(crate) struct Site {
    pub(crate) servers: Servers,
    /// One for each server that clients are led to, in the order of the addresses.
    proxies: Vec<Proxy>,
    /// Where the victim really is.
    victim: SocketAddr,
    prefix: String,
}

/// What stands behind a store.
pub(crate) enum Servers {
    Standalone(Box<Standalone>),
    Sentinel(Sentinels),
    Cluster(Cluster),
}

impl Site {
    pub(crate) async fn start(topology: Topology, needs: Needs) -> Result<Self> {
        // Servers are waited for by sleeping.
        let servers = tokio::task::block_in_place(|| match topology {
            Topology::Standalone => Servers::Standalone(Box::new(Standalone::start(needs))),
            Topology::Sentinel => Servers::Sentinel(sentinel::start(needs)),
            Topology::Cluster => Servers::Cluster(cluster::start(needs)),
        });
        let victim = match &servers {
            Servers::Standalone(standalone) => standalone.server.address(),
            Servers::Sentinel(sentinels) => sentinels.master(),
            Servers::Cluster(cluster) => cluster.master_of(&cluster::tag(1)),
        };
        let mut site = Self { servers, proxies: Vec::new(), victim, prefix: fresh_prefix() };
        if needs.proxy {
            site.proxies = match &site.servers {
                Servers::Standalone(_) => vec![Proxy::start(victim).await],
                Servers::Sentinel(sentinels) => vec![sentinel::interpose(sentinels, victim).await?],
                Servers::Cluster(cluster) => cluster::interpose(cluster).await?,
            };
        }
        if needs.slow_loading {
            let fill = "for i = 1, ARGV[1] do redis.call('SET', '{1}ballast:' .. i, i) end";
            site.victim_raw().command(&["EVAL", fill, "1", "{1}ballast", KEYS_TO_LOAD]);
        }
        Ok(site)
    }

    /// Makes the present master of the load's keys the victim; behind proxies it never changes.
    pub(crate) fn aim(&mut self) {
        if !self.has_proxies() {
            self.victim = self.master();
        }
    }

    /// Who is the master of the load's keys, as sentinels or nodes see it.
    pub(crate) fn master(&self) -> SocketAddr {
        tokio::task::block_in_place(|| match &self.servers {
            Servers::Standalone(_) => self.victim,
            Servers::Sentinel(sentinels) => sentinels.master(),
            Servers::Cluster(cluster) => cluster.master_of(&cluster::tag(1)),
        })
    }

    /// Whether faults strike what stands before the servers.
    pub(crate) fn has_proxies(&self) -> bool {
        !self.proxies.is_empty()
    }

    /// The configuration of a store for one kind of work: the default time-outs, a prefix of its own.
    pub(crate) fn config(&self, work: &str) -> std::result::Result<Config, ConfigError> {
        let config = match &self.servers {
            Servers::Standalone(standalone) => standalone.config(self.proxies.first().map(Proxy::address)),
            Servers::Sentinel(sentinels) => sentinel::config(sentinels),
            Servers::Cluster(cluster) => cluster::config(cluster, &self.proxies),
        }?;
        config.with_prefix(&format!("{}:{work}", self.prefix))
    }

    /// Ids whose keys are on the victim.
    pub(crate) fn ids(&self, count: usize) -> Vec<u64> {
        match &self.servers {
            Servers::Cluster(_) => cluster::neighbours(count),
            _ => (1..).take(count).collect(),
        }
    }

    /// The proxy before the victim.
    pub(crate) fn proxy(&self) -> Result<&Proxy> {
        let index = match &self.servers {
            Servers::Cluster(cluster) => cluster.addresses().iter().position(|node| *node == self.victim),
            _ => Some(0),
        };
        index.and_then(|index| self.proxies.get(index)).ok_or_else(|| "no proxy stands there".into())
    }

    /// Our ends of all connections to the servers or the proxies before them.
    pub(crate) fn sockets(&self) -> Vec<SocketAddr> {
        let port = |address: SocketAddr| address.port();
        let proxies: Vec<u16> = self.proxies.iter().map(|proxy| proxy.address().port()).collect();
        let mut ports: HashSet<u16> = match &self.servers {
            // What a proxy opens to a server is no connection of a store.
            _ if !proxies.is_empty() => proxies.into_iter().collect(),
            Servers::Standalone(standalone) => HashSet::from([standalone.server.address().port()]),
            Servers::Sentinel(sentinels) => sentinels.addresses().into_iter().map(port).collect(),
            Servers::Cluster(cluster) => cluster.addresses().into_iter().map(port).collect(),
        };
        if let Servers::Sentinel(sentinels) = &self.servers {
            ports.extend(sentinels.sentinel_addresses().into_iter().map(port));
        }
        sockets::to(&ports)
    }

    /// Cuts our connections to the victim, and nobody else's.
    pub(crate) fn kill_our_clients(&self, admin: &mut Raw) {
        for client in sockets::to(&HashSet::from([self.victim.port()])) {
            // The administrator's own connection is among them; it ends last, if at all.
            drop(admin.try_command(&["CLIENT", "KILL", "ADDR", &client.to_string(), "SKIPME", "yes"]));
        }
    }

    /// How many keys the stores have on the servers that hold the truth.
    pub(crate) fn count_keys(&self) -> usize {
        let masters = match &self.servers {
            Servers::Standalone(standalone) => {
                return standalone.holder().raw().keys_outliving(&self.prefix, SOON).len();
            }
            Servers::Sentinel(_) if !self.proxies.is_empty() => vec![self.victim],
            Servers::Sentinel(sentinels) => vec![sentinels.master()],
            // Clients and nodes know each other by the proxies' addresses then.
            Servers::Cluster(cluster) if !self.proxies.is_empty() => {
                cluster.addresses().into_iter().take(3).collect()
            }
            Servers::Cluster(cluster) => cluster.masters(),
        };
        let keys = |master| match &self.servers {
            Servers::Sentinel(sentinels) => sentinels.raw(master).keys_outliving(&self.prefix, SOON).len(),
            Servers::Cluster(cluster) => cluster.raw(master).keys_outliving(&self.prefix, SOON).len(),
            Servers::Standalone(_) => 0,
        };
        masters.into_iter().map(keys).sum()
    }

    /// A connection to the victim past the product.
    pub(crate) fn victim_raw(&self) -> Raw {
        match &self.servers {
            Servers::Standalone(standalone) => standalone.server.raw(),
            Servers::Sentinel(sentinels) => sentinels.raw(self.victim),
            Servers::Cluster(cluster) => cluster.raw(self.victim),
        }
    }

    pub(crate) fn kill(&mut self) {
        match &mut self.servers {
            Servers::Standalone(standalone) => standalone.server.kill(),
            Servers::Sentinel(sentinels) => sentinels.kill(self.victim),
            Servers::Cluster(cluster) => cluster.kill(self.victim),
        }
    }

    /// Starts the victim anew, and answers when it serves.
    pub(crate) fn restart(&mut self) {
        let victim = self.victim;
        tokio::task::block_in_place(|| match &mut self.servers {
            Servers::Standalone(standalone) => standalone.server.restart(),
            Servers::Sentinel(sentinels) => sentinels.restart(victim),
            Servers::Cluster(cluster) => cluster.restart(victim),
        });
    }

    pub(crate) fn freeze(&mut self) {
        match &mut self.servers {
            Servers::Standalone(standalone) => standalone.server.freeze(),
            Servers::Sentinel(sentinels) => sentinels.freeze(self.victim),
            Servers::Cluster(cluster) => cluster.freeze(self.victim),
        }
    }

    pub(crate) fn thaw(&mut self) {
        match &mut self.servers {
            Servers::Standalone(standalone) => standalone.server.thaw(),
            Servers::Sentinel(sentinels) => sentinels.thaw(self.victim),
            Servers::Cluster(cluster) => cluster.thaw(self.victim),
        }
    }

    /// Waits until the servers agree again; behind proxies they never stopped.
    pub(crate) async fn settled(&self) {
        match &self.servers {
            _ if !self.proxies.is_empty() => {}
            Servers::Standalone(_) => {}
            Servers::Sentinel(sentinels) => sentinels.wait_until_stable().await,
            Servers::Cluster(cluster) => cluster.wait_until_stable().await,
        }
    }

    /// Where the victim really is.
    pub(crate) const fn victim(&self) -> SocketAddr {
        self.victim
    }
}
