//! The main job, on the embedded store and on Redis.

use std::{sync::Arc, thread};

use redstart_testkit::{RedisServer, fresh_prefix, shared};
use serde_json::json;

use crate::service::{Answer, Service};

const ADMIN: &str = "an-administrators-token-for-tests";

fn embedded() -> Service {
    Service::start(&[("ADMIN_TOKEN", ADMIN)])
}

/// What instances share.
struct Shared {
    url: String,
    prefix: String,
    database: tempfile::TempDir,
}

impl Shared {
    fn on(server: &RedisServer) -> Self {
        Self { url: server.url(), prefix: fresh_prefix(), database: tempfile::tempdir().unwrap() }
    }

    fn instance(&self) -> Service {
        let database = self.database.path().join("marketplace.db");
        Service::start(&[
            ("REDIS_URL", &self.url),
            ("REDIS_KEY_PREFIX", &self.prefix),
            ("MARKETPLACE_DB", database.to_str().unwrap()),
            ("ADMIN_TOKEN", ADMIN),
            ("MARKETPLACE_ROYALTY_TIME", "1500"),
            ("MARKETPLACE_PROCESSING_TIME", "1500"),
        ])
    }
}

#[test]
fn miss_then_hit_then_miss_with_the_new_value() {
    for service in [embedded(), Shared::on(shared()).instance()] {
        for kind in ["users", "creators", "brands", "projects", "assets", "licenses"] {
            let path = format!("/api/v1/{kind}/1");
            let (first, second) = (service.get(&path), service.get(&path));
            assert_eq!(
                (first.status, first.header("X-Cache")),
                (200, Some("MISS")),
                "{kind}: {}",
                first.text()
            );
            assert_eq!((second.status, second.header("X-Cache")), (200, Some("HIT")), "{kind}");
            assert_eq!(first.json(), second.json());
            assert!(second.header("X-Cache-TTL").is_some_and(|ttl| ttl.parse::<u64>().unwrap() > 0));
            assert_eq!(second.header("X-Trace-Id").map(str::len), Some(32));
            assert!(second.header("X-Response-Time").is_some_and(|time| time.ends_with("ms")));

            let patched = service.patch(&path, &json!({"name": "A new name"}));
            assert_eq!(patched.status, 200, "{}", patched.text());
            let third = service.get(&path);
            assert_eq!(
                (third.header("X-Cache"), &third.json()["name"]),
                (Some("MISS"), &json!("A new name"))
            );
        }
    }
}

#[test]
fn unknown_ids_are_remembered_and_hostile_ones_make_no_key() {
    let shared_state = Shared::on(shared());
    let service = shared_state.instance();
    let before = service.metric("marketplace_database_queries_total");
    for _ in 0..5 {
        let answer = service.get("/api/v1/users/999999");
        assert_eq!((answer.status, answer.code().as_str()), (404, "NOT_FOUND"));
    }
    assert_eq!(service.metric("marketplace_database_queries_total") - before, 1.0);

    let keys = || shared().raw().keys(&shared_state.prefix);
    let before = keys();
    let long = "1".repeat(10_000);
    for id in ["*", "a:b%7Bc%7D", "%00", "%0A1", "-1", "0", "1.5", long.as_str(), "%5B1%5D", "1%20"] {
        let answer = service.get(&format!("/api/v1/users/{id}"));
        assert_eq!(answer.status, 400, "{id:.20}: {}", answer.text());
        answer.code();
    }
    assert_eq!(keys(), before);
}

#[test]
fn sixty_first_search_of_a_minute_is_refused() {
    let service = embedded();
    for turn in 0..60 {
        let answer = service.get("/api/v1/search?q=lamp");
        assert_eq!(answer.status, 200, "search {turn}");
        assert_eq!(answer.header("X-RateLimit-Remaining"), Some((59 - turn).to_string().as_str()));
    }
    let refused = service.get("/api/v1/search?q=lamp");
    assert_eq!((refused.status, refused.code().as_str()), (429, "RATE_LIMITED"));
    assert!(
        refused.header("Retry-After").is_some_and(|wait| (1..=60).contains(&wait.parse::<u64>().unwrap()))
    );
    for name in ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"] {
        assert!(refused.header(name).is_some(), "{name}");
    }
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn forged_address_gains_nothing() {
    let service = Service::start(&[("RATE_LIMIT_SEARCH", "2")]);
    let forged =
        |turn: u8| service.get_with("/api/v1/search?q=a", ("X-Forwarded-For", &format!("203.0.113.{turn}")));
    let statuses: Vec<_> = (0..4).map(|turn| forged(turn).status).collect();
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[test]
fn admin_is_closed_without_the_token() {
    let service = embedded();
    let path = "/api/admin/redis/cache?pattern=*&confirm=cache";
    service.get("/api/v1/users/1");
    for token in [None, Some("wrong-token-wrong-token")] {
        assert_eq!(service.delete(path, token).status, 401);
    }
    assert_eq!(service.get("/api/v1/users/1").header("X-Cache"), Some("HIT"));
    let swept = service.delete(path, Some(ADMIN));
    assert_eq!(swept.status, 200, "{}", swept.text());
    assert_eq!(service.get("/api/v1/users/1").header("X-Cache"), Some("MISS"));
    for path in ["health", "metrics", "cache/stats", "keys", "slowlog"] {
        let path = format!("/api/admin/redis/{path}");
        assert_eq!((service.get(&path).status, service.get_as(&path, ADMIN).status), (401, 200), "{path}");
    }
    assert_eq!(Service::start(&[]).delete(path, Some("")).status, 401, "no token is configured");
}

#[test]
fn instances_share_limits_and_changes() {
    let shared_state = Shared::on(shared());
    let (left, right) = (shared_state.instance(), shared_state.instance());
    left.get("/api/v1/users/1");
    assert_eq!(right.get("/api/v1/users/1").header("X-Cache"), Some("HIT"));
    left.patch("/api/v1/users/1", &json!({"name": "Changed elsewhere"}));
    assert_eq!(right.get("/api/v1/users/1").json()["name"], "Changed elsewhere");

    let mut passed = 0;
    for turn in 0..70 {
        let service = if turn % 2 == 0 { &left } else { &right };
        passed += usize::from(service.get("/api/v1/search?q=lamp").status == 200);
    }
    assert_eq!(passed, 60);
    drop((left, right));
    assert_eq!(shared_state.instance().get("/api/v1/search?q=lamp").status, 429, "a restart forgets nothing");
}

#[test]
fn changed_user_takes_its_projects_along() {
    let shared_state = Shared::on(shared());
    let service = shared_state.instance();
    let owner = service.get("/api/v1/users/1").json();
    assert!(owner["email"].as_str().is_some_and(|email| email == "user1@example.com"));
    // Whatever belongs to user 1 is among the first of its kind.
    let cached = |kind: &str| service.get(&format!("/api/v1/{kind}/1")).header("X-Cache").map(str::to_owned);
    for kind in ["creators", "projects", "assets", "licenses"] {
        cached(kind);
        assert_eq!(cached(kind).as_deref(), Some("HIT"), "{kind}");
    }
    service.patch("/api/v1/users/1", &json!({"name": "Renamed"}));
    let fallen = ["creators", "projects", "assets", "licenses"]
        .iter()
        .filter(|kind| cached(kind).as_deref() == Some("MISS"));
    assert!(fallen.count() >= 1, "nothing that belongs to the user fell with it");
}

#[test]
fn thousand_readers_of_a_cold_id_are_one_query() {
    for service in [embedded(), Shared::on(shared()).instance()] {
        let service = Arc::new(service);
        let before = service.metric("marketplace_database_queries_total");
        let readers: Vec<_> = (0..50)
            .map(|_| {
                let service = Arc::clone(&service);
                thread::spawn(move || (0..20).all(|_| service.get("/api/v1/products/7").status == 200))
            })
            .collect();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
        let queries = service.metric("marketplace_database_queries_total") - before;
        // A product is put together from its record, its inventory and its price, each cached by itself.
        assert!(queries <= 3.0, "{queries} queries");
    }
}

#[test]
fn products_come_in_batches_with_present_numbers() {
    let service = Shared::on(shared()).instance();
    let batch = service.get("/api/v1/products?ids=1,2,3");
    assert_eq!(batch.status, 200, "{}", batch.text());
    let put = service.put("/api/v1/products/2/inventory", &json!({"inventory": 41}));
    assert!([200, 204].contains(&put.status), "{} {}", put.status, put.text());
    let seen = service.get("/api/v1/products/2").json().to_string();
    assert!(seen.contains("41"), "{seen}");
    for ids in ["", "1,x", "*"] {
        assert_eq!(service.get(&format!("/api/v1/products?ids={ids}")).status, 400, "{ids}");
    }
}

#[test]
fn login_is_limited_by_e_mail_and_address() {
    let shared_state = Shared::on(shared());
    let service = shared_state.instance();
    let login = |email: &str, password: &str| {
        service.post("/api/v1/login", &json!({"email": email, "password": password}))
    };
    let right = login("user1@example.com", "password");
    assert_eq!(right.status, 200, "{}", right.text());
    assert!(right.json()["token"].as_str().is_some());
    for _ in 0..4 {
        assert_eq!(login("user2@example.com", "guess").status, 401);
    }
    let refused = login("user3@example.com", "password");
    assert_eq!((refused.status, refused.code().as_str()), (429, "RATE_LIMITED"));
    let keys = shared().raw().keys(&shared_state.prefix);
    assert!(!keys.is_empty() && keys.iter().all(|key| !key.contains("example.com")), "{keys:?}");
}

#[test]
fn second_royalty_run_at_the_same_time_is_a_conflict() {
    let shared_state = Shared::on(shared());
    let (left, right) = (Arc::new(shared_state.instance()), shared_state.instance());
    let first = {
        let left = Arc::clone(&left);
        thread::spawn(move || left.post("/api/v1/royalty-runs/1", &json!({})).status)
    };
    let mut second = right.post("/api/v1/royalty-runs/1", &json!({})).status;
    let first = first.join().unwrap();
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(both[1], 409, "{both:?}");
    assert!([200, 201, 202].contains(&both[0]), "{both:?}");
    second = right.post("/api/v1/royalty-runs/2", &json!({})).status;
    assert!([200, 201, 202].contains(&second), "{second}");
}

#[test]
fn payouts_that_name_the_same_creators_pay_once() {
    let shared_state = Shared::on(shared());
    let instances = [Arc::new(shared_state.instance()), Arc::new(shared_state.instance())];
    assert_eq!(instances[0].post("/api/v1/royalty-runs/3", &json!({})).status, 200);
    // Each names them in another order; locks that were taken in that order would wait for each other.
    let payouts: Vec<_> = (0..8_usize)
        .map(|turn| {
            let service = Arc::clone(&instances[turn % 2]);
            let creators = if turn % 4 < 2 { json!([1, 2, 3]) } else { json!([3, 2, 1, 1]) };
            thread::spawn(move || service.post("/api/v1/payouts", &json!({ "creators": creators })))
        })
        .collect();
    let answers: Vec<_> = payouts.into_iter().map(|payout| payout.join().unwrap()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200), "{:?}", answers[0].text());
    let paid = |answer: &Answer| answer.json()["totalCents"].as_i64().unwrap();
    assert_eq!(answers.iter().filter(|answer| 0 < paid(answer)).count(), 1, "paid once");
    assert_eq!(instances[0].post("/api/v1/payouts", &json!({ "creators": [] })).status, 400);
    assert_eq!(instances[0].post("/api/v1/payouts", &json!({ "creators": [1, 99_999_999] })).status, 404);
}

#[test]
fn so_many_assets_of_a_project_are_converted_at_a_time() {
    let shared_state = Shared::on(shared());
    let instances = [Arc::new(shared_state.instance()), Arc::new(shared_state.instance())];
    let conversions: Vec<_> = (0..6_usize)
        .map(|turn| {
            let service = Arc::clone(&instances[turn % 2]);
            thread::spawn(move || service.post("/api/v1/assets/1/process", &json!({})).status)
        })
        .collect();
    let mut statuses: Vec<_> = conversions.into_iter().map(|one| one.join().unwrap()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 409, 409, 409, 409]);
    assert_eq!(instances[0].post("/api/v1/assets/99999999/process", &json!({})).status, 404);
}

#[test]
fn server_that_evicts_shows_in_the_health_once_locks_are_kept_there() {
    let server = RedisServer::configure();
    let server = server.option("maxmemory-policy", "allkeys-lru").option("maxmemory", "100mb").start();
    let service = Shared::on(&server).instance();
    assert_eq!(service.post("/api/v1/assets/1/process", &json!({})).status, 200);
    let is_told = || {
        let health = service.get("/api/health/redis");
        assert_eq!(health.status, 200, "it is a warning: {}", health.text());
        health.json()["issues"].as_array().unwrap().iter().any(|issue| issue["rule"] == "evicts-coordination")
    };
    // A monitor remembers its last look for a while.
    assert!((0..200).any(|_| {
        thread::sleep(std::time::Duration::from_millis(50));
        is_told()
    }));
}

#[test]
fn killed_server_leaves_the_database_answering() {
    let mut server = RedisServer::start();
    let shared_state = Shared::on(&server);
    let service = Arc::new(shared_state.instance());
    assert_eq!(service.get("/api/v1/users/1").status, 200);
    let load: Vec<_> = (0..8)
        .map(|reader| {
            let service = Arc::clone(&service);
            thread::spawn(move || {
                (0..60).all(|turn| {
                    service.get(&format!("/api/v1/users/{}", 1 + (reader + turn) % 20)).status == 200
                })
            })
        })
        .collect();
    server.kill();
    assert!(load.into_iter().all(|reader| reader.join().unwrap()), "a read failed while Redis was away");
    assert_eq!(service.get("/healthz").status, 200);
    // Failures count for half a minute.
    let eventually = |what: &str, holds: &dyn Fn() -> bool| {
        let held = (0..1_200).any(|_| {
            thread::sleep(std::time::Duration::from_millis(50));
            holds()
        });
        let health = service.get("/api/health/redis").text();
        assert!(held, "without a restart of the service: {what}; its health is {health}");
    };
    // What was looked at within a second is not looked at again.
    eventually("health tells of it", &|| service.get("/api/health/redis").status == 503);
    server.restart();
    eventually("the cache works again", &|| service.get("/api/v1/users/3").header("X-Cache") == Some("HIT"));
    eventually("health is good again", &|| service.get("/api/health/redis").status == 200);
}
