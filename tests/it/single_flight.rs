//! One load for all processes; each store here is a process of its own to the server.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_cache::{Cache, LoadError, Mint, SingleFlight, Source, Take};
use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_testkit::{eventually, shared};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::timeout,
};

use crate::support::{GUARD, config};

const REPORT: Entity<u64> = Entity::new(Category::Cache, "report").ttl(Ttl::hours(1));

type Reports = Cache<u64, String>;

async fn process(config: &Config) -> Reports {
    let store = Store::lazy(config).unwrap();
    let reports = Reports::builder(&store, &REPORT).single_flight(SingleFlight::fleet()).build();
    reports.ready().await;
    reports
}

async fn read(reports: &Reports, or: &str) -> (String, Source) {
    let load = || async { Ok::<_, Infallible>(or.to_owned()) };
    let cached = reports.get_or_load(&1, load).await.unwrap().unwrap();
    (String::clone(&cached), cached.source())
}

/// A load in the middle, and what lets it end.
struct Held {
    load: JoinSet<Result<(), LoadError<io::Error>>>,
    gate: Arc<Semaphore>,
}

impl Held {
    async fn begin(reports: &Reports, outcome: Result<&'static str, &'static str>) -> Self {
        let (reports, gate, started) =
            (reports.clone(), Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (open, begun) = (Arc::clone(&gate), Arc::clone(&started));
        let mut load = JoinSet::new();
        load.spawn(async move {
            let slow = || async move {
                begun.notify_one();
                let _open = open.acquire().await;
                outcome.map(str::to_owned).map_err(io::Error::other)
            };
            reports.get_or_load(&1, slow).await.map(drop)
        });
        started.notified().await;
        Self { load, gate }
    }

    async fn end(mut self) -> Result<(), LoadError<io::Error>> {
        self.gate.add_permits(1);
        self.load.join_next().await.unwrap().unwrap()
    }
}

/// Others wait for the load of one, and are told when it ends.
pub(crate) async fn one_load_for_all(config: &Config) {
    let left = process(config).await;
    let held = Held::begin(&left, Ok("a")).await;
    let (loads, mut waiting) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for _ in 0..3 {
        let (reports, loads) = (process(config).await, Arc::clone(&loads));
        for _ in 0..20 {
            let (reports, loads) = (reports.clone(), Arc::clone(&loads));
            waiting.spawn(async move {
                let load = || async move {
                    loads.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>("b".to_owned())
                };
                String::clone(&reports.get_or_load(&1, load).await.unwrap().unwrap())
            });
        }
    }
    assert!(timeout(Duration::from_millis(100), waiting.join_next()).await.is_err(), "all wait");
    held.end().await.unwrap();
    while let Some(value) = timeout(GUARD, waiting.join_next()).await.expect("they are told") {
        assert_eq!(value.unwrap(), "a");
    }
    assert_eq!(loads.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_wait_for_the_load_of_one() {
    one_load_for_all(&config()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failure_rests_in_all_processes_until_something_changes() {
    let config = config();
    let (left, right) = (process(&config).await, process(&config).await);
    let held = Held::begin(&left, Err("the database is away")).await;
    let theirs = right.clone();
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        theirs.get_or_load(&1, || async { Err::<String, _>(io::Error::other("asked all the same")) }).await
    });
    assert!(held.end().await.is_err());
    match timeout(GUARD, waiting.join_next()).await.expect("it is told").unwrap().unwrap() {
        Err(LoadError::Elsewhere(_)) => {}
        // The pause may be over by the time it asks, on a busy machine.
        Err(LoadError::Load(_)) => return,
        other => panic!("{other:?}"),
    }
    right.invalidate(&1).await.unwrap();
    assert_eq!(read(&right, "new").await.0, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_of_a_process_that_dies_is_taken_over() {
    let config = config();
    let reports = process(&config).await;
    // What is left of a process that was killed in the middle of its load.
    let dead = Store::lazy(&config).unwrap();
    let sequencer = Key::namespace(Category::Cache, "report", "seq");
    dead.run(&Take::new(vec![REPORT.key(&1)], sequencer.clone(), Ttl::seconds(3))).await.unwrap();
    let reading = timeout(GUARD, read(&reports, "b")).await.expect("somebody takes over");
    assert_eq!(reading, ("b".to_owned(), Source::Loaded));
    dead.run(&Mint::new(sequencer)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_wait() {
    let config = config();
    let (left, right) = (process(&config).await, process(&config).await);
    let held = Held::begin(&left, Ok("a")).await;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { read(&right, "b").await });
    let prefix = Store::lazy(&config).unwrap().prefix().to_string();
    let stands = |suffix: &str| shared().raw().keys(&prefix).iter().any(|key| key.ends_with(suffix));
    eventually(GUARD, async || stands(":w")).await;
    held.end().await.unwrap();
    waiting.join_all().await;
    assert!(!stands(":w"), "the word that somebody waits is taken back");
    assert!(!stands(":g"), "so is the ticket");
}
