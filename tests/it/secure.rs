//! Encrypted connections, sockets, and credentials that change.

use std::{fs, time::Duration};

use redstart_connection::{Cmd, Config, ErrorKind, PasswordFile, Store, TlsConfig};
use redstart_testkit::{RedisServer, eventually};

use crate::support::GUARD;

fn config(server: &RedisServer, tls: TlsConfig) -> Config {
    Config::from_url(&server.url()).unwrap().with_tls(tls).with_command_timeout(GUARD)
}

fn trusting(server: &RedisServer) -> TlsConfig {
    TlsConfig::new().with_ca_file(server.ca_file())
}

async fn works(store: &Store) -> bool {
    store.command(Cmd::new("PING")).await.is_ok()
}

async fn refused(config: &Config, why: &str) {
    let error = Store::connect(config).await.expect_err(why);
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(!error.is_transient() && error.to_string().contains(why), "{error}");
}

#[tokio::test]
async fn only_a_server_that_proves_itself_is_used() {
    let (mut server, stranger) =
        (RedisServer::configure().tls().start(), RedisServer::configure().tls().start());
    assert!(works(&Store::connect(&config(&server, trusting(&server))).await.unwrap()).await);
    refused(&config(&server, trusting(&stranger)), "UnknownIssuer").await;
    let elsewhere = trusting(&server).with_server_name("redis.example");
    refused(&config(&server, elsewhere), "not valid for name").await;
    server.serve_expired_certificate();
    refused(&config(&server, trusting(&server)), "expired").await;
}

#[tokio::test]
async fn server_may_ask_for_a_certificate() {
    let server = RedisServer::configure().mutual_tls().start();
    let identity = || trusting(&server).with_identity(server.client_cert_file(), server.client_key_file());
    assert!(works(&Store::connect(&config(&server, identity())).await.unwrap()).await);
    let error = Store::connect(&config(&server, trusting(&server))).await.expect_err("it wants one");
    assert!(error.to_string().contains("TLS") || error.to_string().contains("ertificate"), "{error}");
}

#[tokio::test]
async fn files_that_make_no_sense_are_named_at_the_start() {
    let server = RedisServer::configure().tls().start();
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN NOTHING-----").unwrap();
    let (chain, key) = (server.client_cert_file(), server.client_key_file());
    for (tls, named) in [
        (TlsConfig::new().with_ca_file(&garbage), "garbage.pem"),
        (TlsConfig::new().with_ca_file("/no/such/file"), "/no/such/file"),
        (trusting(&server).with_identity(&chain, &garbage), "garbage.pem"),
        (trusting(&server).with_identity(server.ca_file(), &key), "do not belong together"),
    ] {
        let error = Store::lazy(&config(&server, tls)).expect_err(named);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn new_certificates_come_into_use_without_a_restart() {
    let mut server = RedisServer::configure().mutual_tls().start();
    let tls = trusting(&server)
        .with_identity(server.client_cert_file(), server.client_key_file())
        .with_check_interval(Duration::from_millis(100));
    let store =
        Store::connect(&config(&server, tls).with_command_timeout(Duration::from_secs(1))).await.unwrap();
    assert!(works(&store).await);
    // Neither the old authority nor the old certificate is worth anything any more.
    server.rotate_authority();
    server.raw().command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    eventually(GUARD, async || works(&store).await).await;
}

#[tokio::test]
async fn sockets_are_reached_by_path() {
    let server = RedisServer::configure().password("s3cret").unix_socket().start();
    let url = format!("unix:{}?db=3", server.unix_socket().display());
    let config = Config::from_url(&url).unwrap().with_password("s3cret");
    let store = Store::connect(&config).await.unwrap();
    assert!(store.describe().starts_with("unix:/"), "{}", store.describe());
    assert!(works(&store).await);
    let list = store.command(Cmd::new("CLIENT").arg("LIST")).await.unwrap().into_text().unwrap();
    assert!(list.contains("db=3") && list.contains("name=redstart"), "{list}");
}

#[tokio::test]
async fn changed_password_is_taken_up_by_living_and_by_new_connections() {
    let server = RedisServer::configure().password("admin").user("app", "first", "~* +@all").start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "first\n").unwrap();
    let provider = PasswordFile::new(&file).with_username("app").with_interval(Duration::from_millis(100));
    let address = format!("redis://{}", server.address());
    let config = Config::from_url(&address).unwrap().with_credentials(provider);
    let store = Store::connect(&config.with_command_timeout(Duration::from_secs(1))).await.unwrap();
    assert!(works(&store).await);
    let logins = || {
        let stats = server.raw().command(&["INFO", "commandstats"]).text();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_auth:calls=")).map(str::to_owned);
        line.map_or(0, |line| line.split(',').next().unwrap().parse::<u32>().unwrap())
    };
    let before = logins();
    // The server takes both for a while, as it should during a change.
    server.raw().command(&["ACL", "SETUSER", "app", ">second"]);
    fs::write(&file, "second\n").unwrap();
    eventually(GUARD, async || logins() >= before + 2).await;
    assert!(works(&store).await, "the living connections have logged in anew");
    server.raw().command(&["ACL", "SETUSER", "app", "<first"]);
    server.raw().command(&["CLIENT", "KILL", "USER", "app"]);
    eventually(GUARD, async || works(&store).await).await;
    // A file that is gone takes nothing away from what works.
    fs::remove_file(&file).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(works(&store).await);
}

#[tokio::test]
async fn what_the_server_is_is_known_after_the_greeting() {
    let server = RedisServer::start();
    let store = Store::connect(&Config::from_url(&server.url()).unwrap()).await.unwrap();
    assert!(works(&store).await);
    let capabilities = store.capabilities().expect("it has been greeted");
    assert!(capabilities.version.is_some(), "{capabilities:?}");
}
