//! A configuration for people: never with a secret.

use std::fmt;

use super::{Address, Config, Mode};

impl Config {
    /// The address for people, without secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        let user = self.username.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let addresses = || self.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match (self.mode, &self.addresses[..]) {
            (Mode::Memory, _) => "memory".to_owned(),
            (Mode::Standalone, [Address::Unix(path)]) => format!("unix:{}", path.display()),
            (Mode::Standalone, _) => {
                let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
                format!("{scheme}://{user}{}/{}", addresses(), self.db)
            }
            (Mode::Rest, _) => {
                let scheme = if self.tls.is_some() { "https" } else { "http" };
                let path = self.rest.as_ref().map(|rest| rest.path.as_str()).unwrap_or_default();
                format!("{scheme}://{}{path}", addresses())
            }
            (Mode::Cluster, _) => format!("cluster {user}{}", addresses()),
            (Mode::Sentinel, _) => format!("sentinel {user}{} at {}", self.sentinel_master, addresses()),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mode: _,
            addresses: _,
            db,
            username,
            password,
            password_file,
            provider,
            tls,
            sentinel_master: _,
            sentinel_credentials,
            replica_reads,
            any_role,
            rest,
            coordination,
            preset,
            insecure_allowed,
            memory_by_default: _,
            prefix,
            digest_secret,
            connect_timeout,
            handshake_timeout,
            command_timeout,
            lanes,
            pool_size,
            max_connections,
            connections: _,
            pool_utilization_threshold,
            idle_timeout,
            max_age,
            breaker,
            standby,
            least_limit_ttl,
            memory_policy,
            max_memory,
        } = self;
        let secret = |is_set: bool| if is_set { "***" } else { "none" };
        f.debug_struct("Config")
            .field("address", &self.describe())
            .field("db", db)
            .field("username", username)
            .field("password", &secret(password.is_some()))
            .field("password_file", &secret(password_file.is_some()))
            .field("credentials", &secret(provider.is_some()))
            .field("tls", tls)
            .field("sentinel_credentials", sentinel_credentials)
            .field("replica_reads", replica_reads)
            .field("any_role", any_role)
            .field("rest_token", &secret(rest.is_some()))
            .field("coordination", coordination)
            .field("preset", preset)
            .field("insecure_allowed", insecure_allowed)
            .field("prefix", prefix)
            .field("digest_secret", &secret(digest_secret.is_some()))
            .field("connect_timeout", connect_timeout)
            .field("handshake_timeout", handshake_timeout)
            .field("command_timeout", command_timeout)
            .field("lanes", lanes)
            .field("pool_size", pool_size)
            .field("max_connections", max_connections)
            .field("pool_utilization_threshold", pool_utilization_threshold)
            .field("idle_timeout", idle_timeout)
            .field("max_age", max_age)
            .field("breaker", breaker)
            .field("standby", standby)
            .field("least_limit_ttl", least_limit_ttl)
            .field("memory_policy", memory_policy)
            .field("max_memory", max_memory)
            .finish()
    }
}
