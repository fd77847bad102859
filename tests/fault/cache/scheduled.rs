//! What is put off survives whoever put it off, and the server that keeps it.

use std::{convert::Infallible, env, fmt, str::FromStr, time::Duration};

use redstart_cache::{Cache, Heard, L1};
use redstart_connection::{Clock, Config, Store, Timestamp};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Raw, RedisServer, eventually, fresh_prefix};

use crate::{
    support::GUARD,
    workers::{Job, Workers, print},
};

const PRICE: Entity<u64> = Entity::new(Category::Cache, "price").ttl(Ttl::hours(1));
const URL: &str = "REDSTART_SCHEDULED_URL";
const PREFIX: &str = "REDSTART_SCHEDULED_PREFIX";
/// How long it is put off, in milliseconds.
const DELAY: &str = "REDSTART_SCHEDULED_DELAY";
/// Whether it is the last one of a burst.
const FOLDED: &str = "REDSTART_SCHEDULED_FOLDED";
/// Longer than it takes to kill a process, on a busy machine too.
const SOON: Duration = Duration::from_secs(3);
const ID: u64 = 1;

type Prices = Cache<u64, String>;

/// When the worker's invalidation is due.
#[derive(Clone, Copy)]
struct DueAt(Timestamp);

impl fmt::Display for DueAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@ {}", self.0.as_micros())
    }
}

impl FromStr for DueAt {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let micros = line.strip_prefix("@ ").ok_or(())?;
        micros.parse().map(|micros| Self(Timestamp::from_micros(micros))).map_err(drop)
    }
}

fn prices(server: &RedisServer, prefix: &str) -> Prices {
    let config = Config::from_url(&server.url()).and_then(|config| config.with_prefix(prefix)).unwrap();
    Prices::new(&Store::lazy(&config).unwrap(), &PRICE)
}

/// What a worker is: this test in a process of its own, which puts an invalidation off and lives on. By
/// itself it does nothing.
#[tokio::test]
async fn worker_process() {
    let (Ok(url), Ok(prefix), Ok(delay)) = (env::var(URL), env::var(PREFIX), env::var(DELAY)) else { return };
    let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
    let store = Store::connect(&config.with_command_timeout(GUARD)).await.unwrap();
    let prices = Prices::builder(&store, &PRICE).l1(L1::off()).build();
    prices.set(&ID, &"old".to_owned()).await.unwrap();
    let delay = Duration::from_millis(delay.parse().unwrap());
    if env::var(FOLDED).is_ok() {
        let prices = prices.debounced(delay);
        assert!(matches!(prices.invalidate(&ID).await, Ok(Heard::Done(_))));
        store_again(&store).await;
        assert!(matches!(prices.invalidate(&ID).await, Ok(Heard::Folded)));
        print(DueAt(store.clock().now().saturating_add(delay)));
    } else {
        print(DueAt(prices.invalidate_after(&ID, delay).await.unwrap()));
    }
    std::future::pending::<()>().await;
}

/// Puts what is old by then in once more.
async fn store_again(store: &Store) {
    let prices = Prices::builder(store, &PRICE).l1(L1::off()).build();
    prices.set(&ID, &"old".to_owned()).await.unwrap();
}

async fn put_off_and_killed(server: &RedisServer, prefix: &str) -> Timestamp {
    killed_before(server, prefix, false).await
}

/// Lets a process put an invalidation off, and kills it before the moment comes.
async fn killed_before(server: &RedisServer, prefix: &str, is_folded: bool) -> Timestamp {
    let delay = SOON.as_millis().to_string();
    let mut job: Job = vec![(URL, server.url()), (PREFIX, prefix.to_owned()), (DELAY, delay)];
    job.extend(is_folded.then(|| (FOLDED, "yes".to_owned())));
    let workers = Workers::<DueAt>::start("cache::scheduled::worker_process", vec![job]);
    eventually(GUARD, async || !workers.records().is_empty()).await;
    let DueAt(at) = workers.records()[0];
    drop(workers);
    assert!(server_time(&mut server.raw()) < at, "the machine is too slow for this test");
    at
}

fn server_time(raw: &mut Raw) -> Timestamp {
    let time = raw.command(&["EVAL", "local t = redis.call('TIME') return t[1] * 1000000 + t[2]", "0"]);
    Timestamp::from_micros(time.int().try_into().unwrap())
}

async fn read(prices: &Prices, or: &str) -> Option<String> {
    let load = || async { Ok::<_, Infallible>(or.to_owned()) };
    prices.get_or_load(&ID, load).await.unwrap().map(|cached| String::clone(&cached))
}

async fn becomes_new(prices: &Prices) {
    eventually(GUARD, async || read(prices, "new").await.as_deref() == Some("new")).await;
    eventually(GUARD, async || prices.scheduled().await.is_ok_and(|scheduled| scheduled.waiting == 0)).await;
}

#[tokio::test]
async fn what_a_killed_process_put_off_another_does() {
    let server = RedisServer::start();
    let prefix = fresh_prefix();
    let other = prices(&server, &prefix);
    other.ready().await;
    put_off_and_killed(&server, &prefix).await;
    becomes_new(&other).await;
}

#[tokio::test]
async fn end_of_a_burst_is_not_lost_with_its_process() {
    let server = RedisServer::start();
    let prefix = fresh_prefix();
    let other = prices(&server, &prefix);
    other.ready().await;
    killed_before(&server, &prefix, true).await;
    becomes_new(&other).await;
}

#[tokio::test]
async fn what_fell_due_while_no_process_ran_the_next_does() {
    let server = RedisServer::start();
    let prefix = fresh_prefix();
    let at = put_off_and_killed(&server, &prefix).await;
    eventually(GUARD, async || at < server_time(&mut server.raw())).await;
    assert_eq!(server.raw().command(&["EXISTS", &format!("{prefix}:cache:price:{{1}}")]).int(), 1);
    becomes_new(&prices(&server, &prefix)).await;
}

#[tokio::test]
async fn what_waits_outlives_the_server_that_keeps_its_data() {
    let mut server =
        RedisServer::configure().option("appendonly", "yes").option("appendfsync", "always").start();
    let prefix = fresh_prefix();
    let other = prices(&server, &prefix);
    other.ready().await;
    let at = put_off_and_killed(&server, &prefix).await;
    server.kill();
    // It falls due while the server is away.
    eventually(GUARD, async || at < machine_time()).await;
    server.restart();
    becomes_new(&other).await;
}

/// The clock of the machine, which is the server's too.
fn machine_time() -> Timestamp {
    Clock::system().now()
}

#[tokio::test]
async fn what_fell_due_while_the_server_was_silent_is_done_when_it_speaks() {
    let mut server = RedisServer::start();
    let prefix = fresh_prefix();
    let other = prices(&server, &prefix);
    other.ready().await;
    let at = put_off_and_killed(&server, &prefix).await;
    server.freeze();
    eventually(GUARD, async || at < machine_time()).await;
    server.thaw();
    becomes_new(&other).await;
}
