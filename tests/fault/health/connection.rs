//! The way to the server.

use std::time::Duration;

use redstart_connection::{BreakerState, Clock, Cmd, Config, Delivery, ErrorKind, Feed, TlsConfig};
use redstart_keys::{Category, Key};
use redstart_monitor::Severity;
use redstart_testkit::{Fault, Proxy, RedisServer, eventually};

use super::{Ward, config};
use crate::support::GUARD;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn open_breaker() {
    let mut server = RedisServer::start();
    let ward = Ward::live(&Config::from_url(&server.url()).unwrap());
    ward.is_well("breaker").await;
    server.freeze();
    eventually(GUARD, async || {
        drop(ward.store.command(Cmd::new("PING")).await);
        ward.store.status().breaker == BreakerState::Open
    })
    .await;
    ward.falls_sick("breaker", Severity::Critical, "closes by itself").await;
    server.thaw();
    eventually(GUARD, async || {
        drop(ward.store.command(Cmd::new("PING")).await);
        ward.issue("breaker").await.is_none()
    })
    .await;
}

#[tokio::test]
async fn pool_that_is_too_small() {
    let server = RedisServer::start();
    let with_pool = |size: &str| {
        let url = server.url();
        let variables =
            [("REDIS_URL", &*url), ("REDIS_POOL_SIZE", size), ("REDIS_HANDSHAKE_TIMEOUT", "300ms")];
        let value = |name: &str| {
            variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
        };
        Ward::live(&Config::from_variables(value).unwrap())
    };
    let reader = |ward: &Ward| Feed::open(&ward.store, Key::namespace(Category::Cache, "item", "inv"));
    let ward = with_pool("1");
    ward.is_well("pool-exhausted").await;
    let mut first = reader(&ward);
    assert_eq!(first.next().await.unwrap(), Delivery::Idle);
    assert_eq!(reader(&ward).next().await.unwrap_err().kind(), ErrorKind::Overloaded);
    ward.is_sick("pool-exhausted", Severity::Warning, "Raise REDIS_POOL_SIZE").await;
    ward.is_sick("pool", Severity::Critical, "Raise REDIS_POOL_SIZE").await;

    let ward = with_pool("4");
    let (mut first, mut second) = (reader(&ward), reader(&ward));
    assert_eq!((first.next().await.unwrap(), second.next().await.unwrap()), (Delivery::Idle, Delivery::Idle));
    ward.is_well("pool-exhausted").await;
    ward.is_well("pool").await;
}

#[tokio::test]
async fn slow_network() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let config = Config::from_url(&server.url_at(proxy.address())).unwrap();
    let ward = Ward::live(&config.with_command_timeout(GUARD).with_connect_timeout(GUARD));
    ward.recovers("slow-network").await;
    proxy.set(Fault::Delay(Duration::from_millis(40)));
    ward.falls_sick("slow-network", Severity::Advice, "Look at the network").await;
    let latency = ward.issue("latency").await.expect("a PING takes long");
    assert!(latency.remedy.contains("network"), "{}", latency.remedy);
    proxy.set(Fault::None);
    ward.recovers("slow-network").await;
}

#[tokio::test]
async fn certificate_that_ends_soon() {
    let mut server = RedisServer::configure().tls().start();
    let now = Duration::from_micros(Clock::system().now().as_micros());
    let tls = TlsConfig::new().with_ca_file(server.ca_file());
    for (left, severity) in [(DAY * 10, Severity::Warning), (DAY * 2, Severity::Critical)] {
        server.serve_certificate_until(now + left);
        let ward = Ward::live(&config(&server).with_tls(tls.clone()).with_command_timeout(GUARD));
        ward.is_sick("certificate", severity, "Renew the server's certificate").await;
        server.rotate_certificates();
        // Connections made from now on show it.
        server.raw().command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        ward.recovers("certificate").await;
    }
}

#[tokio::test]
async fn clocks_that_differ() {
    let server = RedisServer::start();
    assert!(Ward::live(&config(&server)).issue("clock-skew").await.is_none());
    for (ahead, severity) in [(2, Severity::Warning), (3_600, Severity::Critical)] {
        let config = config(&server);
        let clock = Clock::manual(Clock::system().now().saturating_add(Duration::from_secs(ahead)));
        let store = redstart_connection::Store::lazy_with(&config, clock.clone()).unwrap();
        let ward = Ward { monitor: redstart_monitor::Monitor::new(store.clone()), store, clock };
        let issue = ward.issue_now("clock-skew").await.expect("the clocks differ");
        assert_eq!(issue.severity, severity, "{}", issue.message);
        assert!(issue.remedy.contains("NTP"), "{}", issue.remedy);
        ward.clock.step_back(Duration::from_secs(ahead));
        // A look is kept for a second, and real time has passed too.
        ward.clock.advance(Duration::from_millis(1_001));
        let ahead = ward.clock.now().since(Clock::system().now());
        ward.clock.step_back(ahead);
        ward.clock.advance(Clock::system().now().since(ward.clock.now()));
        assert!(ward.issue_now("clock-skew").await.is_none());
    }
}
