//! The crates on a cluster and behind sentinels: the same code, the same answers.

use std::{collections::HashSet, convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use redstart_cache::{Cache, L1, Source, sweep};
use redstart_connection::{Append, Config, Delivery, Feed, Store};
use redstart_keys::{Category, Entity, Key, Pattern, Ttl};
use redstart_lock::Locks;
use redstart_monitor::Monitor;
use redstart_ratelimit::{Limiter, Policy, Source as LimitSource, Subject};
use redstart_testkit::{Cluster, Sentinels, eventually, fresh_prefix};

use crate::{
    scheduled::done_by_others, single_flight::one_load_for_all, support::GUARD,
    warming::warming_reaches_every_server,
};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(1));
const LOGIN: Policy = Policy::per_minute("login", 5);

fn patient(config: Config) -> Config {
    config.with_prefix(&fresh_prefix()).unwrap().with_command_timeout(GUARD).with_connect_timeout(GUARD)
}

fn on_cluster(cluster: &Cluster) -> Config {
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    patient(Config::cluster(nodes).unwrap())
}

fn on_sentinels(sentinels: &Sentinels) -> Config {
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    patient(Config::sentinel(sentinels.master_name(), addresses).unwrap())
}

async fn everything_works(config: &Config, mode: &str) {
    let store = &Store::connect(config).await.unwrap();
    assert_eq!(store.status().mode, mode);
    batches_span_the_servers(store).await;
    sweeps_reach_every_server(store).await;
    several_limits_are_one(store).await;
    locks_hold(store).await;
    feeds_follow(store).await;
    one_load_for_all(config).await;
    warming_reaches_every_server(store).await;
    done_by_others(config).await;
}

async fn batches_span_the_servers(store: &Store) {
    let users = Cache::<u64, String>::builder(store, &USER).l1(L1::off()).build();
    let ids: Vec<u64> = (0..100).collect();
    let load = |missing: Vec<u64>| async move {
        Ok::<_, Infallible>(missing.into_iter().map(|id| (id, id.to_string())).collect::<Vec<_>>())
    };
    let loaded = users.get_many_or_load(&ids, load).await.into_result().unwrap();
    assert!(loaded.len() == 100 && loaded.values().all(|cached| cached.source() == Source::Loaded));
    let cached = users.get_many_or_load(&ids, load).await.into_result().unwrap();
    for id in ids {
        assert_eq!((cached[&id].as_str(), cached[&id].source()), (id.to_string().as_str(), Source::L2));
    }
    users.set(&7, &"seven".to_owned()).await.unwrap();
    assert_eq!(users.get(&7).await.unwrap().unwrap().as_str(), "seven");
    users.invalidate(&7).await.unwrap();
    assert!(users.get(&7).await.unwrap().is_none());
}

async fn sweeps_reach_every_server(store: &Store) {
    let monitor = Monitor::new(store.clone());
    let sample = monitor.keys(&USER.pattern(), 1_000).await.unwrap();
    let names: HashSet<_> = sample.keys.iter().map(|key| &key.name).collect();
    assert!(sample.complete && names.len() >= 99, "{} keys", names.len());
    assert!(sample.keys.iter().all(|key| key.ttl.is_some()));
    let swept = sweep(store, &USER.pattern()).await.unwrap();
    assert_eq!(swept.removed, 99);
    assert_eq!(
        sweep(store, &Pattern::parse("cache:user:*").unwrap()).await.unwrap().removed,
        2,
        "the sequencer and the floor"
    );
}

async fn several_limits_are_one(store: &Store) {
    let limiter = Limiter::new(store.clone());
    let both = [(&LOGIN, Subject::from("ada@example.org")), (&LOGIN, Subject::from("203.0.113.7"))];
    for round in 0..5 {
        let decision = limiter.check_all(&both).await;
        assert_eq!((decision.is_allowed(), decision.source()), (true, LimitSource::Redis), "round {round}");
    }
    let refused = limiter.check_all(&both).await;
    assert_eq!((refused.is_allowed(), refused.source()), (false, LimitSource::Redis));
    // Of two limits, one full and one not, none is charged.
    let other = [(&LOGIN, Subject::from("bob@example.org")), (&LOGIN, Subject::from("203.0.113.7"))];
    assert!(!limiter.check_all(&other).await.is_allowed());
    let bob = limiter.check(&LOGIN, "bob@example.org").await;
    assert_eq!((bob.is_allowed(), bob.remaining()), (true, 4));
}

async fn locks_hold(store: &Store) {
    let locks = Locks::new(store.clone());
    for id in 0..10 {
        let held = locks.lock(&PAYOUT.key(&id)).wait(Duration::ZERO).acquire().await.unwrap();
        assert!(locks.lock(&PAYOUT.key(&id)).wait(Duration::ZERO).acquire().await.is_err());
        held.release().await.unwrap();
    }
}

async fn feeds_follow(store: &Store) {
    for name in ["a", "b", "c"] {
        let news = Key::namespace(Category::Cache, "news", name);
        let mut feed = Feed::open(store, news.clone());
        assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
        store.run(&Append::new(news, Ttl::hours(1)).field("n", "1")).await.unwrap();
        eventually(GUARD, async || matches!(feed.next().await, Ok(Delivery::Entries(_)))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_on_a_cluster() {
    let cluster = Cluster::start();
    everything_works(&on_cluster(&cluster), "cluster").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_behind_sentinels() {
    let sentinels = Sentinels::start();
    everything_works(&on_sentinels(&sentinels), "sentinel").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_to_replicas_where_that_is_chosen() {
    let cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = patient(Config::cluster(nodes).unwrap()).with_replica_reads(true);
    let store = Arc::new(Store::connect(&config).await.unwrap());
    let users = Cache::<u64, String>::builder(&store, &USER).l1(L1::off()).build();
    for id in 0..30 {
        users.set(&id, &"x".to_owned()).await.unwrap();
    }
    let gets = |address| {
        let stats = cluster.raw(address).command(&["INFO", "commandstats"]).text();
        let calls = |command: &str| {
            let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
            line.map_or(0, |line| line.split(',').next().unwrap().parse::<u64>().unwrap())
        };
        calls("get")
    };
    let sum = |addresses: Vec<SocketAddr>| addresses.into_iter().map(gets).sum::<u64>();
    let replicas = || cluster.masters().into_iter().flat_map(|master| cluster.replicas_of(master)).collect();
    // A cluster names its replicas a moment after they have joined, and each has its data a moment later.
    eventually(GUARD, async || {
        let (masters_before, replicas_before) = (sum(cluster.masters()), sum(replicas()));
        let mut found = 0;
        for id in 0..30 {
            found += usize::from(users.get(&id).await.unwrap().is_some());
        }
        let (to_masters, to_replicas) =
            (sum(cluster.masters()) - masters_before, sum(replicas()) - replicas_before);
        // Each value and the stamp that judges it.
        (found, to_masters, to_replicas) == (30, 0, 60)
    })
    .await;
}
