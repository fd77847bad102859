//! What those ask a configuration who judge a server by it, and the same for others to come in by.

use super::{Address, Config, ConfigError, Mode, address, source};

impl Config {
    /// Whether connections are encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether all that is named is on this machine: nobody else hears what is said.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(Address::is_loopback)
    }

    /// The bytes that the server's memory should be bounded to, where that is said.
    #[must_use]
    pub const fn max_memory(&self) -> Option<u64> {
        self.max_memory
    }

    /// Reads an amount of memory as the server's own configuration writes it: `1mb` is 1024 × 1024 bytes, `1m`
    /// a million; none for what is no amount.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// assert_eq!(Config::parse_bytes("2gb"), Some(2_147_483_648));
    /// ```
    #[must_use]
    pub fn parse_bytes(text: &str) -> Option<u64> {
        source::bytes(text)
    }

    /// Who logs in, where that is said.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The same way to the server for somebody who does not say who they are; sentinels are still logged in
    /// to, and a client certificate is still shown.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let stranger = Config::from_url("rediss://app:s3cret@10.0.0.5")?.without_login();
    /// assert_eq!(stranger.describe(), "rediss://10.0.0.5:6379/0");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn without_login(mut self) -> Self {
        self.username = None;
        self.password = None;
        self.password_file = None;
        self.provider = None;
        self
    }

    /// One of the servers behind this configuration, by `host:port`, with the same login and the same TLS.
    ///
    /// It may be a replica, which other configurations refuse; it still takes no writes.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let cluster = Config::cluster(["10.0.0.1:7000"])?;
    /// assert_eq!(cluster.server_at("10.0.0.2:7001")?.describe(), "redis://10.0.0.2:7001/0");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Names the address when it makes no sense.
    pub fn server_at(&self, address: &str) -> Result<Self, ConfigError> {
        let addresses = address::parse_all("the server", [address], 6379)?;
        Ok(Self { mode: Mode::Standalone, addresses, any_role: true, coordination: None, ..self.clone() })
    }
}
