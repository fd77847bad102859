//! Everything that code may set.

use std::{sync::Arc, time::Duration};

use redstart_keys::Prefix;
use secrecy::SecretString;

use super::{
    BreakerConfig, Config, ConfigError, Credentials, CredentialsProvider, Preset, TlsConfig, budget,
};

impl Config {
    /// Puts `prefix` and a colon before every name. Defaults to none.
    ///
    /// # Errors
    ///
    /// Names the character that a prefix may not hold.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, ConfigError> {
        self.prefix = Prefix::new(prefix)
            .map_err(|error| ConfigError::one("prefix", error.to_string(), "letters, digits and `_.:-`"))?;
        Ok(self)
    }

    /// Logs in with a password. Defaults to none.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(SecretString::from(password.into()));
        self
    }

    /// Logs in as a user of the server's access control list. Defaults to the server's default user.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Asks for the credentials, again and again, instead of knowing them.
    #[must_use]
    pub fn with_credentials(mut self, provider: impl CredentialsProvider) -> Self {
        self.provider = Some(Arc::new(provider));
        self
    }

    /// Logs in to the sentinels. Defaults to no login: sentinels have credentials of their own.
    #[must_use]
    pub fn with_sentinel_credentials(mut self, credentials: Credentials) -> Self {
        self.sentinel_credentials = Some(credentials);
        self
    }

    /// Encrypts all connections. Defaults to plain, except where the address begins with `rediss://`.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Reads of a cluster go to replicas, which lag behind: a value may be older than one that was read
    /// before. Defaults to the masters alone.
    #[must_use]
    pub const fn with_replica_reads(mut self, allowed: bool) -> Self {
        self.replica_reads = allowed;
        self
    }

    /// Keys the digests of sensitive ids. All processes that share a server need the same secret.
    ///
    /// Defaults to one made from the prefix, which an attacker who reads the server can guess.
    #[must_use]
    pub fn with_digest_secret(mut self, secret: impl Into<String>) -> Self {
        self.digest_secret = Some(SecretString::from(secret.into()));
        self
    }

    /// How long a call waits for a connection. Defaults to 100 ms.
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long a call may take, everything included. Defaults to 200 ms.
    #[must_use]
    pub const fn with_command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// How many connections ordinary commands share. Defaults to 2.
    #[must_use]
    pub const fn with_lanes(mut self, lanes: usize) -> Self {
        self.lanes = lanes;
        self
    }

    /// How long opening a connection may take, in the background; with TLS at least 3 s. Defaults to 1 s.
    #[must_use]
    pub const fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How many connections there may be, all together, of all stores that are made from this
    /// configuration and from its clones. Defaults to 100.
    ///
    /// One more is refused with [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded).
    #[must_use]
    pub fn with_max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self.connections = budget(connections);
        self
    }

    /// The percentage of the pool in use above which health is called degraded. Defaults to 80.
    #[must_use]
    pub const fn with_pool_utilization_threshold(mut self, percent: u8) -> Self {
        self.pool_utilization_threshold = percent;
        self
    }

    /// After what time an idle connection of the pool is closed. Defaults to 300 s.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// After what time any connection of the pool is replaced. Defaults to 1800 s.
    #[must_use]
    pub const fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// What this environment tolerates. Defaults to no preset: nothing is refused.
    #[must_use]
    pub const fn with_preset(mut self, preset: Preset) -> Self {
        self.preset = Some(preset);
        self
    }

    /// Lets production do without TLS and password. Defaults to no.
    #[must_use]
    pub const fn allow_insecure(mut self, allowed: bool) -> Self {
        self.insecure_allowed = allowed;
        self
    }

    /// Another server for locks, limits and state. Defaults to the same server.
    #[must_use]
    pub fn with_coordination(mut self, second: Self) -> Self {
        self.coordination = Some(Box::new(second));
        self
    }

    /// How long what a limit has counted is kept at least. Defaults to 1 hour.
    #[must_use]
    pub const fn with_least_limit_ttl(mut self, ttl: Duration) -> Self {
        self.least_limit_ttl = ttl;
        self
    }

    /// The eviction policy that the server should have, such as `noeviction`; another one is warned of.
    /// Defaults to not looking.
    #[must_use]
    pub fn with_memory_policy(mut self, policy: impl Into<String>) -> Self {
        self.memory_policy = Some(policy.into());
        self
    }

    /// The bytes that the server's memory should be bounded to; another bound is warned of. Defaults to
    /// not looking.
    #[must_use]
    pub const fn with_max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// How many connections commands that block may have. Defaults to 20.
    #[must_use]
    pub const fn with_pool_size(mut self, size: u32) -> Self {
        self.pool_size = size;
        self
    }

    /// When a server that fails or drags is left alone. Defaults to [`BreakerConfig::default`].
    #[must_use]
    pub fn with_breaker(mut self, breaker: BreakerConfig) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Asks a failing server again and again.
    #[must_use]
    pub fn without_breaker(mut self) -> Self {
        self.breaker = None;
        self
    }

    /// Whether this process's memory answers what it may while the server is away. Defaults to yes.
    #[must_use]
    pub const fn with_standby(mut self, allowed: bool) -> Self {
        self.standby = allowed;
        self
    }
}
