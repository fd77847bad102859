//! Warming, recorded use, experiments and statistics, on a real server.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_cache::{Cache, Ids, L1, TtlExperiment, Usage, WarmReport, Warmer, Warming, caches, sweep};
use redstart_connection::{Cmd, Config, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_testkit::{RedisServer, shared};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use crate::support::{GUARD, config, config_for};

const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
const PRICE: Entity<u64> = Entity::new(Category::Cache, "price").ttl(Ttl::minutes(5));
const NOTE: Entity<u64> = Entity::new(Category::Cache, "note").ttl(Ttl::hours(1)).plain();

type Products = Cache<u64, String>;
type Values = Vec<(u64, String)>;

/// A process as far as the server can tell.
struct Node {
    store: Store,
    products: Products,
    loaded: Arc<AtomicUsize>,
}

impl Node {
    fn new(config: &Config) -> Self {
        Self::on(Store::lazy(config).unwrap())
    }

    fn on(store: Store) -> Self {
        let products = Products::builder(&store, &PRODUCT).usage(Usage::counted().hourly()).build();
        Self { store, products, loaded: Arc::default() }
    }

    async fn read(&self, ids: impl IntoIterator<Item = u64>) {
        for id in ids {
            let load = || async { Ok::<_, Infallible>(Some(format!("product {id}"))) };
            self.products.get_or_load(&id, load).await.unwrap();
        }
    }

    fn warming(&self, ids: Ids<u64>) -> Warming {
        let loaded = Arc::clone(&self.loaded);
        let load = move |ids: Vec<u64>| {
            loaded.fetch_add(ids.len(), Ordering::SeqCst);
            async move { Ok::<Values, Infallible>(ids.iter().map(|id| (*id, format!("product {id}"))).collect()) }
        };
        Warming::new(&self.products, ids, load)
    }

    async fn warm(&self, ids: Ids<u64>) -> WarmReport {
        Warmer::new(&self.store).cache(self.warming(ids)).verified().run().await
    }
}

fn two() -> (Node, Node) {
    let config = config();
    (Node::new(&config), Node::new(&config))
}

#[tokio::test]
async fn use_of_all_processes_decides_what_is_warmed() {
    let (left, right) = two();
    left.read([1, 1, 1, 2]).await;
    right.read([1, 2, 2, 2, 2, 3]).await;
    left.products.popular(1).await.unwrap();
    let popular = right.products.popular(10).await.unwrap();
    assert_eq!(popular.iter().map(|used| used.id).collect::<Vec<_>>(), [2, 1, 3]);
    assert!((popular[0].weight - 5.0).abs() < 0.01, "{}", popular[0].weight);
    sweep(&left.store, &PRODUCT.pattern()).await.unwrap();

    let report = right.warm(Ids::popular(2)).await;
    assert_eq!((report.total().warmed, report.total().verified), (2, 2), "{report}");
    assert_eq!(left.products.get(&2).await.unwrap().unwrap().as_str(), "product 2");
    assert!(left.products.get(&3).await.unwrap().is_none());
}

#[tokio::test]
async fn present_hour_is_expected_again() {
    // Whichever hour comes, it is this one or the next; the uses are told for both.
    let (left, right) = two();
    left.read([5, 5, 6]).await;
    left.products.popular(1).await.unwrap();
    let hour = left.store.clock().now().as_secs() / 3_600;
    let name =
        |hour: u64| left.store.name_of(&Key::namespace_id(Category::Cache, "product", "use", &(hour % 24)));
    let (present, next) = (name(hour), name(hour + 1));
    let text = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
    let mut raw = shared().raw();
    assert_eq!(
        raw.command(&["COPY", &text(&present), &text(&next)]).int(),
        1,
        "the uses stand under their hour"
    );
    let expected = right.products.expected(1).await.unwrap();
    assert_eq!(expected.iter().map(|used| used.id).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn two_who_warm_the_same_leave_what_is_there() {
    let (left, right) = two();
    let first = left.warm(Ids::these(0..500)).await;
    assert_eq!((first.total().warmed, first.total().verified), (500, 500), "{first}");
    let second = right.warm(Ids::these(0..500)).await;
    assert_eq!((second.total().skipped, second.total().warmed), (500, 0), "{second}");
    assert_eq!(right.loaded.load(Ordering::SeqCst), 0);
    assert!(shared().raw().keys_without_ttl(left.store.prefix().as_str()).is_empty());
}

#[tokio::test]
async fn several_caches_are_warmed_together_plain_ones_too() {
    let node = Node::new(&config());
    let prices = Cache::<u64, u32>::new(&node.store, &PRICE);
    let notes = Cache::<u64, u32>::new(&node.store, &NOTE);
    let load =
        |ids: Vec<u64>| async move { Ok::<_, Infallible>(ids.into_iter().map(|id| (id, 7_u32)).collect()) };
    let report = Warmer::new(&node.store)
        .cache(node.warming(Ids::these(0..150)))
        .cache(Warming::new(&prices, Ids::these(0..150), load).priority(1))
        .cache(Warming::new(&notes, Ids::these(0..150), load))
        .verified()
        .run()
        .await;
    let told: Vec<_> = report.caches.iter().map(|cache| (cache.name, cache.counts.verified)).collect();
    assert_eq!(told, [("price", 150), ("product", 150), ("note", 150)]);
}

#[tokio::test]
async fn warming_never_brings_back_what_was_invalidated() {
    let (left, right) = two();
    let theirs = right.products.clone();
    let load = move |ids: Vec<u64>| {
        let theirs = theirs.clone();
        async move {
            theirs.invalidate(&3).await.unwrap();
            Ok::<Values, Infallible>(ids.iter().map(|id| (*id, "old".to_owned())).collect())
        }
    };
    let warming = Warming::new(&left.products, Ids::these(0..5), load);
    let report = Warmer::new(&left.store).cache(warming).verified().run().await;
    assert_eq!((report.total().warmed, report.total().verified), (5, 4));
    for products in [&left.products, &right.products] {
        assert!(products.get(&3).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn of_many_nodes_one_warms_in_a_period() {
    let config = config();
    let nodes: Vec<_> = (0..8).map(|_| Node::new(&config)).collect();
    let schedules: Vec<_> = nodes
        .iter()
        .map(|node| {
            let warmer = Warmer::new(&node.store).cache(node.warming(Ids::these(0..10)));
            warmer.every("products", Ttl::days(1))
        })
        .collect();
    let mut asking = JoinSet::new();
    for schedule in schedules {
        asking.spawn(async move { schedule.turn().await.unwrap() });
    }
    let turns = asking.join_all().await;
    assert_eq!(turns.iter().filter(|turn| turn.report.is_some()).count(), 1);
    assert!(turns.iter().all(|turn| turn.next_in <= Duration::from_secs(86_400)));
    assert_eq!(nodes.iter().map(|node| node.loaded.load(Ordering::SeqCst)).sum::<usize>(), 10);
}

#[tokio::test]
async fn schedule_goes_on_in_the_background() {
    let node = Node::new(&config());
    let heard = Arc::new(Notify::new());
    let report = Arc::clone(&heard);
    let warmer = Warmer::new(&node.store).cache(node.warming(Ids::these(0..10)));
    assert!(warmer.every("products", Ttl::millis(50)).on_report(move |_| report.notify_one()).start());
    for _ in 0..3 {
        timeout(GUARD, heard.notified()).await.expect("another period comes");
    }
    assert!(node.store.shutdown(GUARD).await.is_clean());
}

#[tokio::test]
async fn store_that_is_away_is_not_warmed() {
    let mut server = RedisServer::start();
    let node = Node::new(&config_for(&server).with_command_timeout(Duration::from_millis(500)));
    node.read([1]).await;
    server.kill();
    let report = node.warm(Ids::these(0..50)).await;
    assert_eq!((report.total().planned, node.loaded.load(Ordering::SeqCst)), (0, 0), "{report}");
    assert!(report.caches[0].error.as_deref().unwrap().starts_with("the store does not answer"), "{report}");
    let schedule =
        Warmer::new(&node.store).cache(node.warming(Ids::these(0..5))).every("products", Ttl::days(1));
    schedule.turn().await.unwrap_err();
}

#[tokio::test]
async fn uses_that_could_not_be_told_are_told_later() {
    let mut server = RedisServer::start();
    let node = Node::new(&config_for(&server).with_command_timeout(Duration::from_millis(500)));
    node.read([1]).await;
    node.products.popular(1).await.unwrap();
    server.kill();
    // The breaker or the missing connection refuses, so that nothing can have been counted.
    for _ in 0..10 {
        node.read([2]).await;
        node.products.popular(1).await.unwrap_err();
    }
    server.restart();
    timeout(GUARD, async {
        loop {
            let popular = node.products.popular(9).await.unwrap_or_default();
            if popular.iter().any(|used| used.id == 2 && 1.0 < used.weight) {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("what was counted meanwhile is told");
}

#[tokio::test]
async fn shares_of_reads_are_counted_by_tier() {
    let (left, right) = two();
    left.read(0..10).await;
    left.products.ready().await;
    left.read((0..10).chain(0..10)).await;
    right.read(0..10).await;
    let (ours, theirs) = (left.products.stats(), right.products.stats());
    assert_eq!((ours.misses, ours.loads, ours.l1_hits + ours.l2_hits), (10, 10, 20));
    assert!(10 <= ours.l1_hits, "{ours:?}");
    assert_eq!((theirs.l2_hits, theirs.misses), (10, 0));
    assert!(0 < ours.bytes_written && ours.bytes_written == theirs.bytes_read, "{ours:?} {theirs:?}");
    assert!(ours.since <= left.store.clock().now());
    assert_eq!(caches(&left.store).len(), 1);

    let name = String::from_utf8(left.store.name_of(&PRODUCT.key(&3))).unwrap();
    shared().raw().command(&["SET", &name, "no value", "PX", "60000"]);
    let fresh = Products::builder(&right.store, &PRODUCT).l1(L1::off()).build();
    assert!(fresh.get(&3).await.unwrap().is_none());
    assert_eq!((fresh.stats().decode_failures, fresh.stats().misses), (1, 1));
}

#[tokio::test]
async fn evictions_for_want_of_room_are_counted() {
    let store = Store::lazy(&config()).unwrap();
    let products = Products::builder(&store, &PRODUCT).l1(L1::entries(10)).build();
    products.ready().await;
    for id in 0..100_u64 {
        products.get_or_load(&id, || async { Ok::<_, Infallible>("x".to_owned()) }).await.unwrap();
    }
    let stats = products.stats();
    assert!(stats.l1_entries <= 10, "{stats:?}");
    // moka counts what it does not admit as evicted, too.
    assert!(80 <= stats.l1_evictions, "{stats:?}");
}

#[tokio::test]
async fn experiment_decides_the_ttl_on_the_server() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    let experiment = TtlExperiment::new("product", Ttl::hours(1), Ttl::minutes(10));
    let products = Products::builder(&store, &PRODUCT).experiment(&experiment).jitter(0.0).build();
    let lives = Arc::new(Mutex::new(Vec::new()));
    for id in 0..60 {
        products.get_or_load(&id, || async { Ok::<_, Infallible>("x".to_owned()) }).await.unwrap();
        let left = store.command(Cmd::new("PTTL").key(&PRODUCT.key(&id))).await.unwrap().into_int().unwrap();
        lives.lock().unwrap().push(left);
    }
    let lives = lives.lock().unwrap();
    let long = lives.iter().filter(|left| (3_000_000..=3_600_000).contains(*left)).count();
    let short = lives.iter().filter(|left| (500_000..=600_000).contains(*left)).count();
    assert_eq!(long + short, 60, "{lives:?}");
    assert!(10 < long && 10 < short, "{long} and {short}");
    assert_eq!(experiment.report().arms.iter().map(|arm| arm.reads).sum::<u64>(), 60);
}

/// On several servers the same holds: uses are ranked, and every server is warmed.
pub(crate) async fn warming_reaches_every_server(store: &Store) {
    let node = Node::on(store.clone());
    node.read([1001, 1001, 1002]).await;
    assert_eq!(node.products.popular(1).await.unwrap()[0].id, 1001);
    let report = node.warm(Ids::these(1000..1300)).await;
    assert_eq!((report.total().warmed, report.total().skipped, report.total().verified), (298, 2, 298));
    let warmer = Warmer::new(store).cache(node.warming(Ids::these(0..1)));
    let schedule = warmer.every("products", Ttl::days(1));
    assert!(schedule.turn().await.unwrap().report.is_some());
    assert!(schedule.turn().await.unwrap().report.is_none());
}
