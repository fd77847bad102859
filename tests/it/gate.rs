//! The promotion gate on a running instance.

use std::{net::Ipv4Addr, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use redstart_connection::{Config, Store};
use redstart_http::{OpsState, health_router};
use redstart_monitor::{Criteria, Evidence, Exposition, Monitor, Verdict};
use redstart_ratelimit::{Limiter, OnOutage, Policy, Subject};
use redstart_testkit::RedisServer;
use tokio::{net::TcpListener, task::JoinSet};

use crate::support::config_for;

const CRITERIA: &str = r#"
hold = "3s"
stages = { last = "1s" }

[[criterion]]
name = "limiter-errors"
question = "How many rate limits were decided without counting?"
ask.increase = "limiter_redis_errors"
at_most = 0
unit = "count"

[[criterion]]
name = "redis-pool"
question = "How much of the connection's capacity is in use?"
ask.largest = "redis_pool_utilization"
below = 0.80

[[criterion]]
name = "redis-p95"
question = "How long do operations on Redis take, all but one in twenty?"
ask.quantile = { share = 0.95, of = "db_client_operation_duration_seconds" }
below = 5
unit = "seconds"

[[criterion]]
name = "up"
question = "Does Redis answer?"
ask.least = "redis_up"
at_least = 1
unit = "count"

[[attested]]
name = "cors"
question = "Do strangers' pages get no answer?"
holds = true
by = "Ada"
evidence = "run 42"
"#;

/// A service with nothing but the endpoints for operators; answers where it listens.
async fn instance(state: OpsState, tasks: &mut JoinSet<()>) -> String {
    let service = health_router(state);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            connections.spawn(async move { drop(connection.await) });
        }
    });
    address
}

/// The names of the criteria that do not hold, with their verdicts.
async fn judged(criteria: &str, addresses: &[&str]) -> Vec<(String, Verdict)> {
    let evidence = Evidence::of_instances(addresses.iter().copied(), Duration::from_millis(250)).unwrap();
    let criteria = Criteria::parse(criteria).unwrap();
    let mut last = 0.0;
    let progress = |passed| {
        assert!(passed >= last && passed <= 1.0);
        last = passed;
    };
    let report = criteria.judge(&evidence, progress).await;
    assert!((last - 1.0).abs() < f64::EPSILON);
    let broken = report.rows.iter().filter(|row| row.verdict != Verdict::Go);
    let broken: Vec<_> = broken.map(|row| (row.name.clone(), row.verdict)).collect();
    assert_eq!(report.is_go(), broken.is_empty(), "{report}");
    broken
}

#[tokio::test(flavor = "multi_thread")]
async fn release_goes_on_while_all_holds_and_not_when_the_server_is_away() {
    let mut server = RedisServer::start();
    let config = config_for(&server).with_command_timeout(Duration::from_millis(200));
    let store = Store::lazy(&config).unwrap();
    let monitor = Monitor::new(store.clone());
    let Ok(exposition) = Exposition::install(&monitor) else {
        println!("skipped: another test of this process has its recorder; cargo-nextest gives each its own");
        return;
    };
    let mut tasks = JoinSet::new();
    let address = instance(OpsState::new(monitor).with_exposition(exposition), &mut tasks).await;
    let limiter = Limiter::new(store);
    let policy = Policy::per_minute("api", 1_000_000).on_outage(OnOutage::Allow);
    tasks.spawn(async move {
        loop {
            drop(limiter.check(&policy, Subject::from("ada")).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert_eq!(judged(CRITERIA, &[&address]).await, []);

    // One of two instances is not there: what can't be seen is no reason to go on.
    let gone = "http://127.0.0.1:9";
    let broken = judged(CRITERIA, &[&address, gone]).await;
    assert_eq!(broken, [("127.0.0.1:9".to_owned(), Verdict::NoEvidence)]);

    // What is not measured is not zero.
    let other = CRITERIA.replace("redis_pool_utilization", "database_pool_utilization");
    assert_eq!(judged(&other, &[&address]).await, [("redis-pool".to_owned(), Verdict::NoEvidence)]);

    server.freeze();
    let broken = judged(CRITERIA, &[&address]).await;
    server.thaw();
    for name in ["limiter-errors", "up"] {
        assert!(broken.contains(&(name.to_owned(), Verdict::NoGo)), "{name}: {broken:?}");
    }
}

#[tokio::test]
async fn page_that_is_none_is_no_evidence() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let mut request = [0; 1024];
            drop(stream.read(&mut request).await);
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\nConnection: close\r\n\r\nredis_up none\n";
            drop(stream.write_all(page.as_bytes()).await);
        }
    });
    let criteria = Criteria::parse(CRITERIA).unwrap().at_stage("last").unwrap();
    let evidence = Evidence::of_instances([&*address], Duration::from_millis(250)).unwrap();
    let report = criteria.judge(&evidence, |_| ()).await;
    let row = &report.rows[0];
    assert_eq!(row.verdict, Verdict::NoEvidence);
    assert!(row.evidence.ends_with("last: line 1: its value is no number"), "{}", row.evidence);
}

#[tokio::test]
async fn address_of_something_else_is_no_prometheus() {
    let config = Config::from_url("redis://127.0.0.1:9/0").unwrap();
    let store = Store::lazy(&config).unwrap();
    let mut tasks = JoinSet::new();
    let address = instance(OpsState::new(Monitor::new(store)), &mut tasks).await;
    let evidence = Evidence::of_prometheus(&address, Some("shop")).unwrap();
    let report = Criteria::parse(CRITERIA).unwrap().judge(&evidence, |_| ()).await;
    assert_eq!(report.rows[0].verdict, Verdict::NoEvidence);
    assert_eq!(report.rows[0].evidence, "it answered 404 and no JSON; is it a Prometheus?");
}
