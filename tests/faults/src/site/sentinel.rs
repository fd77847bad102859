//! A master with replicas under sentinels.

use std::{net::SocketAddr, time::Duration};

use redstart_connection::{Config, ConfigError};
use redstart_testkit::{Proxy, Sentinels, eventually};

use super::{DURABLE, PASSWORD, PAUSE_BEFORE_KEY_MICROS};
use crate::{Result, fault::Needs};

pub(super) fn start(needs: Needs) -> Sentinels {
    let mut setup =
        DURABLE.into_iter().fold(Sentinels::configure(), |setup, (name, value)| setup.option(name, value));
    if needs.password {
        setup = setup.password(PASSWORD);
    }
    if needs.slow_loading {
        setup = setup.option("key-load-delay", PAUSE_BEFORE_KEY_MICROS);
    }
    setup.start()
}

pub(super) fn config(sentinels: &Sentinels) -> std::result::Result<Config, ConfigError> {
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    let config = Config::sentinel(sentinels.master_name(), addresses)?;
    let has_password = sentinels.node(sentinels.addresses()[0]).url().contains(PASSWORD);
    Ok(if has_password { config.with_password(PASSWORD) } else { config })
}

/// Puts a proxy before the master, and has the sentinels watch it there.
///
/// They wait eight seconds before they doubt it: what befalls the way is not to become a failover.
pub(super) async fn interpose(sentinels: &Sentinels, master: SocketAddr) -> Result<Proxy> {
    let proxy = Proxy::start(master).await;
    let (name, port) = (sentinels.master_name(), proxy.address().port().to_string());
    for sentinel in sentinels.sentinel_addresses() {
        let mut raw = sentinels.raw(sentinel);
        raw.command(&["SENTINEL", "REMOVE", name]);
        raw.command(&["SENTINEL", "MONITOR", name, "127.0.0.1", &port, "2"]);
        raw.command(&["SENTINEL", "SET", name, "down-after-milliseconds", "8000"]);
    }
    eventually(Duration::from_secs(10), async || {
        sentinels.sentinel_addresses().into_iter().all(|sentinel| {
            let fields = sentinels.raw(sentinel).command(&["SENTINEL", "MASTER", name]).array();
            let texts: Vec<_> = fields.into_iter().map(redstart_testkit::Reply::text).collect();
            texts.chunks(2).any(|pair| pair == ["role-reported", "master"])
                && texts.chunks(2).any(|pair| pair == ["flags", "master"])
        })
    })
    .await;
    Ok(proxy)
}
