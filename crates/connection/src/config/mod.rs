//! How to reach the server.

mod address;
mod breaker;
mod credentials;
mod guard;
mod named;
mod posture;
mod preset;
mod problem;
mod rest;
mod setters;
mod shown;
mod source;
mod tls;
mod url;
mod validate;
mod variables;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use redstart_keys::{DigestKey, Prefix};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use self::source::{Environment, File, Raw};
pub(crate) use self::{address::Address, rest::RestConfig};
pub use self::{
    breaker::BreakerConfig,
    credentials::{Credentials, CredentialsProvider, PasswordFile},
    preset::Preset,
    problem::{ConfigError, Problem},
    tls::TlsConfig,
    variables::{VARIABLES, Variable},
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
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) provider: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) sentinel_master: String,
    pub(crate) sentinel_credentials: Option<Credentials>,
    pub(crate) replica_reads: bool,
    /// Whether a replica will do for the one server.
    pub(crate) any_role: bool,
    /// Set in this mode alone.
    pub(crate) rest: Option<RestConfig>,
    /// A second server.
    pub(crate) coordination: Option<Box<Self>>,
    pub(crate) preset: Option<Preset>,
    pub(crate) insecure_allowed: bool,
    /// Nobody asked for the embedded store; no server was named.
    pub(crate) memory_by_default: bool,
    pub(crate) prefix: Prefix,
    pub(crate) digest_secret: Option<SecretString>,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) lanes: usize,
    pub(crate) pool_size: u32,
    pub(crate) max_connections: u32,
    /// The connections that may still be opened, by all stores that are made from this.
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) pool_utilization_threshold: u8,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_age: Duration,
    pub(crate) breaker: Option<BreakerConfig>,
    pub(crate) standby: bool,
    pub(crate) least_limit_ttl: Duration,
    pub(crate) memory_policy: Option<String>,
    pub(crate) max_memory: Option<u64>,
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
    /// What the environment describes, over what the file describes that `REDIS_CONFIG_FILE` names.
    ///
    /// # Errors
    ///
    /// Lists every problem at once, each with its variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        let variable = |name: &str| {
            let value = std::env::var_os(name)?;
            Some(value.into_string().map_or(Raw::Garbled, Raw::Loose))
        };
        Self::from_environment(&Environment::new(variable))
    }

    /// What the given variables describe, for those who keep them elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Config::from_env`].
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::from_environment(&Environment::new(|name: &str| variable(name).map(Raw::Loose)))
    }

    fn from_environment<F: Fn(&str) -> Option<Raw>>(
        environment: &Environment<F>,
    ) -> Result<Self, ConfigError> {
        match environment.path("REDIS_CONFIG_FILE") {
            Some(path) => source::read(&[environment, &File::open(&path, "REDIS_CONFIG_FILE")]),
            None => source::read(&[environment]),
        }
    }

    /// What a TOML file describes in its table `[redis]`; other tables belong to the service.
    ///
    /// # Errors
    ///
    /// Lists every problem at once, each with its line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        source::read(&[&File::open(&path.as_ref().display().to_string(), "the path")])
    }

    /// What a TOML text describes in its table `[redis]`.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let config = Config::from_toml(
    ///     r#"
    ///     [redis]
    ///     url = "redis://10.0.0.5:6380"
    ///     prefix = "prod:shop"
    ///     timeouts.command = "150ms"
    ///     "#,
    /// )?;
    /// assert_eq!(config.describe(), "redis://10.0.0.5:6380/0");
    ///
    /// let error = Config::from_toml("[redis]\ntimeouts.command = 150").expect_err("150 of what?");
    /// assert!(error.to_string().starts_with("2:20: redis.timeouts.command is 150 of no unit"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Lists every problem at once, each with its line.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        source::read(&[&File::parse(None, text)])
    }

    pub(crate) fn standalone(address: Address) -> Self {
        Self {
            mode: Mode::Standalone,
            addresses: vec![address],
            db: 0,
            username: None,
            password: None,
            password_file: None,
            provider: None,
            tls: None,
            sentinel_master: String::new(),
            sentinel_credentials: None,
            replica_reads: false,
            any_role: false,
            rest: None,
            coordination: None,
            preset: None,
            insecure_allowed: false,
            memory_by_default: false,
            prefix: Prefix::none(),
            digest_secret: None,
            connect_timeout: Duration::from_millis(100),
            handshake_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_millis(200),
            lanes: 2,
            pool_size: 20,
            max_connections: MAX_CONNECTIONS,
            connections: budget(MAX_CONNECTIONS),
            pool_utilization_threshold: 80,
            idle_timeout: Duration::from_secs(300),
            max_age: Duration::from_secs(1800),
            breaker: Some(BreakerConfig::default()),
            standby: true,
            least_limit_ttl: Duration::from_secs(3600),
            memory_policy: None,
            max_memory: None,
        }
    }

    /// Whether this is the embedded store.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.mode == Mode::Memory
    }

    /// What the environment tolerates, where it was said.
    #[must_use]
    pub const fn preset(&self) -> Option<Preset> {
        self.preset
    }

    /// The way to a second server for locks, limits and state, where there is one.
    ///
    /// ```
    /// use redstart_connection::{Config, Store};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = Config::from_env()?;
    /// let store = Store::lazy(&config)?;
    /// let coordination = match config.coordination() {
    ///     Some(second) => Store::lazy(second)?,
    ///     None => store.clone(),
    /// };
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn coordination(&self) -> Option<&Self> {
        self.coordination.as_deref()
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

    pub(crate) fn digest_key(&self) -> DigestKey {
        match &self.digest_secret {
            Some(secret) => DigestKey::new(secret.expose_secret().as_bytes()),
            None => DigestKey::new(format!("redstart:{}", self.prefix).as_bytes()),
        }
    }
}

/// How many connections a process has at most, unless told otherwise.
const MAX_CONNECTIONS: u32 = 100;

fn budget(connections: u32) -> Arc<Semaphore> {
    let connections = usize::try_from(connections).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests;
