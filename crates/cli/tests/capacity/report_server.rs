//! Reports of a server, asked itself.

use std::sync::{Arc, Mutex};

use axum::{Json, Router, extract::State, routing::post};
use redstart_testkit::{Cluster, RedisServer, Reply, Sentinels};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{json, redstart, shown};

const SHORT: [&str; 3] = ["report", "--for", "300ms"];

fn figure(document: &Value, name: &str) -> f64 {
    let figures = document["figures"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {document:#}"))["value"].as_f64().unwrap()
}

#[test]
fn what_a_server_counts_is_reported_and_compared_with_the_last_time() {
    let server = RedisServer::configure().option("maxmemory", "100mb").start();
    let folder = tempfile::tempdir().unwrap();
    let (keep, html) = (folder.path().join("last.json"), folder.path().join("report.html"));
    let mut raw = server.raw();
    raw.command(&["SET", "there", "value"]);
    for key in ["there", "there", "there", "gone"] {
        raw.command(&["GET", key]);
    }
    let url = server.url();
    let arguments = ["--url", &url, "--keep", keep.to_str().unwrap(), "--html", html.to_str().unwrap()];
    let run = || json(redstart(&SHORT).args(arguments));

    let (code, first) = run();
    assert_eq!(
        (code, &first["reachable"], &first["trends"]),
        (0, &true.into(), &serde_json::json!([])),
        "{first:#}"
    );
    assert_eq!(figure(&first, "hit rate of the server"), 0.75);
    assert_eq!(figure(&first, "keys"), 1.0);
    assert!(figure(&first, "ping p50") > 0.0 && figure(&first, "commands") > 0.0);
    assert!((0.0..1.0).contains(&figure(&first, "memory in use")));

    for number in 0..20 {
        raw.command(&["SET", &format!("big:{number}"), &"x".repeat(400_000)]);
    }
    let (_, second) = run();
    let trend =
        second["trends"].as_array().unwrap().iter().find(|trend| trend["name"] == "memory used").unwrap();
    assert_eq!((&trend["trend"], &second["lastAt"]), (&"worse".into(), &first["at"]), "{second:#}");
    assert_eq!(second["history"].as_array().unwrap().len(), 1);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("Health, report by report"));
    assert_eq!(run().1["history"].as_array().unwrap().len(), 2);
}

#[test]
fn every_place_can_be_reported_of() {
    assert_eq!(json(&mut redstart(&SHORT)).1["target"], "memory");

    let server =
        RedisServer::configure().password("admin").user("app", "secret", "~app:* +@all").tls().start();
    let (url, ca) = (server.url(), server.ca_file());
    let (_, document) = json(redstart(&SHORT).args(["--url", &url]).env("REDIS_TLS_CA_FILE", &ca));
    assert_eq!(document["reachable"], true, "{document:#}");
    assert!(!document.to_string().contains("secret"));

    let sentinels = Sentinels::start();
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    let options = ["--nodes", &nodes.join(","), "--sentinel", sentinels.master_name()];
    let (_, document) = json(redstart(&SHORT).args(options));
    assert_eq!(document["reachable"], true, "{document:#}");

    let cluster = Cluster::start();
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    let (_, document) = json(redstart(&SHORT).args(["--nodes", &nodes.join(",")]));
    let of_three = 3.0 * 500_000.0;
    assert!(figure(&document, "memory used") > of_three, "of all three primaries together: {document:#}");

    let output =
        redstart(&SHORT).args(["--url", "redis://127.0.0.1:1", "--timeout", "300ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    assert!(shown(&output).contains("it does not answer"), "{}", shown(&output));
}

type Seen = Arc<Mutex<Vec<Value>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_is_told_of_every_warning_and_worse() {
    let seen = Seen::default();
    let take = async |State(seen): State<Seen>, Json(notice): Json<Value>| seen.lock().unwrap().push(notice);
    let app = Router::new().route("/hook", post(take)).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hook = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::runtime::Handle::current().spawn(async move { axum::serve(listener, app).await.unwrap() });
    // A memory that is nearly full is worth waking somebody.
    let server = RedisServer::configure().option("maxmemory", "3mb").start();
    let mut raw = server.raw();
    let mut keys = (0..).map(|number| format!("key:{number}"));
    let value = "x".repeat(100_000);
    while let Ok(Reply::Text(_)) = raw.try_command(&["SET", &keys.next().unwrap(), &value]) {}
    let url = server.url();
    let report = tokio::task::spawn_blocking(move || {
        json(redstart(&SHORT).args(["--url", &url, "--alert-format", "json", "--alert-webhook", &hook]))
    });
    let (_, document) = report.await.unwrap();
    let worth =
        document["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] != "advice");
    let rules: Vec<_> = worth.map(|finding| finding["rule"].clone()).collect();
    let told: Vec<_> = seen.lock().unwrap().iter().map(|notice| notice["alert"].clone()).collect();
    assert!(rules.iter().any(|rule| rule == "memory") && told == rules, "{told:?} of {rules:?}");
}

#[test]
fn a_receiver_that_is_not_there_is_said_and_not_shown() {
    let server = RedisServer::configure().option("maxmemory", "1mb").start();
    let url = server.url();
    let output = redstart(&SHORT)
        .args(["--url", &url])
        .env("REDSTART_ALERT_WEBHOOK", "http://127.0.0.1:1/secret-path")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert!(shown(&output).contains("was not told of") && !shown(&output).contains("secret-path"));
}
