//! Histories of a lock that real processes fight for while they are stopped, killed and cut off.

mod check;
mod fleet;
mod record;
mod worker;

use std::{
    env,
    sync::{Arc, Mutex},
    time::Duration,
};

use redstart_connection::{Clock, Config, Store};
use redstart_testkit::{Cluster, Fault, Proxy, RedisServer, Sentinels, eventually, fresh_prefix};
use tokio::task::JoinSet;

use self::{
    check::{Finding, check},
    fleet::{PREFIX, URL},
    record::{Record, What},
    worker::Manner,
};
use crate::{
    support::GUARD,
    workers::{Workers, print},
};

const WORKERS: usize = 4;
/// More than twice a lease.
const PAUSE: Duration = Duration::from_millis(1_200);

/// What a worker is: this test in a process of its own. By itself it does nothing.
#[tokio::test]
async fn worker_process() {
    let (Ok(url), Ok(prefix)) = (env::var(URL), env::var(PREFIX)) else { return };
    let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    worker::work(&Store::lazy(&config).unwrap(), fleet::manner(), &print).await;
}

/// Waits until `more` grants came on top of what there is.
async fn grants(fleet: &Workers<Record>, more: usize) {
    let count = || fleet.records().iter().filter(|record| record.what == What::Granted).count();
    let before = count();
    eventually(GUARD, async || before + more <= count()).await;
}

fn assert_ordered(finding: &Finding) {
    assert_eq!((finding.stale_writes, finding.falling_fences), (0, 0), "{finding:?}");
    assert!(finding.most_late_polls <= 1, "work went on after the lock had passed: {finding:?}");
}

/// Stops, kills and cuts off processes and their server, which keeps what it granted.
/// Whoever has the lock is hit first.
async fn afflict(fleet: &mut Workers<Record>, server: &mut RedisServer, proxy: &Proxy, round: usize) {
    let victim = fleet.last();
    match round % 5 {
        0 | 3 => {
            fleet.stop(victim);
            tokio::time::sleep(PAUSE).await;
            fleet.resume(victim);
        }
        1 => fleet.replace(victim),
        2 => {
            proxy.set(if round.is_multiple_of(2) { Fault::BlackHole } else { Fault::LoseReplies });
            tokio::time::sleep(PAUSE).await;
            proxy.set(Fault::None);
            proxy.reset_existing();
        }
        _ => {
            server.freeze();
            tokio::time::sleep(PAUSE).await;
            server.thaw();
        }
    }
    grants(fleet, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_hold_the_lock_whatever_befalls_the_processes() {
    let mut server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let mut fleet = fleet::start(WORKERS, &server.url_at(proxy.address()), &fresh_prefix());
    grants(&fleet, 10).await;
    for round in 0..15 {
        afflict(&mut fleet, &mut server, &proxy, round).await;
    }
    let finding = check(&fleet.records());
    println!("{}", finding.row("stopped for 1.2 s, `kill -9`, replies lost or swallowed, server frozen"));
    assert_ordered(&finding);
    assert_eq!((finding.overlaps, finding.late_losses), (0, 0), "{finding:?}");
    assert!(85 <= finding.grants, "{finding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_hold_a_lock_that_is_handed_on_within_processes() {
    let mut server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    // More visitors would leave the crowd too little to hand on.
    let mut fleet =
        fleet::start_each(&["crowd", "visitor"], &server.url_at(proxy.address()), &fresh_prefix());
    grants(&fleet, 50).await;
    for round in 0..15 {
        afflict(&mut fleet, &mut server, &proxy, round).await;
        grants(&fleet, 50).await;
    }
    let finding = check(&fleet.records());
    println!("{}", finding.row("the same, while tasks hand the lock on within their processes"));
    assert_ordered(&finding);
    assert_eq!((finding.overlaps, finding.late_losses), (0, 0), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_with_its_data_keeps_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::configure().option("appendonly", "yes").option("appendfsync", "always");
    let mut server = server.option("dir", folder.path().to_str().unwrap()).start();
    let fleet = fleet::start(WORKERS, &server.url(), &fresh_prefix());
    for _ in 0..4 {
        grants(&fleet, 10).await;
        server.restart();
    }
    grants(&fleet, 10).await;
    let finding = check(&fleet.records());
    println!("{}", finding.row("four restarts with data"));
    assert_ordered(&finding);
    assert_eq!((finding.overlaps, finding.late_losses), (0, 0), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_order_what_a_forgetful_server_let_in() {
    let prefix = fresh_prefix();
    let mut server = RedisServer::start();
    let fleet = fleet::start(WORKERS, &server.url(), &prefix);
    for round in 0..6 {
        grants(&fleet, 10).await;
        match round % 3 {
            0 => server.restart(),
            1 => drop(server.raw().command(&["FLUSHALL"])),
            // As if the server's clock had jumped ahead: every lease is over at once.
            _ => drop(server.raw().shift_ttls(&prefix, Duration::from_secs(10))),
        }
    }
    grants(&fleet, 10).await;
    let finding = check(&fleet.records());
    let afflictions = "two restarts without data, two `FLUSHALL`, two jumps of the clock by 10 s";
    println!("{}", finding.row(afflictions));
    // The cell is lost with the rest, so only what was granted can be ordered.
    assert_eq!(finding.falling_fences, 0, "{finding:?}");
}

/// Workers in this process, each with a store of its own, for servers that name their own addresses.
struct Crew {
    stores: Vec<Store>,
    records: Arc<Mutex<Vec<Record>>>,
    workers: JoinSet<()>,
}

impl Crew {
    fn start(config: &Config) -> Self {
        Self::with_clock(config, &Clock::system())
    }

    fn with_clock(config: &Config, clock: &Clock) -> Self {
        let store = |_| Store::lazy_with(config, clock.clone()).unwrap();
        let stores: Vec<Store> = (0..WORKERS).map(store).collect();
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        let mut workers = JoinSet::new();
        for store in &stores {
            let (store, records) = (store.clone(), Arc::clone(&records));
            workers.spawn(async move {
                let note = |record| records.lock().unwrap().push(record);
                worker::work(&store, Manner::ALONE, &note).await;
            });
        }
        Self { stores, records, workers }
    }

    async fn grants(&self, more: usize) {
        let count =
            || self.records.lock().unwrap().iter().filter(|record| record.what == What::Granted).count();
        let before = count();
        eventually(GUARD, async || before + more <= count()).await;
    }

    async fn end(mut self) -> Vec<Record> {
        for store in &self.stores {
            // Some workers are in the middle of something that their server will never answer.
            let _unclean = store.shutdown(GUARD).await;
        }
        while let Some(worker) = self.workers.join_next().await {
            worker.unwrap();
        }
        self.records.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_rise_while_the_clock_of_the_scripts_steps_to_and_fro() {
    let server = RedisServer::start();
    let config =
        Config::from_url(&server.url()).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let clock = Clock::manual(Clock::system().now());
    let crew = Crew::with_clock(&config, &clock);
    let goes_on = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            clock.advance(Duration::from_millis(1));
        }
    };
    let steps = async {
        for round in 0..6 {
            crew.grants(10).await;
            // Far, so that the fences lie ahead of the clock for the rest; then less than a lease.
            let by = Duration::from_millis(if round < 2 { 3_600_000 } else { 100 });
            if round % 2 == 0 { clock.step_back(by) } else { clock.advance(by) }
        }
        crew.grants(10).await;
    };
    tokio::select! {
        () = goes_on => {}
        () = steps => {}
    }
    let finding = check(&crew.end().await);
    println!("{}", finding.row("the clock of the scripts steps back and ahead, six times by up to an hour"));
    assert_eq!((finding.stale_writes, finding.falling_fences), (0, 0), "{finding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_rise_through_the_failover_of_a_sentinel_master() {
    let mut sentinels = Sentinels::start();
    let addresses = sentinels.sentinel_addresses().into_iter().map(|address| address.to_string());
    let config = Config::sentinel(sentinels.master_name(), addresses);
    let crew = Crew::start(&config.and_then(|config| config.with_prefix(&fresh_prefix())).unwrap());
    crew.grants(20).await;
    sentinels.failover().await;
    crew.grants(20).await;
    sentinels.kill_master();
    crew.grants(20).await;
    let finding = check(&crew.end().await);
    println!("{}", finding.row("failover of a sentinel master by command and by `kill -9`"));
    assert_eq!(finding.falling_fences, 0, "{finding:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fences_rise_through_the_failover_of_a_shard() {
    let mut cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().take(2).map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let crew = Crew::start(&config);
    crew.grants(20).await;
    // The id of the lock is its tag.
    cluster.kill_master_of("{1}");
    crew.grants(20).await;
    let finding = check(&crew.end().await);
    println!("{}", finding.row("`kill -9` of the master of a shard"));
    assert_eq!(finding.falling_fences, 0, "{finding:?}");
}
