//! The main job on a cluster, behind sentinels and over HTTP, and what its users see of a dying server.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use redstart_testkit::{Cluster, RedisServer, RestBridge, Sentinels};
use serde_json::json;

use crate::service::Service;

fn on_cluster(cluster: &Cluster) -> Service {
    let nodes: Vec<_> = cluster.addresses().iter().map(ToString::to_string).collect();
    Service::start(&[("REDIS_MODE", "cluster"), ("REDIS_NODES", &nodes.join(","))])
}

fn on_sentinels(sentinels: &Sentinels) -> Service {
    let nodes: Vec<_> = sentinels.sentinel_addresses().iter().map(ToString::to_string).collect();
    Service::start(&[
        ("REDIS_MODE", "sentinel"),
        ("REDIS_SENTINEL_MASTER", sentinels.master_name()),
        ("REDIS_NODES", &nodes.join(",")),
    ])
}

/// The parts of the main job that need more than one key at once.
fn does_its_job(service: &Service) {
    for id in 1..=5 {
        let path = format!("/api/v1/users/{id}");
        assert_eq!(service.get(&path).header("X-Cache"), Some("MISS"));
        assert_eq!(service.get(&path).header("X-Cache"), Some("HIT"));
        assert_eq!(service.patch(&path, &json!({"name": "A new name"})).status, 200);
        let third = service.get(&path);
        assert_eq!(
            (third.header("X-Cache"), third.json()["name"].as_str()),
            (Some("MISS"), Some("A new name"))
        );
    }
    let batch = service.get("/api/v1/products?ids=1,2,3,4,5,6,7,8");
    assert_eq!(batch.json()["products"].as_array().unwrap().len(), 8);
    let login =
        || service.post("/api/v1/login", &json!({"email": "user9@example.com", "password": "wrong"})).status;
    assert_eq!((0..6).map(|_| login()).collect::<Vec<_>>(), [401, 401, 401, 401, 401, 429]);
    assert_eq!(service.post("/api/v1/royalty-runs/1", &json!({})).status, 200);
}

/// What many readers got, and how long the slowest waited.
struct Seen {
    statuses: BTreeMap<u16, u32>,
    slowest: Duration,
}

/// Reads from several threads until `ends` says so.
fn readers(service: &Arc<Service>, ends: &Arc<AtomicBool>) -> Vec<thread::JoinHandle<Seen>> {
    let reader = |first: u64| {
        let (service, ends) = (Arc::clone(service), Arc::clone(ends));
        thread::spawn(move || {
            let mut seen = Seen { statuses: BTreeMap::new(), slowest: Duration::ZERO };
            let mut id = first;
            while !ends.load(Ordering::SeqCst) {
                let asked = started();
                let answer = service.get(&format!("/api/v1/products/{}", id % 50 + 1));
                seen.slowest = seen.slowest.max(asked.elapsed());
                *seen.statuses.entry(answer.status).or_default() += 1;
                id += 1;
            }
            seen
        })
    };
    (0..4).map(|turn| reader(turn * 13)).collect()
}

#[expect(clippy::disallowed_methods, reason = "what a client waits is told by the machine's clock")]
fn started() -> Instant {
    Instant::now()
}

/// Kills under load; answers what the readers saw.
fn kill_under_load(service: Service, kill: impl FnOnce()) -> Seen {
    let (service, ends) = (Arc::new(service), Arc::new(AtomicBool::new(false)));
    let readers = readers(&service, &ends);
    kill();
    let until = started() + Duration::from_secs(60);
    // The health endpoint tells when the store is whole again.
    while service.get("/readyz").status != 200 || started() < until - Duration::from_secs(54) {
        assert!(started() < until, "the service never recovered");
        thread::sleep(Duration::from_millis(100));
    }
    ends.store(true, Ordering::SeqCst);
    let mut all = Seen { statuses: BTreeMap::new(), slowest: Duration::ZERO };
    for reader in readers {
        let seen = reader.join().unwrap();
        all.slowest = all.slowest.max(seen.slowest);
        for (status, count) in seen.statuses {
            *all.statuses.entry(status).or_default() += count;
        }
    }
    does_its_job(&service);
    all
}

#[test]
fn cluster_does_the_main_job_and_survives_its_masters_death() {
    let mut cluster = Cluster::start();
    let service = on_cluster(&cluster);
    let seen = kill_under_load(service, || {
        cluster.kill_master_of("{1}");
    });
    println!("cluster: {:?}, slowest {:?}", seen.statuses, seen.slowest);
    assert_eq!(seen.statuses.keys().collect::<Vec<_>>(), [&200], "reads never fail");
}

#[test]
fn sentinels_do_the_main_job_and_survive_the_masters_death() {
    let mut sentinels = Sentinels::start();
    let service = on_sentinels(&sentinels);
    let seen = kill_under_load(service, || {
        sentinels.kill_master();
    });
    println!("sentinels: {:?}, slowest {:?}", seen.statuses, seen.slowest);
    assert_eq!(seen.statuses.keys().collect::<Vec<_>>(), [&200], "reads never fail");
}

#[test]
fn rest_does_the_main_job_and_survives_its_servers_death() {
    let mut server = RedisServer::start();
    let bridge = RestBridge::start(&server, "token-of-the-bridge");
    let service = Service::start(&[
        ("REDIS_MODE", "rest"),
        ("REDIS_REST_URL", &bridge.url()),
        ("REDIS_REST_TOKEN", "token-of-the-bridge"),
    ]);
    let seen = kill_under_load(service, || {
        server.kill();
        thread::sleep(Duration::from_secs(2));
        server.restart();
    });
    println!("rest: {:?}, slowest {:?}", seen.statuses, seen.slowest);
    assert_eq!(seen.statuses.keys().collect::<Vec<_>>(), [&200], "reads never fail");
}
