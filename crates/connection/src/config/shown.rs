//! A configuration for people: never with a secret.

use std::fmt;

use secrecy::SecretString;

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
        let secret = |secret: &Option<SecretString>| if secret.is_some() { "***" } else { "none" };
        f.debug_struct("Config")
            .field("address", &self.describe())
            .field("password", &secret(&self.password))
            .field("prefix", &self.prefix)
            .field("digest_secret", &secret(&self.digest_secret))
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("lanes", &self.lanes)
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}
