//! A server that one process has lost and another has not.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_cache::{Cache, Source, Tag};
use redstart_connection::{BreakerState, Config, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::{task::JoinSet, time::sleep};

use crate::support::GUARD;

const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
const MAX_STALENESS: Duration = Duration::from_secs(1);
/// How long a loader of these tests takes.
const LOAD: Duration = Duration::from_millis(50);

type Users = Cache<u64, u64>;

/// Two processes, of which one reaches the server through a proxy.
struct Pair {
    server: RedisServer,
    proxy: Proxy,
    near: Users,
    store: Store,
    other: Users,
    /// The truth.
    database: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
}

impl Pair {
    async fn start() -> Self {
        let server = RedisServer::start();
        let proxy = Proxy::start(server.address()).await;
        let prefix = fresh_prefix();
        let open = |url: String| {
            let config = Config::from_url(&url).and_then(|config| config.with_prefix(&prefix)).unwrap();
            Store::lazy(&config).unwrap()
        };
        let store = open(server.url_at(proxy.address()));
        let cache = |store: &Store| Users::builder(store, &USER).max_staleness(MAX_STALENESS).build();
        let (near, other) = (cache(&store), cache(&open(server.url())));
        near.ready().await;
        other.ready().await;
        Self {
            server,
            proxy,
            near,
            store,
            other,
            database: Arc::new(AtomicU64::new(1)),
            loads: Arc::default(),
        }
    }

    /// What `users` shows, and who answered.
    async fn read(&self, users: &Users, id: u64) -> (u64, Source) {
        let (database, loads) = (Arc::clone(&self.database), Arc::clone(&self.loads));
        let load = || async move {
            loads.fetch_add(1, Ordering::SeqCst);
            sleep(LOAD).await;
            Ok::<_, Infallible>(Some(database.load(Ordering::SeqCst)))
        };
        let cached = users.get_or_load(&id, load).await.unwrap().unwrap();
        (*cached, cached.source())
    }

    fn goes_away(&self, fault: Fault) {
        self.proxy.set(fault);
        if fault == Fault::Refuse {
            self.proxy.reset_existing();
        }
    }

    async fn is_noticed(&self) {
        let noticed = async || {
            // Somebody has to ask for it to be seen.
            let _asked = self.near.get(&u64::MAX).await;
            self.store.status().breaker == BreakerState::Open
        };
        eventually(GUARD, noticed).await;
    }

    async fn comes_back(&self) {
        self.proxy.set(Fault::None);
        self.proxy.reset_existing();
        let back = async || {
            // Somebody has to ask for this, too: what is asked is what tries the server again.
            let _asked = self.near.get(&u64::MAX).await;
            self.store.status().breaker == BreakerState::Closed
        };
        // Each try that a busy machine lets fail doubles the pause before the next, up to half a minute.
        eventually(GUARD * 4, back).await;
    }
}

/// However the server is lost, a thousand who ask share one load and are answered by it.
async fn thousand_share_a_load(fault: Fault) {
    let pair = Arc::new(Pair::start().await);
    pair.goes_away(fault);
    let mut callers = JoinSet::new();
    for _ in 0..1_000 {
        let pair = Arc::clone(&pair);
        callers.spawn(async move { pair.read(&pair.near, 1).await });
    }
    for (version, _) in callers.join_all().await {
        assert_eq!(version, 1);
    }
    assert_eq!(pair.loads.load(Ordering::SeqCst), 1, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousand_share_a_load_without_a_server() {
    for fault in [Fault::Refuse, Fault::BlackHole, Fault::LoseReplies] {
        thousand_share_a_load(fault).await;
    }
}

#[tokio::test]
async fn what_another_process_changed_during_an_outage_is_seen_after_it() {
    let pair = Pair::start().await;
    let ids = 1..=20;
    for id in ids.clone() {
        pair.read(&pair.near, id).await;
    }
    pair.goes_away(Fault::Refuse);
    pair.is_noticed().await;
    // From the loader, and once more from memory.
    for id in ids.clone() {
        pair.read(&pair.near, id).await;
    }
    pair.database.store(2, Ordering::SeqCst);
    for id in ids.clone() {
        match id % 3 {
            0 => pair.other.set(&id, &2).await.map(drop),
            _ => pair.other.invalidate(&id).await.map(drop),
        }
        .unwrap();
    }
    pair.comes_back().await;
    sleep(MAX_STALENESS).await;
    for id in ids {
        assert_eq!(pair.read(&pair.near, id).await.0, 2, "{id} of the outage was shown");
        assert_eq!(pair.read(&pair.other, id).await.0, 2, "{id} of the outage was stored");
    }
}

#[tokio::test]
async fn node_that_is_cut_off_shows_nothing_older_than_it_may() {
    let pair = Pair::start().await;
    pair.goes_away(Fault::Refuse);
    pair.is_noticed().await;
    assert_eq!(pair.read(&pair.near, 1).await, (1, Source::Loaded));
    pair.database.store(2, Ordering::SeqCst);
    pair.other.invalidate(&1).await.unwrap();
    // Nobody can tell it, so it has to find out by itself.
    sleep(MAX_STALENESS).await;
    assert_eq!(pair.read(&pair.near, 1).await, (2, Source::Loaded));
    assert_eq!(pair.read(&pair.near, 1).await.0, 2);
}

#[tokio::test]
async fn changes_made_without_a_server_reach_the_others_after_it() {
    let pair = Pair::start().await;
    let tag = Tag::new("all").unwrap();
    for id in 1..=3 {
        pair.read(&pair.other, id).await;
    }
    pair.goes_away(Fault::Refuse);
    pair.is_noticed().await;
    pair.database.store(2, Ordering::SeqCst);
    assert!(!pair.near.invalidate(&1).await.unwrap().published);
    assert!(!pair.near.set(&2, &2).await.unwrap().published);
    pair.near.invalidate_tag(&tag).await.unwrap();
    assert_eq!(pair.read(&pair.other, 1).await.0, 1, "nobody has heard of it");
    pair.comes_back().await;
    for id in [1, 2] {
        eventually(GUARD, async || pair.read(&pair.other, id).await.0 == 2).await;
    }
    assert_eq!(pair.read(&pair.other, 3).await.0, 1, "nobody changed it");
    assert!(pair.server.is_up());
}

#[tokio::test]
async fn read_ends_within_its_deadline_whatever_the_server_does() {
    let pair = Pair::start().await;
    for fault in [Fault::BlackHole, Fault::LoseReplies, Fault::Refuse] {
        pair.goes_away(fault);
        // Far more than the deadline of a command and the load together.
        let reads = async {
            for id in 100..104 {
                pair.read(&pair.near, id).await;
            }
        };
        tokio::time::timeout(GUARD, reads).await.expect("it is answered by the loader");
        pair.comes_back().await;
    }
}
