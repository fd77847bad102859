//! What each failure means, and that none tells the token.

use std::time::Duration;

use redstart_connection::{Certainty, Cmd, Config, Error, ErrorKind, PasswordFile, Store, TlsConfig};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Fault, Proxy, RestBridge, RestFault, eventually, shared};

use super::{TOKEN, bridge, config_for, store_of};
use crate::support::GUARD;

const COUNT: Entity<u64> = Entity::new(Category::Counter, "count").ttl(Ttl::hours(1));

fn incr() -> Cmd {
    Cmd::new("INCR").key(&COUNT.key(&1))
}

async fn fails(store: &Store, cmd: Cmd) -> Error {
    let error = store.command(cmd).await.expect_err("it fails");
    assert!(!format!("{error} {error:?} {store:?}").contains(TOKEN), "{error:?}");
    error
}

fn told(error: &Error) -> (ErrorKind, Certainty) {
    (error.kind(), error.certainty())
}

/// What the server really did.
async fn count(bridge: &RestBridge, store: &Store) -> i64 {
    bridge.set(RestFault::None);
    let count = store.command(Cmd::new("GET").key(&COUNT.key(&1))).await.unwrap();
    count.into_optional_int().unwrap().unwrap_or(0)
}

#[tokio::test]
async fn servers_errors_are_those_of_the_other_protocol() {
    let bridge = bridge();
    let store = store_of(&bridge);
    store.command(Cmd::new("RPUSH").key(&COUNT.key(&1)).arg("x")).await.unwrap();
    for (cmd, kind, certainty) in [
        (incr(), ErrorKind::WrongType, Certainty::Failed),
        (Cmd::new("NOSUCH"), ErrorKind::Unsupported, Certainty::Refused),
        (Cmd::new("SUBSCRIBE").arg("news"), ErrorKind::Unsupported, Certainty::NotSent),
        (Cmd::new("BLPOP").arg("l").arg(1), ErrorKind::Unsupported, Certainty::NotSent),
        // The same by way of a script, as it holds bytes that are no text.
        (Cmd::new("APPEND").key(&COUNT.key(&1)).arg([255]), ErrorKind::WrongType, Certainty::Failed),
    ] {
        let name = cmd.name();
        let error = fails(&store, cmd).await;
        assert_eq!(told(&error), (kind, certainty), "{name}: {error:?}");
    }
    assert_eq!(fails(&store, incr()).await.code(), Some("WRONGTYPE"));
    shared().raw().delete_keys(store.prefix().as_str());
}

#[tokio::test]
async fn failure_says_whether_the_work_was_done() {
    let bridge = bridge();
    for (fault, kind, certainty, done) in [
        (RestFault::Quota, ErrorKind::Overloaded, Certainty::Refused, 0),
        (RestFault::TooMany, ErrorKind::Overloaded, Certainty::Refused, 0),
        (RestFault::Failing, ErrorKind::Unavailable, Certainty::Unknown, 0),
        (RestFault::Cut, ErrorKind::Connection, Certainty::Unknown, 1),
        (RestFault::Slow(GUARD), ErrorKind::Timeout, Certainty::Unknown, 1),
    ] {
        let store = store_of(&bridge);
        bridge.set(fault);
        let error = fails(&store.within(Duration::from_millis(500)), incr()).await;
        assert_eq!(told(&error), (kind, certainty), "{fault:?}: {error:?}");
        // Never twice, and not at all where it was refused.
        assert_eq!(count(&bridge, &store).await, done, "{fault:?}");
    }
}

#[tokio::test]
async fn server_that_is_not_there_was_sent_nothing() {
    let bridge = bridge();
    let proxy = Proxy::start(bridge.address()).await;
    let store = Store::lazy(&config_for(&bridge.url_at(proxy.address()))).unwrap();
    proxy.set(Fault::Refuse);
    let error = fails(&store, incr()).await;
    assert_eq!(told(&error), (ErrorKind::Unavailable, Certainty::NotSent));
    assert!(error.to_string().contains("cannot connect"), "{error}");
    let status = store.status();
    assert_eq!((status.connected, status.last_error.is_some()), (0, true));
    proxy.set(Fault::None);
    store.command(incr()).await.unwrap();
    assert_eq!(store.status().connected, 1);
    // A connection that died at rest is noticed before anything is sent over it.
    proxy.reset_existing();
    eventually(GUARD, async || proxy.open() == 0).await;
    assert_eq!(store.command(incr()).await.unwrap().into_int().unwrap(), 2);
}

#[tokio::test]
async fn wrong_token_is_named_and_not_repeated() {
    let bridge = bridge();
    bridge.set_token("another");
    let error = fails(&store_of(&bridge), incr()).await;
    assert_eq!(told(&error), (ErrorKind::Auth, Certainty::Refused));
    let error = Store::connect(&config_for(&bridge.url())).await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn new_token_is_taken_from_its_file() {
    let bridge = bridge();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TOKEN).unwrap();
    let provider = PasswordFile::new(file.path()).with_interval(Duration::from_millis(10));
    let store = Store::lazy(&config_for(&bridge.url()).with_credentials(provider)).unwrap();
    store.command(incr()).await.unwrap();
    bridge.set_token("rotated");
    assert_eq!(fails(&store, incr()).await.kind(), ErrorKind::Auth);
    std::fs::write(file.path(), "rotated\n").unwrap();
    store.command(incr()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_rest_address_is_told() {
    let bridge = bridge();
    let config = config_for(&format!("{}/elsewhere", bridge.url()));
    let error = Store::connect(&config).await.expect_err("there is nothing");
    assert_eq!(told(&error), (ErrorKind::Config, Certainty::Refused));
}

#[tokio::test]
async fn server_must_prove_itself() {
    let server = redstart_testkit::RedisServer::configure().tls().start();
    let url = format!("https://{}", server.address());
    let trusting = TlsConfig::new().with_ca_file(server.ca_file());
    let config = |tls| {
        Config::rest(&url, TOKEN)
            .unwrap()
            .with_tls(tls)
            .with_command_timeout(GUARD)
            .with_connect_timeout(GUARD)
    };
    // It is trusted, though what it speaks is no HTTP.
    let error = fails(&Store::lazy(&config(trusting)).unwrap(), incr()).await;
    assert_eq!(told(&error), (ErrorKind::Connection, Certainty::Unknown));
    let strange = redstart_testkit::RedisServer::configure().tls().start();
    let other = TlsConfig::new().with_ca_file(strange.ca_file());
    let error = fails(&Store::lazy(&config(other)).unwrap(), incr()).await;
    assert_eq!(told(&error), (ErrorKind::Config, Certainty::NotSent));
}
