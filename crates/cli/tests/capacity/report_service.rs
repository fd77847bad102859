//! Reports of a running service, from its metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{Router, extract::State, routing::get};
use tokio::net::TcpListener;

use crate::support::{json, redstart, shown};

/// A service whose cache is hit three times of four between two pages, and whose memory is nearly full.
async fn service() -> String {
    let page = async |State(pages): State<Arc<AtomicU64>>| {
        let page = pages.fetch_add(1, Ordering::SeqCst);
        let (hits, misses) = (10 + 30 * page, 90 + 10 * page);
        format!(
            "redis_up 1\nredstart_health_score 88\nredstart_ping_seconds 0.0004\n\
             redis_memory_usage 95\nredis_memory_max 100\n\
             redstart_cache_reads_total{{cache=\"user\",tier=\"l1\",result=\"hit\"}} {hits}\n\
             redstart_cache_reads_total{{cache=\"user\",tier=\"l2\",result=\"miss\"}} {misses}\n"
        )
    };
    let app = Router::new().route("/metrics", get(page)).with_state(Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::runtime::Handle::current().spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_metrics_are_read_over_time_and_judged_by_the_alerts() {
    let address = service().await;
    let run = move || json(&mut redstart(&["report", "--service", &address, "--for", "100ms"]));
    let (code, document) = tokio::task::spawn_blocking(run).await.unwrap();
    let figure = |name: &str| {
        let figures = document["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    assert_eq!((code, &document["grade"], &document["score"]), (1, &"B".into(), &88.into()), "{document:#}");
    assert_eq!((figure("hit rate of user"), figure("memory in use"), figure("ping")), (0.75, 0.95, 0.4));
    let memory = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["severity"] == "critical")
        .unwrap();
    assert!(memory["message"].as_str().unwrap().contains("95.0 %"), "{document:#}");
    assert!(document["recommendations"].as_array().unwrap().contains(&memory["remedy"]));
}

#[test]
fn a_service_that_does_not_answer_is_said() {
    let output = redstart(&["report", "--service", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", shown(&output));
    let output = redstart(&["report", "--service", "nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
}
