//! Ten thousand cycles by 64 tasks in four processes: nobody starves, nothing is left behind.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::Locks;
use redstart_testkit::{RedisServer, eventually, fresh_prefix};
use tokio::task::JoinSet;

use crate::support::GUARD;

const LEASE: Ttl = Ttl::minutes(1);
const LOCK: Entity<u64> = Entity::new(Category::Lock, "busy").ttl(Ttl::minutes(5));
const URL: &str = "REDSTART_LOCK_CYCLES_URL";
const PREFIX: &str = "REDSTART_LOCK_CYCLES_PREFIX";
const FAIR: &str = "REDSTART_LOCK_CYCLES_FAIR";

const PROCESSES: usize = 4;
const TASKS: usize = 16;
const CYCLES: usize = 10_000 / PROCESSES / TASKS + 1;
/// Ten times what a cycle may wait behind all others on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process does: this test in a process of its own. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cycling_process() {
    let (Ok(url), Ok(prefix)) = (env::var(URL), env::var(PREFIX)) else { return };
    let is_fair = env::var_os(FAIR).is_some();
    let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let store = Store::lazy(&config).unwrap();
    let locks = Locks::new(store.clone());
    let clock = store.clock().clone();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (locks, clock) = (locks.clone(), clock.clone());
        tasks.spawn(async move {
            let request = locks.lock(&LOCK.key(&1)).ttl(LEASE).wait(PATIENCE);
            let request = if is_fair { request.fair() } else { request };
            let mut longest = Duration::ZERO;
            for _ in 0..CYCLES {
                let asked = clock.instant();
                let guard = request.acquire().await.unwrap();
                longest = longest.max(clock.instant() - asked);
                guard.release().await.unwrap();
            }
            longest
        });
    }
    let mut longest = Duration::ZERO;
    while let Some(task) = tasks.join_next().await {
        longest = longest.max(task.unwrap());
    }
    assert!(locks.held().is_empty() && locks.waiting().is_empty());
    assert_eq!(locks.pending_releases(), 0);
    println!("@ longest {}", longest.as_micros());
    // All tasks of the store end with it: one that leaked would hold this up.
    assert!(store.shutdown(GUARD).await.is_clean());
    println!("@ clean");
}

fn process(url: &str, prefix: &str, is_fair: bool) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["lock_throughput::cycling_process", "--exact", "--nocapture"])
        .env(URL, url)
        .env(PREFIX, prefix)
        .stdout(Stdio::piped());
    if is_fair {
        command.env(FAIR, "1");
    }
    command.spawn().unwrap()
}

async fn cycles(is_fair: bool) {
    let server = RedisServer::start();
    let prefix = fresh_prefix();
    let processes: Vec<Child> = (0..PROCESSES).map(|_| process(&server.url(), &prefix, is_fair)).collect();
    let mut longest = Vec::new();
    let mut clean = 0;
    for mut process in processes {
        for line in BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(micros) = line.strip_prefix("@ longest ") {
                longest.push(Duration::from_micros(micros.parse().unwrap()));
            }
            clean += usize::from(line == "@ clean");
        }
        assert!(process.wait().unwrap().success());
    }
    assert_eq!((longest.len(), clean), (PROCESSES, PROCESSES));
    println!("longest wait of each process, fair {is_fair}: {longest:?}");
    let mut raw = server.raw();
    let left = raw.keys(&prefix);
    // Who asked last is forgotten within a minute, who gave up a minute after the lease would end, the fence in two
    // days.
    let lasting = [":#last", ":given-up", ":seen"];
    let leftover = left.iter().filter(|name| !lasting.iter().any(|end| name.ends_with(end)));
    assert_eq!(leftover.count(), 0, "{left:?}");
    assert!(raw.keys_without_ttl(&prefix).is_empty());
    let staying = raw.keys_outliving(&prefix, LEASE.as_duration() + Duration::from_secs(60));
    assert!(staying.iter().all(|name| name.ends_with("lock:fence:#last")), "{staying:?}");
    let mut subscribers = || raw.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().lines().count();
    eventually(GUARD, async || subscribers() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_starves_and_nothing_is_left_where_all_push() {
    cycles(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_starves_and_nothing_is_left_where_all_queue() {
    cycles(true).await;
}
