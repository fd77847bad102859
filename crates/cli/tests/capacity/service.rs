//! A load on a service behind HTTP.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use redstart_monitor::{HttpFailure, HttpRequest, HttpTarget};
use redstart_testkit::{Fault, Proxy, eventually};
use tokio::net::TcpListener;

use crate::support::{json, redstart, scenario, shown};

async fn service() -> SocketAddr {
    let app = Router::new()
        .route("/ids/{id}", get(async || [("x-cache", "HIT")]))
        .route("/cold", get(async || [("x-cache", "MISS")]))
        .route("/limited", get(async || StatusCode::TOO_MANY_REQUESTS))
        .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::runtime::Handle::current().spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_refusals_and_failures_are_told_apart() {
    let target = format!("http://{}", service().await);
    let folder = tempfile::tempdir().unwrap();
    let requests = ["/ids/{id}", "/cold", "/limited", "/broken"]
        .map(|path| format!("[[request]]\npath = \"{path}\"\n"))
        .concat();
    let file = scenario(folder.path(), &format!("[[stage]]\nrate = 400\nfor = \"1s\"\n{requests}"));
    let answer =
        tokio::task::spawn_blocking(move || json(&mut redstart(&["load", &file, "--target", &target])));
    let (code, document) = answer.await.unwrap();
    let made = |step: usize| document["steps"][step]["response"]["count"].as_u64().unwrap();
    assert_eq!((code, &document["starts"]["made"]), (0, &400.into()), "{document:#}");
    assert_eq!(document["limited"], made(2));
    assert_eq!(document["failures"]["status 5xx"]["count"], made(3));
    let rate = document["hitRate"].as_f64().unwrap();
    assert!((rate - made(0) as f64 / (made(0) + made(1)) as f64).abs() < 1e-9, "{rate}");
}

#[test]
fn a_service_that_is_not_there_can_not_be_loaded() {
    let output = redstart(&["load", "--target", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    let output = redstart(&["load", "--target", "ftp://127.0.0.1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}

fn ask(path: &str) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), path: path.to_owned(), ..HttpRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_kept_bounded_and_replaced_when_they_are_gone() {
    let proxy = Proxy::start(service().await).await;
    let target = HttpTarget::new(&format!("http://{}/ids", proxy.address()), 2).unwrap();
    let patience = Duration::from_secs(10);
    let sent = |path: &'static str| target.send(ask(path), patience, 1_000);
    for _ in 0..5 {
        let reply = sent("/7").await.unwrap();
        assert_eq!((reply.status, reply.header("x-cache")), (200, Some("HIT")));
    }
    assert_eq!((target.opened(), target.waits()), (1, 0));
    let (one, two, three, four) = tokio::join!(sent("/1"), sent("/2"), sent("/3"), sent("/4"));
    assert!([one, two, three, four].iter().all(Result::is_ok));
    assert!(target.opened() == 2 && 2 <= target.waits(), "{target:?}");

    // What was kept is reset while nobody uses it, which costs nobody an answer.
    proxy.reset_existing();
    eventually(patience, async || proxy.open() == 0).await;
    assert_eq!(sent("/8").await.unwrap().status, 200);
    proxy.set(Fault::BlackHole);
    let quick = Duration::from_millis(100);
    assert_eq!(target.send(ask("/9"), quick, 1_000).await.unwrap_err(), HttpFailure::Timeout(quick));
}
