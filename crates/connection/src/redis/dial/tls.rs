//! Encryption, with certificates that may change while the service runs.

#[cfg(feature = "tls")]
mod expiry;
#[cfg(feature = "tls")]
mod files;

#[cfg(feature = "tls")]
pub(super) use self::with_tls::Tls;
#[cfg(not(feature = "tls"))]
pub(super) use self::without_tls::Tls;

#[cfg(feature = "tls")]
mod with_tls {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex, PoisonError},
        time::{Duration, Instant},
    };

    use rustls::ClientConfig;
    use rustls_pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    use super::{super::Stream, expiry, files};
    use crate::{Certainty, Clock, Error, ErrorKind, Result, Timestamp, TlsConfig, config::Address};

    /// What is needed to encrypt a connection.
    pub(in super::super) struct Tls {
        config: TlsConfig,
        present: Mutex<Present>,
        /// When the certificate ends that each server showed last.
        ends: Mutex<HashMap<String, Timestamp>>,
    }

    struct Present {
        client: Arc<ClientConfig>,
        /// What the files held.
        digest: u64,
        /// Counts the changes.
        generation: u64,
        checked: Instant,
    }

    impl Tls {
        /// Reads and checks the files.
        pub(in super::super) fn load(config: &TlsConfig) -> Result<Self> {
            let (client, digest) = files::read(config).map_err(invalid)?;
            let checked = Clock::system().instant();
            let present = Present { client: Arc::new(client), digest, generation: 0, checked };
            Ok(Self { config: config.clone(), present: Mutex::new(present), ends: Mutex::default() })
        }

        /// How often the certificates have changed; looks at the files when that was long ago.
        pub(in super::super) fn generation(&self) -> u64 {
            let now = Clock::system().instant();
            let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_duration_since(present.checked) >= self.config.check_interval {
                present.checked = now;
                self.reload(&mut present);
            }
            present.generation
        }

        fn reload(&self, present: &mut Present) {
            match files::read(&self.config) {
                Ok((_, digest)) if digest == present.digest => {}
                Ok((client, digest)) => {
                    tracing::info!("the TLS certificates have changed and are in use from now on");
                    (present.client, present.digest) = (Arc::new(client), digest);
                    present.generation += 1;
                }
                // A file that is being written, perhaps; the old certificates are better than none.
                Err(what) => tracing::warn!(what, "the TLS certificates have changed and make no sense"),
            }
        }

        pub(in super::super) const fn check_interval(&self) -> Duration {
            self.config.check_interval
        }

        /// What other libraries of this process need to encrypt as this one does.
        pub(in super::super) fn for_others(&self) -> Result<&TlsConfig> {
            files::share_provider().map_err(invalid)?;
            Ok(&self.config)
        }

        /// When the first of the certificates ends that servers have shown; none before the first.
        pub(in super::super) fn first_end(&self) -> Option<Timestamp> {
            self.ends.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
        }

        /// Encrypts a socket; the server must prove who it is.
        pub(in super::super) async fn encrypt(&self, stream: Stream, address: &Address) -> Result<Stream> {
            let name = self.config.server_name.as_deref().unwrap_or_else(|| address.host());
            let name = ServerName::try_from(name.to_owned())
                .map_err(|_| invalid(format!("{name:?} is no name that a certificate could bear")))?;
            let client = Arc::clone(&self.present.lock().unwrap_or_else(PoisonError::into_inner).client);
            match TlsConnector::from(client).connect(name, stream).await {
                Ok(encrypted) => {
                    let shown = encrypted.get_ref().1.peer_certificates().and_then(<[_]>::first);
                    if let Some(end) = shown.and_then(|certificate| expiry::not_after(certificate)) {
                        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
                        ends.insert(address.to_string(), end);
                    }
                    Ok(Box::new(encrypted))
                }
                Err(error) => {
                    let broken = error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>());
                    let what = format!("cannot agree on TLS with {address}: {error}");
                    Err(if broken { Error::unavailable(what) } else { invalid(what) })
                }
            }
        }
    }

    fn invalid(what: String) -> Error {
        Error::new(ErrorKind::Config, Certainty::NotSent, what)
    }
}

#[cfg(not(feature = "tls"))]
mod without_tls {
    use std::time::Duration;

    use super::super::Stream;
    use crate::{Certainty, Error, ErrorKind, Result, Timestamp, TlsConfig, config::Address};

    /// There is none in this build.
    pub(in super::super) enum Tls {}

    impl Tls {
        pub(in super::super) fn load(_: &TlsConfig) -> Result<Self> {
            Err(Error::new(
                ErrorKind::Config,
                Certainty::NotSent,
                "this build speaks no TLS; enable the feature `tls-ring` or `tls-aws-lc-rs`",
            ))
        }

        pub(in super::super) fn generation(&self) -> u64 {
            match *self {}
        }

        pub(in super::super) fn check_interval(&self) -> Duration {
            match *self {}
        }

        pub(in super::super) fn for_others(&self) -> Result<&TlsConfig> {
            match *self {}
        }

        pub(in super::super) fn first_end(&self) -> Option<Timestamp> {
            match *self {}
        }

        #[expect(clippy::unused_async, reason = "the other build awaits here")]
        pub(in super::super) async fn encrypt(&self, _: Stream, _: &Address) -> Result<Stream> {
            match *self {}
        }
    }
}
