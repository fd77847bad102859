//! TLS for the client: the authorities that the machine trusts.

use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Failure;

/// Reading the machine's certificates takes a while, and they rarely change.
static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();

pub(super) async fn wrap(host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
    let config = match CONFIG.get() {
        Some(config) => Arc::clone(config),
        None => {
            let config = config().map_err(Failure)?;
            Arc::clone(CONFIG.get_or_init(|| config))
        }
    };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Failure("its host is no name that a certificate could have".to_owned()))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| Failure(format!("no TLS: {error}")))
}

fn config() -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(
            "this machine trusts no certificate authority; SSL_CERT_FILE names a file of them".to_owned()
        );
    }
    let builder = ClientConfig::builder_with_provider(provider()?).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("no TLS: {error}"))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The process's own choice, else the one that this build brings.
fn provider() -> Result<Arc<CryptoProvider>, String> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    #[cfg(feature = "tls-ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "tls-aws-lc-rs", not(feature = "tls-ring")))]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
    Err("TLS needs a crypto provider: enable the feature `tls-ring` or `tls-aws-lc-rs`, or install one"
        .to_owned())
}
