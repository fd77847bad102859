//! What TLS needs to know.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How connections are encrypted, and who is trusted.
///
/// Files are read and checked when the store is made, and again when they change: a new certificate is
/// in use soon, and one that makes no sense leaves the old one in place.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) server_name: Option<String>,
    pub(crate) check_interval: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { ca_file: None, identity: None, server_name: None, check_interval: Duration::from_secs(15) }
    }
}

impl TlsConfig {
    /// Encrypted, trusting the authorities that the machine trusts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities in this PEM file, and no others.
    #[must_use]
    pub fn with_ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// Shows the server a certificate of one's own: PEM files of its chain and of its key.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.identity = Some((certificate.as_ref().to_owned(), key.as_ref().to_owned()));
        self
    }

    /// The name that the server's certificate must bear. Defaults to the host of the address.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// How often the files are looked at. Defaults to 15 seconds.
    #[must_use]
    pub const fn with_check_interval(mut self, interval: Duration) -> Self {
        self.check_interval = interval;
        self
    }
}
