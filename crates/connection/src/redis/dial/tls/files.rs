//! Certificates from files.

use std::{
    fs,
    hash::{DefaultHasher, Hasher},
    path::Path,
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::TlsConfig;

/// Reads and checks the files; answers with a digest of what they hold.
pub(super) fn read(config: &TlsConfig) -> Result<(ClientConfig, u64), String> {
    let mut digest = DefaultHasher::new();
    let roots = match &config.ca_file {
        Some(path) => authorities(path, &content(path, &mut digest)?)?,
        None => authorities_of_the_machine()?,
    };
    let builder = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("the TLS crypto provider can't be used: {error}"))?
        .with_root_certificates(roots);
    let client = match &config.identity {
        None => builder.with_no_client_auth(),
        Some((chain_file, key_file)) => {
            let chain = certificates(chain_file, &content(chain_file, &mut digest)?)?;
            let key = PrivateKeyDer::from_pem_slice(&content(key_file, &mut digest)?)
                .map_err(|error| format!("{} holds no private key: {error}", key_file.display()))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                format!("{} and {} do not belong together: {error}", chain_file.display(), key_file.display())
            })?
        }
    };
    Ok((client, digest.finish()))
}

fn content(path: &Path, digest: &mut DefaultHasher) -> Result<Vec<u8>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    digest.write(&bytes);
    Ok(bytes)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| format!("{} is no PEM file: {error}", path.display()))?;
    if chain.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(chain) }
}

fn authorities(path: &Path, pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        let wrong = |error| format!("{} holds a certificate that makes no sense: {error}", path.display());
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(roots)
}

fn authorities_of_the_machine() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err("this machine trusts no certificate authority; name one by REDIS_TLS_CA_FILE".to_owned());
    }
    Ok(roots)
}

/// Makes our provider the process's choice where it has none, for libraries that ask for that alone.
pub(super) fn share_provider() -> Result<(), String> {
    if CryptoProvider::get_default().is_none() {
        // Another may have chosen since.
        let _installed = CryptoProvider::clone(&*provider()?).install_default();
    }
    Ok(())
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
    Err("TLS needs a crypto provider: enable the feature `tls-ring` or `tls-aws-lc-rs`, or install one of your own"
        .to_owned())
}
