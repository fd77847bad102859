//! Configurations that name their servers.

use super::{Address, Config, ConfigError, Mode, address, url};

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
        let located = url::parse(url).map_err(|problem| ConfigError::new(vec![problem]))?;
        Ok(located.config())
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
}
