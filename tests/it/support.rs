//! What the tests against a real server share.

use std::time::Duration;

use redstart_connection::{Config, Store};
use redstart_testkit::{RedisServer, fresh_prefix, shared};

/// How long an awaited event may take before the test fails.
pub(crate) const GUARD: Duration = Duration::from_secs(10);

/// The way to the shared server under a prefix of its own.
pub(crate) fn config() -> Config {
    config_for(shared())
}

/// The way to `server` under a prefix of its own.
pub(crate) fn config_for(server: &RedisServer) -> Config {
    let config =
        Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    // A busy machine must not turn a slow answer into a failure.
    config.with_command_timeout(GUARD).with_connect_timeout(GUARD)
}

pub(crate) fn store() -> Store {
    Store::lazy(&config()).unwrap()
}
