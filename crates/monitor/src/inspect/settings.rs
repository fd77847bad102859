//! How the server is set.

use std::collections::BTreeMap;

use redstart_connection::{Cmd, Result, Value};

use super::{
    Question,
    question::{lossy, pairs},
};

/// The settings that are asked for; none of them is a secret.
const NAMES: [&str; 24] = [
    "aof-timestamp-enabled",
    "appendfsync",
    "appendonly",
    "bind",
    "enable-debug-command",
    "enable-module-command",
    "latency-monitor-threshold",
    "latency-tracking",
    "lazyfree-lazy-eviction",
    "lfu-decay-time",
    "lfu-log-factor",
    "maxclients",
    "maxmemory",
    "maxmemory-clients",
    "maxmemory-policy",
    "maxmemory-samples",
    "min-replicas-to-write",
    "notify-keyspace-events",
    "protected-mode",
    "save",
    "slowlog-log-slower-than",
    "slowlog-max-len",
    "tcp-keepalive",
    "timeout",
];

/// Asks how the server is set: what matters for health, and nothing secret.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AskSettings;

impl Question for AskSettings {
    type Answer = BTreeMap<String, String>;
    const NAME: &'static str = "monitor.settings";

    fn cmd(&self) -> Cmd {
        NAMES.iter().fold(Cmd::new("CONFIG").arg("GET"), |cmd, name| cmd.arg(*name))
    }

    fn read(&self, answer: Value) -> Result<Self::Answer> {
        Ok(pairs(answer)?.into_iter().map(|(name, value)| (name, lossy(value))).collect())
    }
}
