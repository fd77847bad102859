//! The servers that are set: those that own keys, and their replicas.

use redstart_connection::{Cmd, Config, Error, ErrorKind, Store, Value};
use redstart_monitor::Monitor;

use crate::Failure;

/// One server, and the way to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its address.
    pub address: String,
    /// Whether it follows another.
    pub is_replica: bool,
    /// A store on this very server.
    pub(super) store: Store,
}

impl Target {
    /// All servers behind `config`: of a cluster every owner, and of each the replicas.
    pub(super) async fn all(config: &Config, store: &Store) -> Result<Vec<Self>, Failure> {
        let mut targets = Vec::new();
        for address in primaries(config, store).await? {
            // Sockets and REST have no port; there the configuration itself is the way.
            let primary = match &address {
                Some(address) => Self::connect(config, address, false).await?,
                None => {
                    Self { address: store.describe().to_owned(), is_replica: false, store: store.clone() }
                }
            };
            let replicas = replicas(&primary.store).await;
            targets.push(primary);
            for replica in replicas {
                targets.push(Self::connect(config, &replica, true).await?);
            }
        }
        Ok(targets)
    }

    async fn connect(config: &Config, address: &str, is_replica: bool) -> Result<Self, Failure> {
        let store = Store::connect(&config.server_at(address)?).await?;
        Ok(Self { address: address.to_owned(), is_replica, store })
    }
}

/// The servers that own keys; none stands for the one that the configuration leads to.
async fn primaries(config: &Config, store: &Store) -> Result<Vec<Option<String>>, Error> {
    match store.access().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(vec![None]),
        Err(error) => Err(error),
        Ok(access) if access.is_cluster() => {
            let nodes = Monitor::new(Store::lazy(config)?).nodes().await?;
            Ok(nodes.into_iter().map(|node| Some(node.address)).collect())
        }
        Ok(access) => {
            let shown = |(host, port): &(String, u16)| {
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
            };
            Ok(access.servers().iter().map(|server| Some(shown(server))).collect())
        }
    }
}

/// The replicas that a server tells of; none where it does not.
async fn replicas(store: &Store) -> Vec<String> {
    let Ok(role) = store.command(Cmd::new("ROLE")).await.and_then(Value::into_array) else {
        return Vec::new();
    };
    let replicas = role.into_iter().nth(2).map(Value::into_array);
    let Some(Ok(replicas)) = replicas else { return Vec::new() };
    replicas.into_iter().filter_map(address).collect()
}

fn address(replica: Value) -> Option<String> {
    let mut parts = replica.into_array().ok()?.into_iter();
    let (host, port) = (parts.next()?.into_text().ok()?, parts.next()?.into_text().ok()?);
    Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}
