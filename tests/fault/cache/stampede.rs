//! Ten thousand who want the same value at once, in four processes.

use std::{convert::Infallible, env, fmt, str::FromStr, sync::Arc, time::Duration};

use redstart_cache::{Cache, SingleFlight};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{RedisServer, eventually, fresh_prefix};
use tokio::{sync::Barrier, task::JoinSet, time::sleep};

use crate::{
    support::GUARD,
    workers::{Job, Workers, print},
};

const HOT: Entity<u64> = Entity::new(Category::Cache, "hot").ttl(Ttl::hours(1));
const URL: &str = "REDSTART_STAMPEDE_URL";
const PREFIX: &str = "REDSTART_STAMPEDE_PREFIX";
const START: &str = "REDSTART_STAMPEDE_START";
const FLEET: &str = "REDSTART_STAMPEDE_FLEET";
const PROCESSES: usize = 4;
const CALLERS: usize = 2_500;

/// What one process did.
#[derive(Clone, Copy, Debug)]
struct Work {
    loads: u64,
    /// How many callers were shown the value.
    answered: usize,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@ {} {}", self.loads, self.answered)
    }
}

impl FromStr for Work {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        let ["@", loads, answered] = words[..] else { return Err(()) };
        Ok(Self { loads: loads.parse().map_err(drop)?, answered: answered.parse().map_err(drop)? })
    }
}

/// What a worker is: this test in a process of its own. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let (Ok(url), Ok(prefix), Ok(start)) = (env::var(URL), env::var(PREFIX), env::var(START)) else { return };
    let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    let store = Store::connect(&config.with_command_timeout(GUARD)).await.unwrap();
    let flight = if env::var(FLEET).is_ok() { SingleFlight::fleet() } else { SingleFlight::process() };
    let cache = Cache::builder(&store, &HOT).single_flight(flight).build();
    cache.ready().await;
    let start: u64 = start.parse().unwrap();
    let now = store.clock().now().as_micros();
    sleep(Duration::from_micros(start.saturating_sub(now))).await;
    print(ask(&cache).await);
}

/// Lets everybody of one process ask at once; a load takes longer than all of them need to ask.
async fn ask(cache: &Cache<u64, u64>) -> Work {
    let start = Arc::new(Barrier::new(CALLERS));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, start) = (cache.clone(), Arc::clone(&start));
        callers.spawn(async move {
            start.wait().await;
            let load = || async {
                sleep(Duration::from_secs(1)).await;
                Ok::<_, Infallible>(Some(7))
            };
            cache.get_or_load(&1, load).await.unwrap().is_some_and(|cached| *cached == 7)
        });
    }
    let answers = callers.join_all().await;
    Work { loads: cache.stats().loads, answered: answers.into_iter().filter(|answered| *answered).count() }
}

/// Lets all processes ask at the same moment, and answers how many loads there were in all.
async fn loads_of_a_stampede(is_fleet: bool) -> u64 {
    let server = RedisServer::start();
    let start = redstart_connection::Clock::system().now().as_micros() + 2_000_000;
    let mut job: Job = vec![(URL, server.url()), (PREFIX, fresh_prefix()), (START, start.to_string())];
    job.extend(is_fleet.then(|| (FLEET, "yes".to_owned())));
    let workers = Workers::<Work>::start("cache::stampede::worker_process", vec![job; PROCESSES]);
    eventually(GUARD, async || workers.records().len() == PROCESSES).await;
    let work = workers.records();
    assert!(work.iter().all(|work| work.answered == CALLERS), "{work:?}");
    work.iter().map(|work| work.loads).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_misses_in_four_processes_are_a_load_for_each_process_at_most() {
    let loads = loads_of_a_stampede(false).await;
    println!("{} misses in {PROCESSES} processes: {loads} loads", CALLERS * PROCESSES);
    assert!((1..=PROCESSES as u64).contains(&loads), "{loads} loads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_misses_in_four_processes_are_one_load_for_a_fleet() {
    assert_eq!(loads_of_a_stampede(true).await, 1);
}
