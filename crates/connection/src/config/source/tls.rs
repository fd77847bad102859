//! How connections are encrypted.

use super::reader::Reader;
use crate::config::{Config, Mode, Problem, TlsConfig, url::Located};

/// What is said of encryption, by one source or several together.
#[derive(Default)]
pub(super) struct Tls {
    /// What was said in so many words.
    said: Option<bool>,
    /// The same and, where nothing was said, what the address says.
    enabled: Option<bool>,
    ca_file: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
    server_name: Option<String>,
}

impl Tls {
    /// What a source says beside its address, which may not differ.
    pub(super) fn read(reader: &mut Reader<'_>, url: Option<&Located>) -> Self {
        let said = reader.flag("REDIS_TLS");
        if said == Some(false) && url.is_some_and(|url| url.tls) {
            reader.differs("REDIS_TLS", "the URL, which begins with `rediss`");
        }
        Self {
            said,
            enabled: said,
            ca_file: reader.text("REDIS_TLS_CA_FILE"),
            cert_file: reader.text("REDIS_TLS_CERT_FILE"),
            key_file: reader.text("REDIS_TLS_KEY_FILE"),
            server_name: reader.text("REDIS_TLS_SERVER_NAME"),
        }
    }

    /// What an address says; `redis://` says nothing.
    pub(super) fn of(url: &Located) -> Self {
        Self { enabled: url.tls.then_some(true), ..Self::default() }
    }

    /// This and, where it says nothing, what has less weight.
    pub(super) fn or(self, below: Self) -> Self {
        Self {
            said: self.said.or(below.said),
            enabled: self.enabled.or(below.enabled),
            ca_file: self.ca_file.or(below.ca_file),
            cert_file: self.cert_file.or(below.cert_file),
            key_file: self.key_file.or(below.key_file),
            server_name: self.server_name.or(below.server_name),
        }
    }

    /// Whether any server is meant to be reached encrypted, whatever its address says.
    pub(super) fn is_asked_for(&self) -> bool {
        self.said.unwrap_or_else(|| self.is_described())
    }

    pub(super) fn apply(&self, config: &mut Config) -> Result<(), Problem> {
        let is_on = match config.mode {
            // The address behind HTTP says by itself whether it is encrypted.
            Mode::Rest => config.tls.is_some(),
            Mode::Memory => false,
            _ => self.enabled.unwrap_or_else(|| self.is_described()),
        };
        if is_on {
            config.tls = Some(self.files()?);
        }
        Ok(())
    }

    /// Whom to trust, and what to show.
    pub(super) fn files(&self) -> Result<TlsConfig, Problem> {
        let mut tls = TlsConfig::new();
        if let Some(ca) = &self.ca_file {
            tls = tls.with_ca_file(ca);
        }
        if let Some(name) = &self.server_name {
            tls = tls.with_server_name(name);
        }
        match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Ok(tls.with_identity(certificate, key)),
            (Some(_), None) => {
                let right = "REDIS_TLS_KEY_FILE beside it";
                Err(Problem::new("REDIS_TLS_CERT_FILE", "is set without its key", right))
            }
            (None, Some(_)) => {
                let right = "REDIS_TLS_CERT_FILE beside it";
                Err(Problem::new("REDIS_TLS_KEY_FILE", "is set without its certificate", right))
            }
            (None, None) => Ok(tls),
        }
    }

    fn is_described(&self) -> bool {
        self.ca_file.is_some()
            || self.cert_file.is_some()
            || self.key_file.is_some()
            || self.server_name.is_some()
    }
}
