//! The certificates that the tests stand on, seen by a client that checks them.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use redstart_testkit::RedisServer;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

#[test]
fn server_proves_itself_to_those_who_trust_its_authority() {
    let server = RedisServer::configure().password("secret").tls().start();
    assert_eq!(server.url(), format!("rediss://:secret@{}/0", server.address()));
    for name in ["127.0.0.1", "localhost"] {
        assert_eq!(ping(&server, name, anonymous(&server.ca_file())).unwrap(), "-NOAUTH");
    }
    assert_eq!(server.raw().command(&["PING"]).text(), "PONG");

    let stranger = RedisServer::configure().tls().start();
    refused(&server, anonymous(&stranger.ca_file()), "UnknownIssuer");
    let elsewhere = ping(&server, "redis.example", anonymous(&server.ca_file()));
    assert!(elsewhere.unwrap_err().to_string().contains("not valid for name"));
}

#[test]
fn mutual_tls_asks_the_client_for_a_certificate() {
    let server = RedisServer::configure().mutual_tls().start();
    let stranger = RedisServer::configure().mutual_tls().start();
    assert_eq!(ping(&server, "localhost", identified(&server, &server)).unwrap(), "+PONG");
    assert!(ping(&server, "localhost", anonymous(&server.ca_file())).is_err());
    assert!(ping(&server, "localhost", identified(&server, &stranger)).is_err());
}

#[test]
fn rotated_certificates_are_new_and_of_the_same_authority() {
    let mut server = RedisServer::configure().mutual_tls().start();
    let (authority, client) = (read(&server.ca_file()), read(&server.client_cert_file()));
    let before = served(&server);

    server.rotate_certificates();

    assert_eq!(read(&server.ca_file()), authority);
    assert_ne!(read(&server.client_cert_file()), client);
    assert_ne!(served(&server), before);
}

#[test]
fn rotated_authority_is_trusted_by_nobody_yet() {
    let mut server = RedisServer::configure().tls().start();
    let old = anonymous(&server.ca_file());

    server.rotate_authority();

    refused(&server, old, "UnknownIssuer");
    assert_eq!(ping(&server, "localhost", anonymous(&server.ca_file())).unwrap(), "+PONG");
    server.restart();
    assert_eq!(ping(&server, "localhost", anonymous(&server.ca_file())).unwrap(), "+PONG");
}

#[test]
fn expired_certificate_is_served_until_the_next_rotation() {
    let mut server = RedisServer::configure().tls().start();
    server.serve_expired_certificate();
    refused(&server, anonymous(&server.ca_file()), "xpired");
    server.rotate_certificates();
    assert_eq!(ping(&server, "localhost", anonymous(&server.ca_file())).unwrap(), "+PONG");
}

#[test]
#[should_panic(expected = "configure it with `tls()`")]
fn plain_server_has_no_certificates() {
    drop(RedisServer::start().ca_file());
}

/// A client that trusts an authority and has no certificate of its own.
fn anonymous(authority: &Path) -> ClientConfig {
    client().with_root_certificates(trusting(authority)).with_no_client_auth()
}

/// A client that trusts the authority of `server` and shows the certificate of `who`.
fn identified(server: &RedisServer, who: &RedisServer) -> ClientConfig {
    let chain = vec![CertificateDer::from_pem_file(who.client_cert_file()).unwrap()];
    let key = PrivateKeyDer::from_pem_file(who.client_key_file()).unwrap();
    client().with_root_certificates(trusting(&server.ca_file())).with_client_auth_cert(chain, key).unwrap()
}

fn client() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn trusting(authority: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    roots
}

/// Sends PING over TLS, and returns the first five bytes of the answer or of what is wrong with it.
fn ping(server: &RedisServer, name: &str, config: ClientConfig) -> io::Result<String> {
    let mut stream = connect(server, name, config)?;
    stream.write_all(b"PING\r\n")?;
    let mut line = [0; 7];
    stream.read_exact(&mut line)?;
    Ok(String::from_utf8_lossy(&line).split_whitespace().next().unwrap_or_default().to_owned())
}

fn connect(
    server: &RedisServer,
    name: &str,
    config: ClientConfig,
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let connection = ClientConnection::new(Arc::new(config), name.to_owned().try_into().unwrap()).unwrap();
    let socket = TcpStream::connect(server.address())?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.flush()?;
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// The certificate that the server shows.
fn served(server: &RedisServer) -> Vec<u8> {
    let stream = connect(server, "localhost", identified(server, server)).unwrap();
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn refused(server: &RedisServer, config: ClientConfig, reason: &str) {
    let error = ping(server, "localhost", config).unwrap_err().to_string();
    assert!(error.contains(reason), "{error}");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
