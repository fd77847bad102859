//! What the crates do, over HTTP.

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use redstart_cache::{Cache, Source, sweep};
use redstart_connection::{
    Append, Cmd, Delivery, Effect, Error, Feed, Memory, Operation, Outage, Redis, Result, Script, Store,
    Timestamp, Value,
};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::Locks;
use redstart_ratelimit::{Limiter, Policy};
use redstart_testkit::{Proxy, shared};
use tokio::task::JoinSet;

use super::{bridge, config_for, store_of};
use crate::{single_flight::one_load_for_all, support::GUARD};

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));

#[tokio::test]
async fn store_says_what_it_is() {
    let bridge = bridge();
    let store = Store::connect(&config_for(&bridge.url())).await.unwrap();
    let status = store.status();
    assert_eq!((status.mode, status.lanes, status.connected, status.last_error), ("rest", 1, 1, None));
    assert_eq!(store.describe(), bridge.url());
    assert!(store.capabilities().unwrap().version.is_some());
    assert!(store.shutdown(GUARD).await.is_clean());
}

#[tokio::test]
async fn cache_takes_gives_and_forgets() {
    let bridge = bridge();
    let config = config_for(&bridge.url());
    let instance = || Cache::<u64, String>::new(&Store::lazy(&config).unwrap(), &USER);
    let (left, right) = (instance(), instance());
    // Values begin with bytes that are no UTF-8, and go on with text that is.
    for text in ["Ada", "grüße 🦊", ""] {
        left.set(&1, &text.to_owned()).await.unwrap();
        let load = || async { Ok::<_, Infallible>(Some("loaded".to_owned())) };
        let found = right.get_or_load(&1, load).await.unwrap().unwrap();
        assert_eq!((found.as_str(), found.source()), (text, Source::L2));
        right.invalidate(&1).await.unwrap();
        assert_eq!(left.get_or_load(&1, load).await.unwrap().unwrap().source(), Source::Loaded);
        assert_eq!(right.get_or_load(&1, load).await.unwrap().unwrap().source(), Source::L2);
        right.invalidate(&1).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_loads_for_all() {
    let bridge = bridge();
    one_load_for_all(&config_for(&bridge.url())).await;
}

#[tokio::test]
async fn limits_are_counted() {
    const SEARCH: Policy = Policy::per("search", 2, Duration::from_secs(60));
    let bridge = bridge();
    let limiter = Limiter::new(store_of(&bridge));
    for allowed in [true, true, false] {
        assert_eq!(limiter.check(&SEARCH, "203.0.113.7").await.is_allowed(), allowed);
    }
}

#[tokio::test]
async fn lock_goes_from_hand_to_hand() {
    let bridge = bridge();
    let locks = Locks::new(store_of(&bridge));
    let first = locks.lock(&PAYOUT.key(&1)).acquire().await.unwrap();
    let fence = first.fence();
    assert!(locks.lock(&PAYOUT.key(&1)).try_acquire().await.unwrap().is_none());
    first.release().await.unwrap();
    let second = locks.lock(&PAYOUT.key(&1)).acquire().await.unwrap();
    assert!(fence < second.fence());
    second.release().await.unwrap();
}

#[tokio::test]
async fn sweep_removes_what_it_meets() {
    let bridge = bridge();
    let store = store_of(&bridge);
    for id in 0..50 {
        let cmd = Cmd::new("SET").key(&USER.key(&id)).arg("x").arg("PX").arg(60_000);
        assert!(store.command(cmd).await.unwrap().is_ok());
    }
    assert_eq!(sweep(&store, &USER.pattern()).await.unwrap().removed, 50);
}

fn news() -> Key {
    Key::namespace(Category::Cache, "item", "inv")
}

fn append(text: &str) -> Append {
    Append::new(news(), Ttl::hours(1)).field("k", text)
}

async fn told(feed: &mut Feed) -> Vec<Bytes> {
    loop {
        match feed.next().await.unwrap() {
            Delivery::Entries(entries) => {
                return entries.into_iter().map(|entry| entry.fields[0].1.clone()).collect();
            }
            Delivery::Gap => return Vec::new(),
            Delivery::Idle => {}
        }
    }
}

#[tokio::test]
async fn feed_asks_again_and_tells_of_gaps() {
    let bridge = bridge();
    let store = store_of(&bridge);
    let other =
        Store::lazy(&config_for(&bridge.url()).with_prefix(store.prefix().as_str()).unwrap()).unwrap();
    let mut feed = Feed::open(&store, news());
    assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
    // Another process's entry is found by asking, one's own wakes the reader.
    other.run(&append("a")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["a"]);
    assert_eq!(feed.next().await.unwrap(), Delivery::Idle);
    let own = append("b");
    let (seen, written) = tokio::join!(told(&mut feed), store.run(&own));
    written.unwrap();
    assert_eq!(seen, ["b"]);
    shared().raw().delete_keys(store.prefix().as_str());
    assert_eq!(told(&mut feed).await, [""; 0]);
    store.run(&append("c")).await.unwrap();
    assert_eq!(told(&mut feed).await, ["c"]);
}

#[tokio::test]
async fn reads_at_once_travel_together() {
    let bridge = bridge();
    let store = store_of(&bridge);
    let cache = Cache::<u64, u64>::new(&store, &USER);
    for id in 0..20 {
        cache.set(&id, &id).await.unwrap();
    }
    let before = bridge.commands();
    let mut readers = JoinSet::new();
    for id in 0..200_u64 {
        let cache = Cache::<u64, u64>::new(&store, &USER);
        readers.spawn(async move { cache.get(&(id % 20)).await.unwrap().map(|value| *value) });
    }
    let found = readers.join_all().await;
    assert_eq!(found.len(), 200);
    let commands = bridge.commands() - before;
    assert!(commands < 100, "{commands} commands for 200 reads");
}

#[tokio::test]
async fn connections_are_used_again_and_the_sync_token_is_echoed() {
    let bridge = bridge();
    let proxy = Proxy::start(bridge.address()).await;
    let store = Store::lazy(&config_for(&bridge.url_at(proxy.address()))).unwrap();
    for _ in 0..20 {
        store.command(Cmd::new("PING")).await.unwrap();
    }
    assert_eq!((proxy.accepted(), bridge.in_sync()), (1, 19));
}

static ECHO: Script = Script::new("test.echo", "return { ARGV[2], #ARGV[2], ARGV[3], #ARGV }");

struct Echo(Vec<u8>);

impl Operation for Echo {
    type Output = Value;
    const NAME: &'static str = "test.echo";

    fn effect(&self) -> Effect {
        Effect::Read
    }

    fn outage(&self) -> Outage {
        Outage::Fail
    }

    fn outcome(_: &Self::Output) -> &'static str {
        "echoed"
    }

    async fn on_redis(&self, redis: &Redis) -> Result<Self::Output> {
        redis.script(&ECHO).key(&USER.key(&1)).arg(&self.0).arg("grüße").invoke().await
    }

    fn on_memory(&self, _: &Memory, _: Timestamp) -> Result<Self::Output> {
        Err(Error::unsupported("this one is for a server"))
    }
}

#[test]
fn any_bytes_arrive_and_come_back_as_they_were() {
    let (bridge, runtime) = (bridge(), tokio::runtime::Runtime::new().unwrap());
    let store = store_of(&bridge);
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        // What the detour makes of bytes, as bytes.
        prop::collection::vec(prop_oneof![Just(0xc2), Just(0xc3), 0x80..=0xbf_u8, Just(0)], 0..50),
        any::<String>().prop_map(String::into_bytes),
        "OK|PONG|[0-9]{1,20}|\\[\\]".prop_map(String::into_bytes),
    ];
    proptest!(ProptestConfig::with_cases(300), |(bytes in bytes)| { runtime.block_on(async {
        let key = USER.key(&1);
        let set = Cmd::new("SET").key(&key).arg(&bytes).arg("PX").arg(60_000);
        prop_assert!(store.command(set).await.unwrap().is_ok());
        let length = store.command(Cmd::new("STRLEN").key(&key)).await.unwrap().into_int().unwrap();
        prop_assert_eq!(usize::try_from(length).unwrap(), bytes.len());
        let back = store.command(Cmd::new("GET").key(&key)).await.unwrap().into_bytes().unwrap();
        prop_assert_eq!(&back[..], &bytes[..]);
        let mut echo = store.run(&Echo(bytes.clone())).await.unwrap().into_array().unwrap().into_iter();
        let mut next = || echo.next().unwrap();
        prop_assert_eq!(&next().into_bytes().unwrap()[..], &bytes[..]);
        prop_assert_eq!(usize::try_from(next().into_int().unwrap()).unwrap(), bytes.len());
        prop_assert_eq!(next().into_text().unwrap(), "grüße");
        prop_assert_eq!(next().into_int().unwrap(), 3);
        Ok::<_, TestCaseError>(())
    })? });
}
