use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use redstart_connection::{Clock, Timestamp};
use redstart_keys::{Category, Entity};
use tokio::sync::Notify;

use super::*;
use crate::{Cache, L1, Usage};

const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
const POSTCODE: Entity<u64> = Entity::new(Category::Cache, "postcode").ttl(Ttl::hours(24));

type Products = Cache<u64, String>;
type Values = Vec<(u64, String)>;

fn products(store: &Store) -> Products {
    Products::new(store, &PRODUCT)
}

async fn load(ids: Vec<u64>) -> io::Result<Values> {
    Ok(ids.into_iter().map(|id| (id, format!("value {id}"))).collect())
}

fn one(report: &WarmReport) -> (u64, u64, u64, u64, u64) {
    let WarmCounts { warmed, skipped, absent, failed, left, .. } = report.caches[0].counts;
    (warmed, skipped, absent, failed, left)
}

#[tokio::test]
async fn what_is_missing_is_loaded_once_and_then_there() {
    let store = Store::memory();
    let products = products(&store);
    products.set(&7, &"mine".to_owned()).await.unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let counting = move |ids: Vec<u64>| {
        noted.lock().unwrap().extend(ids.clone());
        load(ids.into_iter().filter(|id| *id != 9).collect())
    };
    let ids = Ids::these([7, 8, 9, 10, 8]);
    let warmer = Warmer::new(&store).cache(Warming::new(&products, ids, counting).batch(2)).verified();
    let report = warmer.run().await;
    assert_eq!(one(&report), (2, 1, 1, 0, 0));
    assert_eq!((report.total().planned, report.total().attempted, report.total().verified), (4, 4, 2));
    assert!(report.is_complete());
    asked.lock().unwrap().sort_unstable();
    assert_eq!(*asked.lock().unwrap(), [8, 9, 10]);
    assert_eq!(products.get(&10).await.unwrap().unwrap().as_str(), "value 10");
    assert_eq!(products.get(&7).await.unwrap().unwrap().as_str(), "mine");
    assert_eq!(one(&warmer.run().await), (0, 4, 0, 0, 0), "absence is remembered, too");
}

#[tokio::test]
async fn reads_of_a_warming_are_no_use_and_no_misses() {
    let store = Store::memory();
    let products = Products::builder(&store, &PRODUCT).usage(Usage::counted()).build();
    let warmer = Warmer::new(&store).cache(Warming::new(&products, Ids::these(0..10), load));
    for _ in 0..2 {
        warmer.run().await;
    }
    let stats = products.stats();
    assert_eq!((stats.l1_hits, stats.l2_hits, stats.misses, stats.loads), (0, 0, 0, 1));
    assert_eq!(products.popular(10).await.unwrap(), []);
}

#[tokio::test]
async fn popular_ids_are_warmed_and_only_those_if_asked() {
    let store = Store::memory();
    let products = Products::builder(&store, &PRODUCT).usage(Usage::counted()).build();
    for id in [1, 2, 2, 3, 3, 3] {
        products.get(&id).await.unwrap();
    }
    let find = async |ids: Ids<u64>| ids.find(products.0.recorder().cloned()).await.unwrap();
    assert_eq!(find(Ids::popular(2)).await, [3, 2]);
    assert_eq!(find(Ids::these([1, 2, 4]).only_popular(10)).await, [2, 1]);
    assert_eq!(find(Ids::popular(2).and(Ids::these([2, 9]))).await, [3, 2, 9]);
    assert_eq!(find(Ids::expected(9).or(Ids::these([5]))).await, [5]);
    assert_eq!(find(Ids::found(|| async { Ok::<_, io::Error>(vec![8]) })).await, [8]);
    let report = Warmer::new(&store).cache(Warming::new(&products, Ids::popular(2), load)).run().await;
    assert_eq!(one(&report), (2, 0, 0, 0, 0));
}

#[tokio::test]
async fn source_that_fails_warms_nothing_and_says_so() {
    let store = Store::memory();
    let broken = Ids::found(|| async { Err::<Vec<u64>, _>(io::Error::other("no such table")) });
    let report = Warmer::new(&store).cache(Warming::new(&products(&store), broken, load)).run().await;
    assert_eq!(report.caches[0].error.as_deref(), Some("no such table"));
    assert!(!report.is_complete());
    assert!(report.to_string().contains("no such table"), "{report}");
}

#[tokio::test]
async fn higher_priority_comes_first_and_the_bound_is_over_all() {
    let store = Store::memory();
    let postcodes = Products::new(&store, &POSTCODE);
    let (at_work, most, order) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let slow = |name: &'static str| {
        let (at_work, most, order) = (Arc::clone(&at_work), Arc::clone(&most), Arc::clone(&order));
        move |ids: Vec<u64>| {
            let (at_work, most, order) = (Arc::clone(&at_work), Arc::clone(&most), Arc::clone(&order));
            async move {
                order.lock().unwrap().push(name);
                most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                at_work.fetch_sub(1, Ordering::SeqCst);
                load(ids).await
            }
        }
    };
    let report = Warmer::new(&store)
        .cache(Warming::new(&postcodes, Ids::these(0..10), slow("postcode")).batch(1))
        .cache(Warming::new(&products(&store), Ids::these(0..10), slow("product")).batch(1).priority(1))
        .concurrency(3)
        .run()
        .await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let order = order.lock().unwrap();
    assert!(order[..10].iter().all(|name| *name == "product"), "{order:?}");
    assert_eq!(report.caches.iter().map(|cache| cache.name).collect::<Vec<_>>(), ["product", "postcode"]);
    assert_eq!(report.total().warmed, 20);
}

#[tokio::test]
async fn loader_that_keeps_failing_is_given_up() {
    let store = Store::memory();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let failing = move |_: Vec<u64>| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Err::<Values, _>(io::Error::other("the database is away")) }
    };
    let warming = Warming::new(&products(&store), Ids::these(0..100), failing).batch(10);
    let report = Warmer::new(&store).cache(warming).concurrency(1).run().await;
    assert_eq!((calls.load(Ordering::SeqCst), one(&report)), (3, (0, 0, 0, 30, 70)));
    assert_eq!(report.caches[0].error.as_deref(), Some("the database is away"));
}

#[tokio::test]
async fn failures_between_successes_are_no_reason_to_give_up() {
    let store = Store::memory();
    let moody = |ids: Vec<u64>| async move {
        if ids[0].is_multiple_of(2) { Err(io::Error::other("a moment")) } else { load(ids).await }
    };
    let warming = Warming::new(&products(&store), Ids::these(0..20), moody).batch(1);
    let report = Warmer::new(&store).cache(warming).concurrency(1).run().await;
    assert_eq!(one(&report), (10, 0, 0, 10, 0));
}

#[tokio::test]
async fn panic_of_a_loader_fails_its_batch_alone() {
    let store = Store::memory();
    let fragile = |ids: Vec<u64>| async move {
        assert!(!ids.contains(&3), "three");
        load(ids).await
    };
    let warming = Warming::new(&products(&store), Ids::these(0..9), fragile).batch(3);
    let report = Warmer::new(&store).cache(warming).run().await;
    assert_eq!(one(&report), (6, 0, 0, 3, 0));
    assert_eq!(report.caches[0].error.as_deref(), Some("the loader panicked"));
}

#[tokio::test]
async fn verification_finds_what_was_invalidated_meanwhile() {
    let store = Store::memory();
    let products = products(&store);
    let changing = products.clone();
    let overtaken = move |ids: Vec<u64>| {
        let changing = changing.clone();
        async move {
            changing.invalidate(&3).await.expect("memory answers");
            load(ids).await
        }
    };
    let warming = Warming::new(&products, Ids::these(0..5), overtaken);
    let total = Warmer::new(&store).cache(warming).verified().run().await.total();
    assert_eq!((total.warmed, total.verified), (5, 4));
}

#[tokio::test(start_paused = true)]
async fn warming_ends_when_its_time_is_over() {
    let store = Store::memory();
    let stuck = |ids: Vec<u64>| async move {
        if ids[0] == 2 {
            std::future::pending::<()>().await;
        }
        load(ids).await
    };
    let warming = Warming::new(&products(&store), Ids::these(0..4), stuck).batch(1);
    let warmer = Warmer::new(&store).cache(warming).concurrency(1).within(Duration::from_secs(5));
    let report = warmer.run().await;
    assert_eq!(one(&report), (2, 0, 0, 0, 2));
    assert_eq!(report.caches[0].error.as_deref(), Some("the time was over"));

    let endless = Ids::found(|| async { Ok::<_, io::Error>(std::future::pending::<Vec<u64>>().await) });
    let warmer = Warmer::new(&store).cache(Warming::new(&products(&store), endless, load));
    let report = warmer.within(Duration::from_secs(5)).run().await;
    assert!(report.caches[0].error.as_deref().unwrap().starts_with("the time was over before"));
}

#[tokio::test]
async fn progress_is_told_step_by_step_to_its_end() {
    let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_700_000_000_000_000)));
    let clock = store.clock().clone();
    let slow = move |ids: Vec<u64>| {
        clock.advance(Duration::from_secs(1));
        load(ids)
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    Warmer::new(&store)
        .cache(Warming::new(&products(&store), Ids::these(0..4), slow).batch(2))
        .concurrency(1)
        .on_progress(move |progress| heard.lock().unwrap().push(*progress))
        .run()
        .await;
    let seconds = |time: Duration| time.as_secs();
    let steps: Vec<_> = told
        .lock()
        .unwrap()
        .iter()
        .map(|step| (step.total.attempted, seconds(step.elapsed), step.eta.map(seconds), step.is_done))
        .collect();
    let right = [(0, 0, None, false), (2, 1, Some(1), false), (4, 2, Some(0), false), (4, 2, Some(0), true)];
    assert_eq!(steps, right);
}

#[tokio::test]
async fn warming_in_the_background_ends_with_the_store() {
    let store = Store::memory();
    let run = Warmer::new(&store).cache(Warming::new(&products(&store), Ids::these(0..4), load)).start();
    assert_eq!(run.report().await.unwrap().total().warmed, 4);
    assert!(run.progress().is_done);

    let started = Arc::new(Notify::new());
    let begun = Arc::clone(&started);
    let stuck = move |_: Vec<u64>| {
        begun.notify_one();
        std::future::pending::<io::Result<Values>>()
    };
    let warming = Warming::new(&products(&store), Ids::these(5..9), stuck);
    let mut run = Warmer::new(&store).cache(warming).start();
    started.notified().await;
    assert_eq!(run.changed().await.unwrap().total.planned, 4);
    assert!(store.shutdown(Duration::from_secs(10)).await.is_clean());
    assert!(run.report().await.is_none());
    assert!(run.changed().await.is_none());
}

#[tokio::test]
async fn of_all_processes_one_warms_in_each_period() {
    let store = Store::memory_with(Clock::manual(Timestamp::from_micros(1_700_000_000_000_000)));
    // Nothing stays, so that each warming has something to do.
    let cache = Products::builder(&store, &PRODUCT).l1(L1::off()).build();
    let node = || {
        let warmer = Warmer::new(&store).cache(Warming::new(&cache, Ids::these(0..3), load));
        warmer.every("products", Ttl::hours(1)).ahead(Duration::from_secs(300))
    };
    let (left, right) = (node(), node());
    let turn = left.turn().await.unwrap();
    assert_eq!(turn.report.unwrap().total().warmed, 3);
    // It was 22:13:20.
    assert_eq!(turn.next_in, Duration::from_secs(46 * 60 + 40 - 300));
    for node in [&left, &right] {
        assert!(node.turn().await.unwrap().report.is_none());
    }
    store.clock().advance(turn.next_in);
    assert!(right.turn().await.unwrap().report.is_some());
    assert!(left.turn().await.unwrap().report.is_none());
}

#[tokio::test(start_paused = true)]
async fn schedule_runs_until_the_shutdown() {
    let store = Store::memory();
    let reports = Arc::new(Notify::new());
    let heard = Arc::clone(&reports);
    let warmer = Warmer::new(&store).cache(Warming::new(&products(&store), Ids::these(0..3), load));
    let schedule = warmer.every("products", Ttl::millis(20)).on_report(move |_| heard.notify_one());
    assert!(schedule.clone().start());
    for _ in 0..3 {
        reports.notified().await;
    }
    assert_eq!(store.tasks().running(), 1);
    assert!(store.shutdown(Duration::from_secs(10)).await.is_clean());
    assert!(!schedule.start());
}
