//! Caches that are warm before anybody asks, postcodes, and what is popular.

use std::{thread, time::Duration};

use redstart_testkit::{fresh_prefix, shared};
use serde_json::{Value, json};

use crate::service::{Answer, Service};

const ADMIN: &str = "an-administrators-token-for-tests";

/// The first product is loaded by the warming, the last is not.
const WARM: &str = "20";

fn service(variables: &[(&str, &str)]) -> Service {
    let all: Vec<_> = [("ADMIN_TOKEN", ADMIN)].into_iter().chain(variables.iter().copied()).collect();
    Service::start(&all)
}

fn on_redis(prefix: &str, database: &str, warm: &str) -> Service {
    service(&[
        ("REDIS_URL", &shared().url()),
        ("REDIS_KEY_PREFIX", prefix),
        ("MARKETPLACE_DB", database),
        ("MARKETPLACE_WARM", warm),
    ])
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let held = (0..400).any(|_| {
        let is_so = holds();
        if !is_so {
            thread::sleep(Duration::from_millis(25));
        }
        is_so
    });
    assert!(held, "{what}");
}

fn ready(service: &Service) {
    eventually("the service is ready", || service.get("/readyz").status == 200);
}

fn warming(service: &Service) -> Value {
    service.get_as("/api/admin/warming", ADMIN).json()
}

fn report(service: &Service) -> Value {
    eventually("the warming ends", || !warming(service)["report"].is_null());
    warming(service)["report"].clone()
}

#[test]
fn ready_service_is_warm_and_the_second_one_finds_it_so() {
    let (prefix, folder) = (fresh_prefix(), tempfile::tempdir().unwrap());
    let database = folder.path().join("marketplace.db");
    let instance = || on_redis(&prefix, database.to_str().unwrap(), WARM);
    let first = instance();
    ready(&first);
    let (warm, cold) = (first.get("/api/v1/products/1"), first.get("/api/v1/products/900"));
    assert_eq!((warm.status, warm.header("X-Cache")), (200, Some("HIT")), "{}", warm.text());
    assert_eq!((cold.status, cold.header("X-Cache")), (200, Some("MISS")));
    assert_eq!(first.get("/api/v1/postcodes/2000").header("X-Cache"), Some("HIT"));
    let counts = |report: &Value, name: &str| -> Vec<u64> {
        let caches = report["caches"].as_array().unwrap();
        let cache = caches.iter().find(|cache| cache["name"] == name).unwrap();
        ["planned", "warmed", "skipped", "failed"]
            .iter()
            .map(|field| cache[field].as_u64().unwrap())
            .collect()
    };
    for name in ["product", "product-inventory", "product-price"] {
        assert_eq!(counts(&report(&first), name), [20, 20, 0, 0], "{name}");
    }

    let second = instance();
    ready(&second);
    let report = report(&second);
    // The use of the first is known by now, so the second warms what was used: that is there already.
    let planned = counts(&report, "product")[0];
    assert_eq!(counts(&report, "product"), [planned, 0, planned, 0], "{report}");
    // Which products are shown first is asked for each of their parts, and nothing is loaded.
    assert!(second.metric("marketplace_database_queries_total") <= 3.0);
    assert!(shared().raw().keys_without_ttl(&prefix).is_empty());
}

#[test]
fn readiness_is_not_held_up_for_long() {
    let service = service(&[("MARKETPLACE_WARM", "900"), ("MARKETPLACE_WARM_WAIT", "0")]);
    ready(&service);
    assert_eq!(report(&service)["caches"][0]["warmed"], 900);
    assert_eq!(service.get("/api/admin/warming").status, 401);
}

#[test]
fn popular_products_are_those_that_all_instances_are_asked_for() {
    let (prefix, folder) = (fresh_prefix(), tempfile::tempdir().unwrap());
    let database = folder.path().join("marketplace.db");
    let instance = || on_redis(&prefix, database.to_str().unwrap(), "0");
    let (left, right) = (instance(), instance());
    for _ in 0..3 {
        left.get("/api/v1/products/7");
        right.get("/api/v1/products?ids=7,8");
    }
    let ids = |answer: &Answer| -> Vec<u64> {
        let products = answer.json()["products"].as_array().unwrap().clone();
        products.iter().map(|product| product["id"].as_u64().unwrap()).collect()
    };
    // Each tells what it has counted when it is asked.
    right.get("/api/v1/products/popular");
    let popular = left.get("/api/v1/products/popular?limit=2");
    assert_eq!((popular.status, ids(&popular)), (200, vec![7, 8]), "{}", popular.text());
    assert_eq!(left.get("/api/v1/products/popular?limit=0").status, 400);
    assert_eq!(left.get("/api/v1/products/popular?limit=101").status, 400);
}

#[test]
fn unknown_code_is_answered_by_the_state() {
    let service = service(&[]);
    let known = service.get("/api/v1/postcodes/2001");
    assert_eq!((known.status, &known.json()["isRepresentative"]), (200, &json!(false)));
    for (unknown, name, state) in
        [("2599", "Sydney", "NSW"), ("9999", "Brisbane", "QLD"), ("8001", "Melbourne", "VIC")]
    {
        let answer = service.get(&format!("/api/v1/postcodes/{unknown}"));
        let value = answer.json();
        assert_eq!(
            (answer.status, &value["name"], &value["state"], &value["isRepresentative"]),
            (200, &json!(name), &json!(state), &json!(true)),
            "{unknown}"
        );
        let validity = service.get(&format!("/api/v1/postcodes/{unknown}/validity")).json();
        assert_eq!((&validity["isValid"], &validity["state"]), (&json!(false), &json!(state)));
    }
    let validity = service.get("/api/v1/postcodes/2001/validity").json();
    assert_eq!((&validity["isValid"], &validity["state"]), (&json!(true), &json!("NSW")));
    assert_eq!(service.get("/api/v1/postcodes/0100").status, 404, "no state has such codes");
    for malformed in ["20", "20000", "20x0", "****"] {
        assert_eq!(service.get(&format!("/api/v1/postcodes/{malformed}")).status, 400, "{malformed}");
    }
}

#[test]
fn postcodes_are_forgotten_by_state_and_by_pattern() {
    for service in
        [service(&[]), service(&[("REDIS_URL", &shared().url()), ("REDIS_KEY_PREFIX", &fresh_prefix())])]
    {
        let outcomes = || {
            ["2000", "2001", "3000"].map(|code| {
                let answer = service.get(&format!("/api/v1/postcodes/{code}"));
                answer.header("X-Cache").unwrap().to_owned()
            })
        };
        outcomes();
        assert_eq!(outcomes(), ["HIT", "HIT", "HIT"]);
        assert_eq!(service.delete("/api/admin/postcodes?state=NSW", None).status, 401);
        assert_eq!(service.delete("/api/admin/postcodes?state=NSW", Some(ADMIN)).status, 200);
        assert_eq!(outcomes(), ["MISS", "MISS", "HIT"]);
        let swept = service.delete("/api/admin/postcodes?pattern=?000", Some(ADMIN));
        assert_eq!((swept.status, &swept.json()["deleted"]), (200, &json!(2)), "{}", swept.text());
        assert_eq!(outcomes(), ["MISS", "HIT", "MISS"]);
        for wrong in [
            "",
            "?state=XX",
            "?pattern=",
            "?pattern=a",
            "?pattern=20000",
            "?state=NSW&pattern=2*",
            "?pattern=%7D*",
        ] {
            let answer = service.delete(&format!("/api/admin/postcodes{wrong}"), Some(ADMIN));
            assert_eq!(answer.status, 400, "{wrong}");
        }
    }
}

#[test]
fn statistics_tell_what_each_cache_has_done() {
    let service = service(&[]);
    for _ in 0..4 {
        service.get("/api/v1/users/1");
    }
    let caches = service.get_as("/api/admin/redis/cache/stats", ADMIN).json()["caches"].clone();
    let users = caches.as_array().unwrap().iter().find(|cache| cache["name"] == "user").unwrap();
    for (field, value) in
        [("l1Hits", json!(3)), ("misses", json!(1)), ("loads", json!(1)), ("hitRate", json!(0.75))]
    {
        assert_eq!(users[field], value, "{field} in {users}");
    }
    assert!(
        0.0 < users["loadP95Seconds"].as_f64().unwrap() && 0 < users["bytesWritten"].as_u64().unwrap(),
        "{users}"
    );
    assert!(users["since"].as_str().unwrap().ends_with('Z'));
    let shown = service.get("/api/v1/users/1");
    assert!(
        shown.header("Cache-Status").unwrap().starts_with("marketplace; hit; ttl="),
        "{:?}",
        shown.header("Cache-Status")
    );
}
