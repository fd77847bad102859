//! Ten ways in which caches fail, each as a test that this one passes.
//!
//! Elsewhere: what 10,000 keys with tags leave behind is in `it/cache_bounds`, how often 10,000 misses load in
//! `stampede`, a server that refuses or hangs in `outage`, and one that loses everything in `cache_history`.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_cache::{Cache, CacheBuilder, Freshness, Loaded, Source, Tag};
use redstart_connection::{BreakerState, Clock, Config, Event, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::GUARD;

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));

type Users = Cache<u64, u64>;

/// A server, and the way to it under a prefix of its own.
fn server() -> (RedisServer, Config) {
    let server = RedisServer::start();
    let config = config(&server.url());
    (server, config)
}

fn config(url: &str) -> Config {
    Config::from_url(url).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap()
}

/// A node that hears of changes.
async fn node(config: &Config) -> Users {
    built(config, |builder| builder).await
}

async fn built(config: &Config, with: impl Fn(CacheBuilder<u64, u64>) -> CacheBuilder<u64, u64>) -> Users {
    let users = with(Users::builder(&Store::lazy(config).unwrap(), &USER)).build();
    users.ready().await;
    users
}

fn tag() -> Tag {
    Tag::new("all").unwrap()
}

async fn read(users: &Users, id: u64, version: u64) -> (u64, Source) {
    let load = || async move { Ok::<_, Infallible>(Loaded::new(version).tag(tag())) };
    let cached = users.get_or_load(&id, load).await.unwrap().unwrap();
    (*cached, cached.source())
}

/// The first load of a tag makes its stamp and may be outdated by it.
async fn read_until_kept(users: &Users, id: u64, version: u64) {
    eventually(GUARD, async || read(users, id, version).await.1 == Source::L1).await;
}

/// The ways to change something.
const WAYS: [&str; 4] = ["key", "set", "tag", "clear"];

async fn change(users: &Users, way: &str) {
    match way {
        "key" => users.invalidate(&1).await,
        "set" => users.set(&1, &2).await,
        "tag" => users.invalidate_tag(&tag()).await,
        _ => users.clear().await,
    }
    .unwrap();
}

#[tokio::test]
async fn change_during_a_load_wins_on_one_node_and_on_two() {
    let (_server, config) = server();
    for way in WAYS {
        for elsewhere in [false, true] {
            let loading = node(&config).await;
            let changing = if elsewhere { node(&config).await } else { loading.clone() };
            let load = || async {
                change(&changing, way).await;
                Ok::<_, Infallible>(Loaded::new(1).tag(tag()))
            };
            loading.get_or_load(&1, load).await.unwrap();
            assert_eq!(read(&changing, 1, 2).await.0, 2, "{way} where it was changed");
            eventually(GUARD, async || read(&loading, 1, 2).await.0 == 2).await;
            loading.clear().await.unwrap();
        }
    }
}

#[tokio::test]
async fn leader_that_is_cancelled_panics_or_hangs_holds_nobody_up() {
    let (_server, config) = server();
    let users = node(&config).await;
    let started = Arc::new(Notify::new());
    let lead = |panics: bool| {
        let (users, started) = (users.clone(), Arc::clone(&started));
        async move {
            let load = || async move {
                started.notify_one();
                sleep(Duration::from_millis(50)).await;
                assert!(!panics, "the loader gives up");
                std::future::pending::<Result<Option<u64>, Infallible>>().await
            };
            users.get_or_load(&1, load).await
        }
    };
    for panics in [false, true] {
        let mut leaders = JoinSet::new();
        leaders.spawn(lead(panics));
        started.notified().await;
        // It hangs: who only looks does not wait for it.
        assert!(timeout(GUARD, users.get(&1)).await.unwrap().unwrap().is_none());
        let waiting = read(&users, 1, 2);
        let after = async {
            if !panics {
                sleep(Duration::from_millis(20)).await;
                leaders.abort_all();
            }
        };
        let ((version, source), ()) = timeout(GUARD, async { tokio::join!(waiting, after) }).await.unwrap();
        assert_eq!((version, source), (2, Source::Loaded), "panics: {panics}");
        users.clear().await.unwrap();
    }
}

#[tokio::test]
async fn load_that_outlives_its_ticket_is_not_stored() {
    let (_server, config) = server();
    let patient = Freshness::new().hard_timeout(GUARD);
    let users = built(&config, |builder| builder.max_load(Ttl::millis(100)).freshness(patient)).await;
    let load = || async {
        sleep(Duration::from_millis(200)).await;
        Ok::<_, Infallible>(Some(1))
    };
    users.get_or_load(&1, load).await.unwrap();
    assert_eq!(users.stats().rejected_fills, 1);
    assert_eq!(read(&users, 1, 2).await, (2, Source::Loaded));
}

#[tokio::test]
async fn node_that_was_cut_off_while_another_wrote_shows_nothing_old() {
    let (server, config) = server();
    let proxy = Proxy::start(server.address()).await;
    let staleness = Duration::from_secs(1);
    let through = Config::from_url(&server.url_at(proxy.address())).unwrap();
    let through = through.with_prefix(Store::lazy(&config).unwrap().prefix().as_str()).unwrap();
    let cut_off = built(&through, |builder| builder.max_staleness(staleness)).await;
    let other = node(&config).await;
    read_until_kept(&cut_off, 1, 1).await;
    for fault in [Fault::BlackHole, Fault::Refuse] {
        proxy.set(fault);
        proxy.reset_existing();
        let version = other.set(&1, &2).await.map(|_| 2).unwrap();
        sleep(staleness).await;
        assert_eq!(read(&cut_off, 1, version).await.0, version, "while it is cut off by {fault:?}");
        proxy.set(Fault::None);
        proxy.reset_existing();
        sleep(staleness).await;
        assert_eq!(read(&cut_off, 1, version).await.0, version, "after {fault:?}");
    }
}

#[tokio::test]
async fn clocks_five_seconds_apart_change_nothing() {
    let (_server, config) = server();
    let now = Clock::system().now();
    let skew = Duration::from_secs(5);
    let at = |clock| Users::new(&Store::lazy_with(&config, clock).unwrap(), &USER);
    let ahead = at(Clock::manual(now.saturating_add(skew)));
    let behind = at(Clock::manual(now.saturating_sub(skew)));
    ahead.ready().await;
    behind.ready().await;
    for (changing, other) in [(&ahead, &behind), (&behind, &ahead)] {
        for way in WAYS {
            read_until_kept(changing, 1, 1).await;
            read(other, 1, 1).await;
            change(changing, way).await;
            assert_eq!(read(changing, 1, 2).await.0, 2, "{way}");
            eventually(GUARD, async || read(other, 1, 2).await.0 == 2).await;
            changing.invalidate(&1).await.unwrap();
            eventually(GUARD, async || other.get(&1).await.unwrap().is_none()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_that_is_overtaken_by_news_is_not_kept() {
    const KEYS: u64 = 3_000;
    let (_server, config) = server();
    let config = config.with_command_timeout(GUARD);
    let (reading, writing) = (node(&config).await, node(&config).await);
    let mut tasks = JoinSet::new();
    for id in 0..KEYS {
        writing.set(&id, &1).await.unwrap();
        let (reading, writing) = (reading.clone(), writing.clone());
        tasks.spawn(async move { reading.get(&id).await.is_ok() });
        tasks.spawn(async move { writing.set(&id, &2).await.is_ok() });
    }
    assert!(tasks.join_all().await.into_iter().all(|is_done| is_done));
    let stale = async || {
        let mut stale = 0;
        for id in 0..KEYS {
            stale += usize::from(read(&reading, id, 2).await.0 != 2);
        }
        stale == 0
    };
    eventually(GUARD, stale).await;
}

#[tokio::test]
async fn server_that_is_full_or_read_only_leaves_the_answer_to_the_loader() {
    let (mut server, config) = server();
    let users = node(&config).await;
    server.config_set("maxmemory", "1");
    assert_eq!(read(&users, 1, 1).await, (1, Source::Loaded), "out of memory");
    server.config_set("maxmemory", "0");
    read_until_kept(&users, 1, 2).await;
    server.raw().command(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(read(&users, 2, 1).await, (1, Source::Loaded), "read only");
    server.raw().command(&["REPLICAOF", "NO", "ONE"]);
    eventually(GUARD, async || read(&users, 2, 2).await.1 == Source::L1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_loads_its_data_leaves_the_answer_to_the_loader() {
    // Half a second of loading at each start.
    let mut server =
        RedisServer::configure().option("appendonly", "yes").option("key-load-delay", "100").start();
    let store = Store::lazy(&config(&server.url())).unwrap();
    let (users, mut events) = (Users::builder(&store, &USER).build(), store.events());
    users.ready().await;
    read_until_kept(&users, 1, 1).await;
    let fill = "for i = 1, ARGV[1] do redis.call('SET', '{1}ballast:' .. i, i) end";
    server.raw().command(&["EVAL", fill, "1", "{1}ballast", "5000"]);
    let mut reader = JoinSet::new();
    let changing = users.clone();
    reader.spawn(async move {
        let mut was_told = false;
        for version in 2.. {
            // Whoever answers, what was invalidated is not shown again.
            let _heard_or_noted = changing.invalidate(&1).await;
            assert_eq!(read(&changing, 1, version).await.0, version, "while it is loading: {was_told}");
            let mut news = Vec::new();
            while let Ok(Some(event)) = timeout(Duration::from_millis(1), events.next()).await {
                news.push(event);
            }
            let says_so = |event: &Event| matches!(event, Event::ConnectFailed { cause, .. } if cause.contains("is loading its data"));
            was_told |= news.iter().any(says_so);
            if was_told && news.iter().any(|event| matches!(event, Event::BreakerClosed { .. })) {
                return version;
            }
        }
        unreachable!("there are versions enough")
    });
    tokio::task::block_in_place(|| server.restart());
    let version = timeout(GUARD, reader.join_next()).await.expect("it is used again").unwrap().unwrap();
    eventually(GUARD, async || read(&users, 1, version).await == (version, Source::L1)).await;
}

#[tokio::test]
async fn nodes_that_write_different_types_miss_and_do_not_fail() {
    let (_server, config) = server();
    let numbers = node(&config).await;
    let texts = Cache::<u64, Vec<String>>::new(&Store::lazy(&config).unwrap(), &USER);
    texts.ready().await;
    for _ in 0..3 {
        let load = || async { Ok::<_, Infallible>(Some(vec!["one".to_owned()])) };
        let text = texts.get_or_load(&1, load).await.unwrap().unwrap();
        assert_eq!(text.as_slice(), ["one"]);
        assert_eq!(read(&numbers, 1, 1).await.0, 1);
        texts.invalidate(&1).await.unwrap();
    }
    assert!(0 < numbers.stats().decode_failures);
}

#[tokio::test]
async fn what_waits_for_the_server_is_bounded_and_still_heard() {
    const CHANGES: u64 = 12_000;
    let (server, config) = server();
    let proxy = Proxy::start(server.address()).await;
    let through = Config::from_url(&server.url_at(proxy.address())).unwrap();
    let store =
        Store::lazy(&through.with_prefix(Store::lazy(&config).unwrap().prefix().as_str()).unwrap()).unwrap();
    let users = Users::new(&store, &USER);
    let other = node(&config).await;
    read_until_kept(&other, CHANGES - 1, 1).await;
    let mut events = store.events();
    proxy.set(Fault::Refuse);
    proxy.reset_existing();
    let asked = AtomicU64::new(0);
    eventually(GUARD, async || {
        let _asked = users.get(&asked.fetch_add(1, Ordering::SeqCst)).await;
        store.status().breaker == BreakerState::Open
    })
    .await;
    for id in 0..CHANGES {
        users.invalidate(&id).await.expect("memory stands in");
    }
    proxy.set(Fault::None);
    let replayed = async {
        loop {
            if let Some(Event::StandbyLeft { replayed, .. }) = events.next().await {
                return replayed;
            }
        }
    };
    let replayed = timeout(GUARD, replayed).await.expect("it comes back");
    assert!(replayed <= 10_001, "{replayed} waited");
    eventually(GUARD, async || read(&other, CHANGES - 1, 2).await.0 == 2).await;
}
