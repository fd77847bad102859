//! A cluster, whose nodes may announce proxies instead of themselves.

use std::time::Duration;

use redstart_connection::{Config, ConfigError};
use redstart_testkit::{Cluster, Proxy, eventually, slot_of};

use super::{DURABLE, PASSWORD, PAUSE_BEFORE_KEY_MICROS};
use crate::{Result, fault::Needs};

pub(super) fn start(needs: Needs) -> Cluster {
    let mut setup =
        DURABLE.into_iter().fold(Cluster::configure(), |setup, (name, value)| setup.option(name, value));
    if needs.password {
        setup = setup.password(PASSWORD);
    }
    if needs.slow_loading {
        setup = setup.option("key-load-delay", PAUSE_BEFORE_KEY_MICROS);
    }
    setup.start()
}

/// The part of a key's name that decides on its slot.
pub(super) fn tag(id: u64) -> String {
    format!("{{{id}}}")
}

pub(super) fn config(cluster: &Cluster, proxies: &[Proxy]) -> std::result::Result<Config, ConfigError> {
    let addresses =
        if proxies.is_empty() { cluster.addresses() } else { proxies.iter().map(Proxy::address).collect() };
    let config = Config::cluster(addresses.into_iter().map(|address| address.to_string()))?;
    let has_password = cluster.urls().iter().any(|url| url.contains(PASSWORD));
    Ok(if has_password { config.with_password(PASSWORD) } else { config })
}

/// Ids in the slots of the same master as the first.
pub(super) fn neighbours(count: usize) -> Vec<u64> {
    // The testkit gives each master a third of the slots, in order.
    let third = |id: u64| (u32::from(slot_of(&tag(id))) * 3 + 2) / 16_384;
    (1..).filter(|&id| third(id) == third(1)).take(count).collect()
}

/// Puts a proxy before every node, which the nodes announce to clients; their bus stays as it is.
pub(super) async fn interpose(cluster: &Cluster) -> Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    for node in cluster.addresses() {
        let proxy = Proxy::start(node).await;
        let port = proxy.address().port().to_string();
        cluster.raw(node).command(&["CONFIG", "SET", "cluster-announce-port", &port]);
        proxies.push(proxy);
    }
    eventually(Duration::from_secs(15), async || {
        cluster.addresses().into_iter().all(|node| {
            let view = cluster.raw(node).command(&["CLUSTER", "NODES"]).text();
            proxies.iter().all(|proxy| view.contains(&format!(":{}@", proxy.address().port())))
        })
    })
    .await;
    Ok(proxies)
}
