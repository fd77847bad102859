//! Everything over HTTP that works over TCP.

mod client;
mod failures;
mod operations;

use redstart_connection::{Config, Store};
use redstart_testkit::{RestBridge, fresh_prefix, shared};

use crate::support::GUARD;

pub(crate) const TOKEN: &str = "hunter2-of-the-bridge";

fn bridge() -> RestBridge {
    RestBridge::start(shared(), TOKEN)
}

/// The way to a bridge under a prefix of its own.
pub(crate) fn config_for(url: &str) -> Config {
    let config = Config::rest(url, TOKEN).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    // A busy machine must not turn a slow answer into a failure.
    config.with_command_timeout(GUARD).with_connect_timeout(GUARD)
}

fn store_of(bridge: &RestBridge) -> Store {
    Store::lazy(&config_for(&bridge.url())).unwrap()
}
