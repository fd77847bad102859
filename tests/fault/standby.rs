//! Memory in place of a server that is away, and the way back.

use std::{convert::Infallible, time::Duration};

use redstart_cache::{Cache, L1, Source, sweep};
use redstart_connection::{BreakerState, Config, ErrorKind, Event, Events, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_lock::Locks;
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::task::JoinSet;

use crate::support::GUARD;

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(1));

type Users = Cache<u64, String>;

/// A server that can be away from one moment to the next, with all that it knows.
struct Bench {
    _server: RedisServer,
    proxy: Proxy,
    store: Store,
    users: Users,
    events: Events,
}

impl Bench {
    async fn start() -> Self {
        let server = RedisServer::start();
        let proxy = Proxy::start(server.address()).await;
        let config = Config::from_url(&server.url_at(proxy.address())).unwrap();
        let store = Store::connect(&config.with_prefix(&fresh_prefix()).unwrap()).await.unwrap();
        let (users, events) = (Users::builder(&store, &USER).l1(L1::off()).build(), store.events());
        Self { _server: server, proxy, store, users, events }
    }

    async fn goes_away(&self) {
        self.proxy.set(Fault::Refuse);
        self.proxy.reset_existing();
        eventually(GUARD, async || self.store.status().breaker == BreakerState::Open).await;
    }

    /// Lets the server come back; answers how many invalidations it heard.
    async fn comes_back(&mut self) -> usize {
        self.proxy.set(Fault::None);
        self.next(
            |event| if let Event::StandbyLeft { replayed, .. } = event { Some(*replayed) } else { None },
        )
        .await
    }

    async fn next<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(found) = self.events.next().await.as_ref().and_then(&mut wanted) {
                    return found;
                }
            }
        };
        tokio::time::timeout(GUARD, waiting).await.expect("it is told")
    }

    async fn read(&self, id: u64, or: &str) -> (String, Source) {
        let load = || async { Ok::<_, Infallible>(Some(or.to_owned())) };
        let cached = self.users.get_or_load(&id, load).await.unwrap().unwrap();
        (String::clone(&cached), cached.source())
    }
}

#[tokio::test]
async fn cache_goes_on_in_memory_and_forgets_it_on_return() {
    let mut bench = Bench::start().await;
    assert_eq!(bench.read(1, "before").await, ("before".into(), Source::Loaded));
    assert_eq!(bench.store.status().stood_in, Duration::ZERO);
    bench.goes_away().await;
    assert_eq!(bench.read(1, "meanwhile").await, ("meanwhile".into(), Source::Loaded));
    assert_eq!(bench.read(1, "again").await, ("meanwhile".into(), Source::Standby));
    let meanwhile = bench.store.status().stood_in;
    assert!(meanwhile > Duration::ZERO);
    assert_eq!(bench.comes_back().await, 0);
    assert_eq!(bench.read(1, "after").await, ("before".into(), Source::L2));
    let in_all = bench.store.status().stood_in;
    assert!(in_all >= meanwhile);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(bench.store.status().stood_in, in_all, "the outage is over");
    // A second outage knows nothing of the first.
    bench.goes_away().await;
    assert_eq!(bench.read(1, "later").await, ("later".into(), Source::Loaded));
}

/// Nobody asks: an instance that is not ready gets no requests, and must be ready again all the same.
async fn returns_unasked(config: impl FnOnce(Config) -> Config) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let store =
        Store::connect(&config(Config::from_url(&server.url_at(proxy.address())).unwrap())).await.unwrap();
    for fault in [Fault::Refuse, Fault::BlackHole] {
        proxy.set(fault);
        proxy.reset_existing();
        eventually(GUARD, async || store.status().breaker == BreakerState::Open).await;
        proxy.set(Fault::None);
        proxy.reset_existing();
        eventually(GUARD * 4, async || store.status().breaker == BreakerState::Closed).await;
    }
}

#[tokio::test]
async fn server_that_returns_is_used_again_though_nobody_asks() {
    returns_unasked(|config| config).await;
    returns_unasked(|config| config.with_standby(false)).await;
}

#[tokio::test]
async fn what_this_process_kept_meanwhile_is_dropped_on_return() {
    let mut bench = Bench::start().await;
    bench.users = Users::builder(&bench.store, &USER).max_staleness(GUARD * 10).build();
    bench.users.ready().await;
    bench.read(1, "before").await;
    bench.users.invalidate(&1).await.unwrap();
    bench.read(1, "before").await;
    bench.goes_away().await;
    bench.users.invalidate(&1).await.expect("memory stands in");
    bench.read(1, "meanwhile").await;
    assert_eq!(bench.read(1, "again").await, ("meanwhile".into(), Source::L1));
    bench.comes_back().await;
    assert_eq!(bench.read(1, "after").await, ("after".into(), Source::Loaded));
}

#[tokio::test]
async fn server_hears_of_every_change_before_anybody_reads_from_it() {
    let mut bench = Bench::start().await;
    for id in 1..=4 {
        bench.read(id, "old").await;
    }
    bench.goes_away().await;
    bench.users.invalidate(&1).await.expect("memory stands in");
    bench.users.set(&2, &"set".to_owned()).await.expect("memory stands in");
    assert_eq!(bench.read(2, "loaded").await, ("set".into(), Source::Standby));
    assert_eq!(bench.comes_back().await, 2);
    for id in [1, 2] {
        assert_eq!(bench.read(id, "new").await, ("new".into(), Source::Loaded), "{id} came back stale");
    }
    assert_eq!(bench.read(3, "new").await, ("old".into(), Source::L2), "nobody changed it");

    bench.goes_away().await;
    sweep(&bench.store, &USER.pattern()).await.expect("memory stands in");
    bench.comes_back().await;
    assert_eq!(bench.read(4, "new").await, ("new".into(), Source::Loaded), "the sweep was heard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_sees_an_old_value_on_the_way_back() {
    let mut bench = Bench::start().await;
    for id in 0..200 {
        bench.read(id, "old").await;
    }
    bench.goes_away().await;
    for id in 0..200 {
        bench.users.invalidate(&id).await.expect("memory stands in");
    }
    let mut readers = JoinSet::new();
    for reader in 0..4_u64 {
        let users = bench.users.clone();
        readers.spawn(async move {
            for turn in 0..2_000 {
                let load = || async { Ok::<_, Infallible>(Some("new".to_owned())) };
                let id = (reader * 50 + turn) % 200;
                let cached = users.get_or_load(&id, load).await.unwrap().unwrap();
                assert_eq!(cached.as_str(), "new", "{id} by {:?}", cached.source());
                tokio::task::yield_now().await;
            }
        });
    }
    bench.comes_back().await;
    while let Some(reader) = readers.join_next().await {
        reader.expect("no old value was seen");
    }
    assert_eq!(bench.read(7, "newer").await.0, "new");
}

#[tokio::test]
async fn invalidation_of_unknown_outcome_is_said_again() {
    let mut server = RedisServer::start();
    let config = Config::from_url(&server.url()).unwrap().with_prefix(&fresh_prefix()).unwrap();
    let store = Store::connect(&config).await.unwrap();
    let users = Users::new(&store, &USER);
    let load = |text: &'static str| move || async move { Ok::<_, Infallible>(Some(text.to_owned())) };
    users.get_or_load(&1, load("old")).await.unwrap();
    server.freeze();
    let error = users.invalidate(&1).await.expect_err("nobody answers, and the breaker is still closed");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    server.thaw();
    eventually(GUARD, async || users.get_or_load(&1, load("new")).await.unwrap().unwrap().as_str() == "new")
        .await;
}

#[tokio::test]
async fn locks_refuse_rather_than_pretend() {
    let bench = Bench::start().await;
    bench.goes_away().await;
    let locks = Locks::new(bench.store.clone());
    let refused = locks.lock(&PAYOUT.key(&1)).wait(Duration::ZERO).acquire().await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn process_that_ends_says_what_nobody_heard() {
    let mut bench = Bench::start().await;
    bench.goes_away().await;
    for id in 0..3 {
        bench.users.invalidate(&id).await.expect("memory stands in");
    }
    let ended = bench.store.clone();
    let _ended = ended.shutdown(GUARD).await;
    let lost =
        bench.next(|event| if let Event::JournalLost { entries } = event { Some(*entries) } else { None });
    assert_eq!(lost.await, 3);
}

#[tokio::test]
async fn without_standby_nothing_is_answered_from_memory() {
    let mut server = RedisServer::start();
    let config = Config::from_url(&server.url()).unwrap().with_standby(false);
    let store = Store::connect(&config).await.unwrap();
    let users = Users::new(&store, &USER);
    server.kill();
    eventually(GUARD, async || store.status().breaker == BreakerState::Open).await;
    assert_eq!(users.invalidate(&1).await.expect_err("nobody stands in").kind(), ErrorKind::Unavailable);
}
