//! How connections are encrypted.

use super::reader::Reader;
use crate::config::{Config, Mode, Problem, TlsConfig, url::Located};

/// What one source says of encryption.
#[derive(Default)]
pub(super) struct Tls {
    enabled: Option<bool>,
    ca_file: Option<String>,
    cert_file: Option<String>,
    key_file: Option<String>,
    server_name: Option<String>,
}

impl Tls {
    pub(super) fn read(reader: &mut Reader<'_>, url: Option<&Located>) -> Self {
        let mut enabled = reader.flag("REDIS_TLS");
        if url.is_some_and(|url| url.tls) {
            if enabled == Some(false) {
                reader.differs("REDIS_TLS", "the URL, which begins with `rediss`");
            }
            enabled = Some(true);
        }
        Self {
            enabled,
            ca_file: reader.text("REDIS_TLS_CA_FILE"),
            cert_file: reader.text("REDIS_TLS_CERT_FILE"),
            key_file: reader.text("REDIS_TLS_KEY_FILE"),
            server_name: reader.text("REDIS_TLS_SERVER_NAME"),
        }
    }

    /// This, and below it what a source of less weight says.
    pub(super) fn over(self, below: Self) -> Self {
        Self {
            enabled: self.enabled.or(below.enabled),
            ca_file: self.ca_file.or(below.ca_file),
            cert_file: self.cert_file.or(below.cert_file),
            key_file: self.key_file.or(below.key_file),
            server_name: self.server_name.or(below.server_name),
        }
    }

    pub(super) fn apply(self, config: &mut Config) -> Result<(), Problem> {
        let is_described = self.ca_file.is_some()
            || self.cert_file.is_some()
            || self.key_file.is_some()
            || self.server_name.is_some();
        // The address behind HTTP says by itself whether it is encrypted.
        let is_on = match config.mode {
            Mode::Rest => config.tls.is_some(),
            _ => self.enabled.unwrap_or(is_described),
        };
        if !is_on {
            return Ok(());
        }
        let mut tls = TlsConfig::new();
        if let Some(ca) = self.ca_file {
            tls = tls.with_ca_file(ca);
        }
        if let Some(name) = self.server_name {
            tls = tls.with_server_name(name);
        }
        match (self.cert_file, self.key_file) {
            (Some(certificate), Some(key)) => tls = tls.with_identity(certificate, key),
            (Some(_), None) => {
                let right = "REDIS_TLS_KEY_FILE beside it";
                return Err(Problem::new("REDIS_TLS_CERT_FILE", "is set without its key", right));
            }
            (None, Some(_)) => {
                let right = "REDIS_TLS_CERT_FILE beside it";
                return Err(Problem::new("REDIS_TLS_KEY_FILE", "is set without its certificate", right));
            }
            (None, None) => {}
        }
        config.tls = Some(tls);
        Ok(())
    }
}
