//! What a server tells when it is asked, and what it does not.

use std::time::Duration;

use redstart_connection::{Clock, Cmd, Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_monitor::{CensusPlan, CensusProgress, Monitor, Told};
use redstart_testkit::{Cluster, RedisServer, fresh_prefix};

use crate::support::{GUARD, config_for};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

async fn write(store: &Store, ids: std::ops::Range<u64>) {
    for id in ids {
        store.command(Cmd::new("SET").key(&USER.key(&id)).arg("Ada").arg("EX").arg(600)).await.unwrap();
    }
}

#[tokio::test]
async fn every_question_is_answered_where_all_is_allowed() {
    let server =
        RedisServer::configure().option("maxmemory", "100mb").option("maxmemory-policy", "allkeys-lfu");
    let server = server.password("secret").start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let monitor = Monitor::new(store.clone());
    write(&store, 0..10).await;

    let inspection = monitor.inspect().await;
    assert_eq!(inspection.user, Told::Known("default".to_owned()));
    assert!(inspection.default_user.known().is_some_and(|user| user.enabled && user.needs_password));
    let settings = inspection.settings.known().unwrap();
    assert_eq!(
        (settings["maxmemory"].as_str(), settings["maxmemory-policy"].as_str()),
        ("104857600", "allkeys-lfu")
    );
    assert!(!settings.contains_key("requirepass"));
    let memory = inspection.memory.known().unwrap();
    assert!(memory.total > 0 && memory.peak >= memory.total / 2 && memory.keys == 10, "{memory:?}");
    assert!(memory.fragmentation > 0.0 && memory.bytes_per_key > 0, "{memory:?}");
    assert_eq!(inspection.cluster, Told::NotOffered);

    let clients = monitor.clients().await;
    let ours = clients.known().unwrap().groups.iter().find(|group| group.library.starts_with("redstart"));
    // Servers before 7.2 know no names of libraries.
    let ours = ours.or_else(|| clients.known().unwrap().groups.iter().max_by_key(|group| group.clients));
    assert!(ours.is_some_and(|group| group.clients >= 1 && group.user == "default"), "{clients:?}");

    let census = monitor.census(&CensusPlan::new(), |_| {}).await.unwrap();
    assert_eq!((census.complete, census.counted, census.endless), (true, 10, 0));
    assert!(census.biggest_bytes().is_some_and(|bytes| bytes > 40), "{census:?}");
    assert!(census.hottest.known().is_some_and(|keys| keys.len() == 10), "{census:?}");
}

#[tokio::test]
async fn latency_is_that_of_the_last_minutes() {
    let server = RedisServer::start();
    let clock = Clock::manual(Clock::system().now());
    let store = Store::lazy_with(&config_for(&server), clock.clone()).unwrap();
    let monitor = Monitor::new(store.clone());
    let calls = async |command: &str| {
        clock.advance(Duration::from_secs(10));
        let facts = monitor.facts().await;
        let latency = facts.server_latency.known().cloned().unwrap();
        latency.commands.iter().find(|found| found.command == command).map_or(0, |found| found.calls)
    };
    write(&store, 0..50).await;
    assert_eq!(calls("set").await, 50, "the first window is the life of the server");
    write(&store, 0..7).await;
    assert_eq!(calls("set").await, 7);
    clock.advance(Duration::from_secs(301));
    calls("set").await;
    assert_eq!(calls("set").await, 0, "what is older than five minutes is forgotten");
    // Statistics that begin anew are no negative numbers.
    server.raw().command(&["CONFIG", "RESETSTAT"]);
    write(&store, 0..3).await;
    assert_eq!(calls("set").await, 3);
}

#[tokio::test]
async fn what_may_not_be_asked_is_a_fact() {
    // Nothing but what the crates themselves need.
    let rules = "~* &* +@all -@admin -@dangerous -memory -object -latency -slowlog";
    let server = RedisServer::configure().user("shop", "a-password", rules).start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let monitor = Monitor::new(store.clone());
    write(&store, 0..10).await;

    let inspection = monitor.inspect().await;
    assert_eq!(inspection.settings, Told::NotAllowed);
    assert_eq!(inspection.memory, Told::NotAllowed);
    assert_eq!(inspection.latency, Told::NotAllowed);
    assert_eq!(inspection.default_user, Told::NotAllowed);
    assert_eq!(inspection.user, Told::Known("shop".to_owned()), "everybody may ask who they are");
    assert_eq!(monitor.clients().await, Told::NotAllowed);

    let census = monitor.census(&CensusPlan::new(), |_| {}).await.unwrap();
    assert_eq!(
        (census.counted, &census.biggest, &census.hottest),
        (10, &Told::NotAllowed, &Told::NotAllowed)
    );

    let (facts, health) = monitor.report().await;
    assert_eq!((facts.slow_calls, facts.server.is_none(), facts.cause), (Told::NotAllowed, true, None));
    assert!(
        health.reachable && health.issues.iter().any(|issue| issue.rule == "no-info"),
        "{:?}",
        health.issues
    );
    assert!(monitor.sampled_text().await.contains("redis_up 1\n"));
}

#[tokio::test]
async fn census_looks_at_every_server_within_its_bounds() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let store = Store::connect(&config).await.unwrap();
    let monitor = Monitor::new(store.clone());
    write(&store, 0..3_000).await;

    let mut seen: Vec<CensusProgress> = Vec::new();
    let census =
        monitor.census(&CensusPlan::new().within(GUARD), |progress| seen.push(progress)).await.unwrap();
    assert_eq!((census.complete, census.servers), (true, 3));
    // A scan may show a key twice while a table is resized.
    assert!(census.counted >= 3_000 && census.categories[0].category == "cache", "{census:?}");
    let last = seen.last().unwrap();
    assert_eq!((last.servers_done, last.servers, last.counted), (3, 3, census.counted));
    assert!(seen.is_sorted_by_key(|progress| (progress.counted, progress.servers_done)) && seen.len() >= 3);

    let mut seen = Vec::new();
    let plan = CensusPlan::new().keys(600).within(GUARD);
    let census = monitor.census(&plan, |progress| seen.push(progress)).await.unwrap();
    assert!(!census.complete && census.counted < 2_000, "{census:?}");
    let of_server = |done: usize| seen.iter().filter(|progress| progress.servers_done == done).count();
    assert!((0..=2).all(|done| of_server(done) >= 1), "each server is looked at: {seen:?}");
}

#[tokio::test]
async fn one_full_server_of_a_cluster_is_found() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).unwrap().with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let store = Store::connect(&config).await.unwrap();
    let issue = async || {
        let (facts, health) = Monitor::new(store.clone()).report().await;
        assert_eq!(facts.nodes.len(), 3);
        assert!(
            facts.cluster.known().is_some_and(|cluster| cluster.ok && cluster.owners == 3),
            "{:?}",
            facts.cluster
        );
        health.issues.into_iter().find(|issue| issue.rule == "memory")
    };
    assert_eq!(issue().await, None);
    let mut raw = cluster.raw(*cluster.masters().last().unwrap());
    let info = raw.command(&["INFO", "memory"]).text();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let bound = used.trim().parse::<u64>().unwrap() * 100 / 95;
    raw.command(&["CONFIG", "SET", "maxmemory", &bound.to_string()]);
    let found = issue().await.expect("memory is close to its bound on one of three");
    assert!(found.value > 0.85 && !found.message.contains("127.0.0.1"), "{found:?}");
    raw.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(issue().await, None);
}
