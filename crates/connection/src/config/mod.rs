//! How to reach the server.

mod environment;
mod problem;

use std::{fmt, time::Duration};

use redstart_keys::{DigestKey, Prefix};
use secrecy::{ExposeSecret, SecretString};

pub use self::{
    environment::{VARIABLES, Variable},
    problem::{ConfigError, Problem},
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
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) db: u32,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) prefix: Prefix,
    pub(crate) digest_secret: Option<SecretString>,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) lanes: usize,
    pub(crate) pool_size: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_age: Duration,
}

/// Where the state lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    Memory,
    Standalone,
}

impl Config {
    /// The embedded store.
    #[must_use]
    pub fn memory() -> Self {
        Self { mode: Mode::Memory, ..Self::standalone("127.0.0.1".to_owned(), 6379) }
    }

    /// A server by address, such as `redis://user:password@host:6379/0`.
    ///
    /// # Errors
    ///
    /// Names what is wrong with the address; never repeats its password.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        environment::parse_url(url).map_err(|problem| ConfigError::new(vec![problem.about("url")]))
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

    pub(crate) fn standalone(host: String, port: u16) -> Self {
        Self {
            mode: Mode::Standalone,
            host,
            port,
            db: 0,
            username: None,
            password: None,
            prefix: Prefix::none(),
            digest_secret: None,
            connect_timeout: Duration::from_millis(100),
            handshake_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_millis(200),
            lanes: 2,
            pool_size: 20,
            idle_timeout: Duration::from_secs(300),
            max_age: Duration::from_secs(1800),
        }
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

    /// Whether this is the embedded store.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.mode == Mode::Memory
    }

    /// The address for people, without secrets.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.is_memory() {
            return "memory".to_owned();
        }
        let user = self.username.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("redis://{user}{}:{}/{}", self.host, self.port, self.db)
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
