//! The server that is broken, and the way to it.

use std::{net::SocketAddr, time::Duration};

use redstart_cache::SweepPage;
use redstart_connection::{Cmd, Config, Store};
use redstart_keys::Pattern;
use redstart_testkit::{Cluster, Fault as Weather, Proxy, Raw, RedisServer, Sentinels};
use tokio::{net::lookup_host, task::block_in_place};

use super::{Fault, Topology};
use crate::Failure;

const LATENCY: Duration = Duration::from_millis(150);
/// What a service gives a command.
const COMMAND: Duration = Duration::from_millis(200);
/// How long a server of others is asked to undo what was done to it.
const UNDOING: Duration = Duration::from_secs(10);

/// The server that is broken, and the way to it.
pub(super) struct Site {
    servers: Servers,
    pub(super) topology: Option<Topology>,
    /// Before the one server, where its line is to misbehave.
    line: Option<Proxy>,
    /// Who is struck.
    victim: Option<SocketAddr>,
    /// What is to be set back.
    undo: Option<(&'static str, String)>,
    /// A connection from before, which a full or frozen server still lets in.
    admin: Option<Raw>,
    prefix: String,
}

enum Servers {
    Standalone(Box<RedisServer>),
    Sentinel(Sentinels),
    Cluster(Cluster),
    Named { config: Box<Config>, store: Store },
}

impl Site {
    /// Starts servers of the drill's own; they go with this.
    pub(super) async fn start(topology: Topology, fault: Fault) -> Result<Self, Failure> {
        installed()?;
        // Servers are waited for by sleeping.
        let servers = block_in_place(|| match topology {
            Topology::Standalone => Servers::Standalone(Box::new(RedisServer::start())),
            Topology::Sentinel => Servers::Sentinel(Sentinels::start()),
            Topology::Cluster => Servers::Cluster(Cluster::start()),
        });
        let line = match &servers {
            Servers::Standalone(server) if fault.needs_line() => Some(Proxy::start(server.address()).await),
            _ => None,
        };
        let prefix = "drill".to_owned();
        Ok(Self { servers, topology: Some(topology), line, victim: None, undo: None, admin: None, prefix })
    }

    /// Leads to a server that was there before; nothing of the drill stays on it.
    pub(super) async fn named(config: &Config, fault: Fault) -> Result<Self, Failure> {
        let store = Store::connect(config).await?;
        let mut config = config.clone();
        let mut line = None;
        if fault.needs_line() {
            let (there, url) = address(&store).await?;
            let proxy = Proxy::start(there).await;
            config = Config::from_url(&url(proxy.address()))?;
            line = Some(proxy);
        }
        let prefix = format!("drill:{:x}", store.clock().now().as_micros());
        let servers = Servers::Named { config: Box::new(config), store };
        Ok(Self { servers, topology: None, line, victim: None, undo: None, admin: None, prefix })
    }

    /// How the clients of the drill reach it, with the time-outs of a service.
    pub(super) fn config(&self) -> Result<Config, Failure> {
        let config = match &self.servers {
            Servers::Standalone(server) => {
                let address = self.line.as_ref().map_or_else(|| server.address(), Proxy::address);
                Config::from_url(&server.url_at(address))?
            }
            Servers::Sentinel(sentinels) => {
                let addresses = sentinels.sentinel_addresses().into_iter().map(|at| at.to_string());
                Config::sentinel(sentinels.master_name(), addresses)?
            }
            Servers::Cluster(cluster) => {
                Config::cluster(cluster.addresses().into_iter().map(|at| at.to_string()))?
            }
            Servers::Named { config, .. } => (**config).clone(),
        };
        Ok(config.with_command_timeout(COMMAND).with_prefix(&self.prefix)?)
    }

    /// Breaks it.
    pub(super) async fn strike(&mut self, fault: Fault, hold: Duration) -> Result<(), Failure> {
        if let Some(line) = &self.line {
            line.set(if fault == Fault::Slow { Weather::Delay(LATENCY) } else { Weather::BlackHole });
            return Ok(());
        }
        match (&mut self.servers, fault) {
            (_, Fault::Cut | Fault::Slow | Fault::Manual) => {}
            (Servers::Named { store, .. }, Fault::Freeze) => {
                let pause = i64::try_from(hold.as_millis()).unwrap_or(i64::MAX);
                store.command(Cmd::new("CLIENT").arg("PAUSE").arg(pause).arg("ALL")).await?;
            }
            (Servers::Named { store, .. }, _) => {
                let before = store.command(Cmd::new("CONFIG").arg("GET").arg("maxmemory")).await?;
                let before = before.into_array()?.pop().unwrap_or_default().into_text()?;
                self.undo = Some(("maxmemory", before));
                store.command(Cmd::new("CONFIG").arg("SET").arg("maxmemory").arg("1")).await?;
            }
            (_, Fault::Fill) => block_in_place(|| self.fill("1")),
            (servers, _) => block_in_place(|| self.victim = Some(servers.strike(fault))),
        }
        Ok(())
    }

    /// Takes the fault away; the server is as before, or on its way there.
    pub(super) async fn heal(&mut self, fault: Fault) -> Result<(), Failure> {
        if let Some(line) = &self.line {
            line.set(Weather::None);
            line.reset_existing();
            return Ok(());
        }
        if let Some((name, value)) = self.undo.take()
            && let Servers::Named { store, .. } = &self.servers
        {
            let set = Cmd::new("CONFIG").arg("SET").arg(name).arg(value.clone());
            store.command(set).await.map_err(|error| {
                Failure::from(error).with_remedy(format!("set it back by hand: CONFIG SET {name} {value}"))
            })?;
        }
        match (&mut self.servers, fault, self.victim.take()) {
            (Servers::Named { .. }, ..) => {}
            (_, Fault::Fill, _) => block_in_place(|| self.fill("0")),
            (servers, _, Some(victim)) => block_in_place(|| servers.heal(fault, victim)),
            _ => {}
        }
        Ok(())
    }

    /// Leaves nothing of the drill on a server of others.
    pub(super) async fn clean(&self) -> Result<(), Failure> {
        let Servers::Named { config, .. } = &self.servers else { return Ok(()) };
        let config = (**config).clone().with_prefix(&self.prefix)?.with_command_timeout(UNDOING);
        let store = Store::lazy(&config)?;
        let mut page = SweepPage::new(Pattern::all());
        while let (Some(next), _) = store.run(&page).await? {
            page = page.at(next);
        }
        Ok(())
    }

    /// Whom the fault is done to, for people.
    pub(super) fn describe(&self) -> String {
        match (&self.servers, self.topology) {
            (Servers::Named { store, .. }, _) => store.describe().to_owned(),
            (_, Some(topology)) => topology.to_string(),
            (_, None) => String::new(),
        }
    }

    /// Bounds the memory of every server that can write.
    fn fill(&mut self, most: &str) {
        let mut servers: Vec<Raw> = match &self.servers {
            Servers::Standalone(server) => vec![server.raw()],
            Servers::Sentinel(sentinels) => vec![sentinels.raw(sentinels.master())],
            Servers::Cluster(cluster) => cluster.masters().into_iter().map(|at| cluster.raw(at)).collect(),
            Servers::Named { .. } => Vec::new(),
        };
        for raw in &mut servers {
            raw.command(&["CONFIG", "SET", "maxmemory", most]);
        }
        self.admin = servers.pop();
    }
}

impl Servers {
    /// Kills or freezes a primary; answers which.
    fn strike(&mut self, fault: Fault) -> SocketAddr {
        let kills = fault == Fault::Kill;
        match self {
            Self::Standalone(server) => {
                if kills {
                    server.kill()
                } else {
                    server.freeze()
                }
                server.address()
            }
            Self::Sentinel(sentinels) if kills => sentinels.kill_master(),
            Self::Sentinel(sentinels) => sentinels.freeze_master(),
            Self::Cluster(cluster) if kills => cluster.kill_master_of(super::workload::NEIGHBOUR),
            Self::Cluster(cluster) => {
                let master = cluster.master_of(super::workload::NEIGHBOUR);
                cluster.freeze(master);
                master
            }
            Self::Named { .. } => SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }

    fn heal(&mut self, fault: Fault, victim: SocketAddr) {
        let kills = fault == Fault::Kill;
        match self {
            Self::Standalone(server) if kills => server.restart(),
            Self::Standalone(server) => server.thaw(),
            Self::Sentinel(sentinels) if kills => sentinels.restart(victim),
            Self::Sentinel(sentinels) => sentinels.thaw(victim),
            Self::Cluster(cluster) if kills => cluster.restart(victim),
            Self::Cluster(cluster) => cluster.thaw(victim),
            Self::Named { .. } => {}
        }
    }
}

/// Where the server of a store is, and its URL at another address.
async fn address(store: &Store) -> Result<(SocketAddr, impl Fn(SocketAddr) -> String), Failure> {
    let access = store.access().await?;
    let refused =
        |reason: &str| Failure::usage(reason).with_remedy("drill it with --fault freeze,fill or manual");
    if access.is_cluster() || store.status().mode == "sentinel" {
        return Err(refused("cut and slow: clients of sentinels and clusters go past any line"));
    }
    if access.tls().is_some() {
        return Err(refused("cut and slow: the server's certificate is not for a line on this machine"));
    }
    let Some((host, port)) = access.servers().first().cloned() else {
        return Err(refused("cut and slow: there is no server"));
    };
    let there = lookup_host((host, port)).await?.next();
    let there = there.ok_or_else(|| refused("cut and slow: the server's name leads nowhere"))?;
    let url = move |at: SocketAddr| {
        let login = match (access.username(), access.password()) {
            (Some(user), Some(password)) => format!("{}:{}@", escaped(user), escaped(password)),
            (None, Some(password)) => format!(":{}@", escaped(password)),
            _ => String::new(),
        };
        format!("redis://{login}{at}/{}", access.db())
    };
    Ok((there, url))
}

/// A part of a URL in which nothing has a meaning of its own.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Fails with what is to be installed, where no server can be started.
fn installed() -> Result<(), Failure> {
    let found = redstart_testkit::locate::servers(std::path::Path::new("target/tools"))?;
    if found.is_empty() {
        return Err(Failure::usage("no Redis or Valkey server is on the PATH").with_remedy(
            "install one (apt-get install redis-server), or name one in REDSTART_REDIS_SERVER; \
             --here drills the server that --url names",
        ));
    }
    Ok(())
}
