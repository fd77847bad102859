//! How to reach the server.

mod address;
mod breaker;
mod credentials;
mod environment;
mod problem;
mod rest;
mod tls;
mod url;

use std::{fmt, sync::Arc, time::Duration};

use redstart_keys::{DigestKey, Prefix};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use self::{address::Address, rest::RestConfig};
pub use self::{
    breaker::BreakerConfig,
    credentials::{Credentials, CredentialsProvider, PasswordFile},
    environment::{VARIABLES, Variable},
    problem::{ConfigError, Problem},
    tls::TlsConfig,
};

/// How to reach the server, and how long to wait for it.
///
/// ```
/// use std::time::Duration;
/// use redstart_connection::Config;
///
/// # fn main() -> Result<(), redstart_connection::ConfigError> {
/// let config = Config::from_url("redis://app:s3cret@10.0.0.5:6380/2")?
///     .with_prefix("prod:shop")?
///     .with_command_timeout(Duration::from_millis(100));
/// assert_eq!(config.describe(), "redis://app@10.0.0.5:6380/2");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) mode: Mode,
    /// The server, the sentinels, or some nodes of the cluster.
    pub(crate) addresses: Vec<Address>,
    pub(crate) db: u32,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) provider: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) sentinel_master: String,
    pub(crate) sentinel_credentials: Option<Credentials>,
    pub(crate) replica_reads: bool,
    /// Set in this mode alone.
    pub(crate) rest: Option<RestConfig>,
    pub(crate) prefix: Prefix,
    pub(crate) digest_secret: Option<SecretString>,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) lanes: usize,
    pub(crate) pool_size: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_age: Duration,
    pub(crate) breaker: Option<BreakerConfig>,
    pub(crate) standby: bool,
}

/// Where the state lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Memory,
    Standalone,
    Sentinel,
    Cluster,
    Rest,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Standalone => "standalone",
            Self::Sentinel => "sentinel",
            Self::Cluster => "cluster",
            Self::Rest => "rest",
        }
    }
}

impl Config {
    /// The embedded store.
    #[must_use]
    pub fn memory() -> Self {
        Self { mode: Mode::Memory, ..Self::standalone(Address::tcp("127.0.0.1", 6379)) }
    }

    /// A server by address, such as `redis://user:password@host:6379/0`.
    ///
    /// # Errors
    ///
    /// Names what is wrong with the address; never repeats its password.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        url::parse(url).map_err(|problem| ConfigError::new(vec![problem.about("url")]))
    }

    /// What the environment describes.
    ///
    /// # Errors
    ///
    /// Lists every problem at once, each with its variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// What the given variables describe, for those who keep them elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        environment::read(&variable)
    }

    pub(crate) fn standalone(address: Address) -> Self {
        Self {
            mode: Mode::Standalone,
            addresses: vec![address],
            db: 0,
            username: None,
            password: None,
            provider: None,
            tls: None,
            sentinel_master: String::new(),
            sentinel_credentials: None,
            replica_reads: false,
            rest: None,
            prefix: Prefix::none(),
            digest_secret: None,
            connect_timeout: Duration::from_millis(100),
            handshake_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_millis(200),
            lanes: 2,
            pool_size: 20,
            idle_timeout: Duration::from_secs(300),
            max_age: Duration::from_secs(1800),
            breaker: Some(BreakerConfig::default()),
            standby: true,
        }
    }

    /// A cluster, found by some of its nodes: `host:port`, or `host` for port 6379.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let config = Config::cluster(["10.0.0.1:7000", "10.0.0.2:7000"])?.with_password("s3cret");
    /// assert_eq!(config.describe(), "cluster 10.0.0.1:7000,10.0.0.2:7000");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Names the address that makes no sense.
    pub fn cluster<A: AsRef<str>>(nodes: impl IntoIterator<Item = A>) -> Result<Self, ConfigError> {
        let addresses = address::parse_all("nodes", nodes, 6379)?;
        Ok(Self { mode: Mode::Cluster, addresses, ..Self::memory() })
    }

    /// The master that sentinels call `master`: `host:port` of the sentinels, or `host` for port 26379.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let config = Config::sentinel("shop", ["10.0.0.1", "10.0.0.2", "10.0.0.3"])?;
    /// assert_eq!(config.describe(), "sentinel shop at 10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Names the address that makes no sense.
    pub fn sentinel<A: AsRef<str>>(
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = A>,
    ) -> Result<Self, ConfigError> {
        let addresses = address::parse_all("sentinels", sentinels, 26379)?;
        let sentinel_master = master.into();
        Ok(Self { mode: Mode::Sentinel, addresses, sentinel_master, ..Self::memory() })
    }

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

    /// Whether this is the embedded store.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.mode == Mode::Memory
    }

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

    pub(crate) fn is_cluster(&self) -> bool {
        self.mode == Mode::Cluster
    }

    pub(crate) fn address(&self) -> Address {
        self.addresses.first().cloned().unwrap_or_else(|| Address::tcp("127.0.0.1", 6379))
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        if let Some(rest) = &self.rest {
            return Some(Credentials { username: None, password: rest.token.clone() });
        }
        let password = self.password.clone()?;
        Some(Credentials { username: self.username.clone(), password })
    }

    /// Checks what can be checked without a server.
    ///
    /// # Errors
    ///
    /// Lists every problem at once.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        let mut positive = |variable, value: Duration| {
            if value.is_zero() {
                problems.push(Problem::new(
                    variable,
                    "is zero, so that no call could ever succeed",
                    "1 or more milliseconds",
                ));
            }
        };
        positive("REDIS_CONNECT_TIMEOUT", self.connect_timeout);
        positive("REDIS_READ_TIMEOUT", self.command_timeout);
        if self.lanes == 0 || self.lanes > 64 {
            problems.push(Problem::new("lanes", format!("is {}", self.lanes), "1 to 64"));
        }
        if self.pool_size == 0 {
            problems.push(Problem::new("REDIS_POOL_SIZE", "is 0", "1 or more"));
        }
        if self.mode == Mode::Rest {
            if cfg!(not(feature = "rest")) {
                let what = "is `rest`, which this build does not speak";
                problems.push(Problem::new("REDIS_MODE", what, "the cargo feature `rest`"));
            }
            if self.db != 0 {
                problems.push(Problem::new("REDIS_DB", "is not 0", "0, the one database behind REST"));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::new(problems)) }
    }

    pub(crate) fn digest_key(&self) -> DigestKey {
        match &self.digest_secret {
            Some(secret) => DigestKey::new(secret.expose_secret().as_bytes()),
            None => DigestKey::new(format!("redstart:{}", self.prefix).as_bytes()),
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

#[cfg(test)]
mod tests;
