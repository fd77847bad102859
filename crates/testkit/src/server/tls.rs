//! The certificates of a server, and their ends.

use std::{path::PathBuf, time::Duration};

use super::RedisServer;
use crate::certificates::Certificates;

/// What only servers with TLS have; the feature `tls` brings it.
impl RedisServer {
    /// The authority that signed the certificates of server and client, as PEM.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS, as do the other functions for it.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.certificates().authority_file()
    }

    /// A certificate that the server accepts from a client, as PEM.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS.
    #[must_use]
    pub fn client_cert_file(&self) -> PathBuf {
        self.certificates().client_file()
    }

    /// The private key of [`client_cert_file`](Self::client_cert_file), as PEM.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS.
    #[must_use]
    pub fn client_key_file(&self) -> PathBuf {
        self.certificates().client_key_file()
    }

    /// Gives server and client new certificates of the same authority, in the same files.
    ///
    /// Present connections go on; new handshakes see the new certificate.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS, is down or is frozen.
    pub fn rotate_certificates(&mut self) {
        self.certificates().rotate();
        self.reload();
    }

    /// Gives everybody an authority and certificates that no earlier client trusts, in the same files.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS, is down or is frozen.
    pub fn rotate_authority(&mut self) {
        self.certificates().rotate();
        self.certificates = Some(Certificates::create(self.folder.path()));
        self.reload();
    }

    /// Serves a certificate that ended long ago, until the certificates are rotated.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS, is down or is frozen.
    pub fn serve_expired_certificate(&mut self) {
        self.certificates().expire();
        self.reload();
    }

    /// Serves a certificate that ends so long after the beginning of 1970, until the certificates are rotated.
    ///
    /// # Panics
    ///
    /// Panics when the server was configured without TLS, is down or is frozen.
    pub fn serve_certificate_until(&mut self, since_1970: Duration) {
        self.certificates().end_at(since_1970);
        self.reload();
    }

    fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("the server speaks no TLS: configure it with `tls()`")
    }

    /// Makes the running server read its files again.
    fn reload(&self) {
        let settings = self.certificates().settings();
        let mut command = vec!["CONFIG".to_owned(), "SET".to_owned()];
        command.extend(settings.into_iter().flat_map(|(name, path)| [name.to_owned(), path]));
        self.raw().command(&command);
    }
}
