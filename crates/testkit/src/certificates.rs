//! Throw-away certificates: an authority, a server, a client.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority, and the folder in which what it signed lies as PEM.
pub(crate) struct Certificates {
    authority: Issuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Certificates {
    /// Makes an authority and its first certificates.
    pub(crate) fn create(folder: &Path) -> Self {
        let key = key();
        let mut params = params("redstart testkit");
        // Authorities of one name and several keys confuse those that look them up by name.
        params.distinguished_name.push(DnType::OrganizationName, format!("{:016x}", fastrand::u64(..)));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("an authority can be made");
        let certificates = Self { authority: Issuer::new(params, key), folder: folder.to_owned() };
        write(&certificates.authority_file(), &certificate.pem());
        certificates.rotate();
        certificates
    }

    /// Gives server and client new certificates and keys, in the same files.
    pub(crate) fn rotate(&self) {
        self.issue("server", &server_params());
        let mut client = params("client");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue("client", &client);
    }

    /// Gives the server a certificate that has ended.
    pub(crate) fn expire(&self) {
        let mut server = server_params();
        server.not_before = date_time_ymd(2001, 1, 1);
        server.not_after = date_time_ymd(2002, 1, 1);
        self.issue("server", &server);
    }

    /// Gives the server a certificate that ends so long after 1970.
    pub(crate) fn end_at(&self, since_1970: Duration) {
        let mut server = server_params();
        server.not_after = date_time_ymd(1970, 1, 1) + since_1970;
        self.issue("server", &server);
    }

    pub(crate) fn authority_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    pub(crate) fn client_file(&self) -> PathBuf {
        self.folder.join("client.crt")
    }

    pub(crate) fn client_key_file(&self) -> PathBuf {
        self.folder.join("client.key")
    }

    /// What the server must be told.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        [("tls-cert-file", "server.crt"), ("tls-key-file", "server.key"), ("tls-ca-cert-file", "ca.crt")]
            .map(|(name, file)| (name, self.folder.join(file).display().to_string()))
    }

    fn issue(&self, name: &str, params: &CertificateParams) {
        let key = key();
        let certificate: Certificate =
            params.signed_by(&key, &self.authority).expect("a certificate can be signed");
        write(&self.folder.join(format!("{name}.key")), &key.serialize_pem());
        write(&self.folder.join(format!("{name}.crt")), &certificate.pem());
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn server_params() -> CertificateParams {
    let mut server = params("127.0.0.1");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server
}

fn params(name: &str) -> CertificateParams {
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut params = CertificateParams::new(names).expect("these are names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

/// Whoever reads the file meanwhile sees the old text or the new, never half of one.
fn write(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).and_then(|()| fs::rename(&next, path)).expect("a file can be written");
}
