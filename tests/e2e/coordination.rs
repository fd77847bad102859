//! What may be evicted on one server, and what may not on another.

use std::{sync::Arc, thread, time::Duration};

use redstart_testkit::RedisServer;
use serde_json::json;

use crate::service::Service;

/// The names on a server that hold `category`.
fn names(server: &RedisServer, category: &str) -> Vec<String> {
    server.raw().keys(&format!("shop:{category}"))
}

#[test]
fn limits_and_locks_are_on_the_second_server_and_caches_on_the_first() {
    let (first, second) = (RedisServer::start(), RedisServer::start());
    let folder = tempfile::tempdir().unwrap();
    let service = Arc::new(Service::start(&[
        ("REDIS_URL", &first.url()),
        ("REDIS_COORDINATION_URL", &second.url()),
        ("REDIS_KEY_PREFIX", "shop"),
        ("MARKETPLACE_DB", folder.path().join("marketplace.db").to_str().unwrap()),
        ("MARKETPLACE_ROYALTY_TIME", "3000"),
    ]));
    assert_eq!(service.get("/api/v1/users/1").status, 200);
    assert_eq!(service.get("/api/v1/users/1").header("X-Cache"), Some("HIT"));
    assert_eq!(service.get("/api/v1/search?q=lamp").status, 200);
    let running = Arc::clone(&service);
    let run = thread::spawn(move || running.post("/api/v1/royalty-runs/1", &json!({})).status);
    for _ in 0..500 {
        if !names(&second, "lock").is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(!names(&second, "lock").is_empty(), "the run is guarded on the second server");
    assert!(!names(&second, "ratelimit").is_empty(), "searches are counted on the second server");
    assert!(!names(&first, "cache").is_empty(), "users are cached on the first server");
    assert_eq!(names(&second, "cache"), Vec::<String>::new());
    assert_eq!((names(&first, "lock"), names(&first, "ratelimit")), (vec![], vec![]));
    assert_eq!(run.join().unwrap(), 200);
}
