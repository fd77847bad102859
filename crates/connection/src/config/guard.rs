//! What endangers secrets and data: refused in production, warned of elsewhere.

use super::{Address, Config, Mode, Preset, Problem};

impl Config {
    /// What is no error, but should be known: each with its setting and what would be better.
    ///
    /// A store that is made from this logs the same.
    ///
    /// ```
    /// use redstart_connection::Config;
    ///
    /// # fn main() -> Result<(), redstart_connection::ConfigError> {
    /// let config = Config::from_url("redis://:s3cret@203.0.113.7")?.with_digest_secret("pepper");
    /// let warnings = config.warnings();
    /// assert_eq!(warnings[0].variable(), "REDIS_TLS");
    /// assert!(warnings[0].what().contains("in plain text"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = self.own_warnings();
        if let Some(second) = self.coordination() {
            let more = Problem::of_second(second.own_warnings(), &warnings);
            warnings.extend(more);
        }
        warnings
    }

    /// Logs what is no error; a second server is told of by the store that is made from it.
    pub(crate) fn log_warnings(&self) {
        for warning in self.own_warnings() {
            tracing::warn!(server = self.describe(), "{warning}");
        }
    }

    fn own_warnings(&self) -> Vec<Problem> {
        let is_guarded = matches!(self.preset, Some(Preset::Staging | Preset::Production));
        let mut warnings = match self.preset {
            Some(Preset::Staging) => findings(self),
            Some(Preset::Production) if self.insecure_allowed => exposures(self),
            _ => Vec::new(),
        };
        if self.mode == Mode::Memory {
            return warnings;
        }
        if !is_guarded {
            warnings.extend(plain_text(self, |address| !address.is_near()));
        }
        if self.digest_secret.is_none() && self.preset != Some(Preset::Development) {
            let what = "is not set, so that whoever reads the server can guess sensitive ids";
            let right = "a secret that all processes share";
            warnings.push(Problem::new("REDIS_DIGEST_SECRET", what, right));
        }
        if is_guarded && self.prefix.is_empty() {
            let what = "is not set, so that another service on this server may use the same names";
            warnings.push(Problem::new("REDIS_KEY_PREFIX", what, "a prefix such as `prod:shop`"));
        }
        if is_guarded && self.mode == Mode::Sentinel && self.sentinel_credentials.is_none() {
            let what = "is not set, so that anybody in the network may command the sentinels";
            warnings.push(Problem::new("REDIS_SENTINEL_PASSWORD", what, "a password of the sentinels"));
        }
        warnings
    }
}

/// What the preset refuses.
pub(super) fn refusals(config: &Config) -> Vec<Problem> {
    match config.preset {
        Some(Preset::Production) if config.insecure_allowed => no_server(config).into_iter().collect(),
        Some(Preset::Production) => findings(config),
        _ => Vec::new(),
    }
}

fn findings(config: &Config) -> Vec<Problem> {
    no_server(config).into_iter().chain(exposures(config)).collect()
}

fn no_server(config: &Config) -> Option<Problem> {
    let right = "the address of a server, or REDIS_MODE=memory to do without one";
    config.memory_by_default.then(|| {
        Problem::new("REDIS_URL", "is not set, so that everything would be lost at a restart", right)
    })
}

/// What others could hear or do.
fn exposures(config: &Config) -> Vec<Problem> {
    if config.mode == Mode::Memory {
        return Vec::new();
    }
    let plain = plain_text(config, |address| !address.is_loopback());
    let is_socket = config.addresses.iter().all(|address| matches!(address, Address::Unix(_)));
    let has_certificate = config.tls.as_ref().is_some_and(|tls| tls.identity.is_some());
    let has_login = config.provider.is_some() || config.credentials().is_some();
    let open = (!is_socket && !has_certificate && !has_login).then(|| {
        let right = "a password, a password file or a client certificate, or REDIS_ALLOW_INSECURE=true";
        Problem::new("REDIS_PASSWORD", "is not set, so that the server knows nobody from anybody", right)
    });
    plain.into_iter().chain(open).collect()
}

/// The addresses that are reached in plain text, as far as they matter.
fn plain_text(config: &Config, matters: impl Fn(&Address) -> bool) -> Option<Problem> {
    if config.tls.is_some() {
        return None;
    }
    let reached = config.addresses.iter().filter(|address| matters(address));
    let reached = reached.map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let right = "an address that begins with rediss://, or REDIS_TLS=true, or REDIS_ALLOW_INSECURE=true";
    (!reached.is_empty()).then(|| {
        Problem::new("REDIS_TLS", format!("is off, so that {reached} is reached in plain text"), right)
    })
}
