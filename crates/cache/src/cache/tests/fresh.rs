//! Old values, early refreshes, time-outs, failures.

use std::io;

use tokio::sync::Semaphore;

use super::*;
use crate::{
    cached::Cached,
    freshness::{EarlyRefresh, Freshness},
    loaded::Loaded,
};

const OLD: Freshness = Freshness::new().stale_while_revalidate(Ttl::minutes(1)).without_failure_pause();
const FORGIVING: Freshness = Freshness::new().stale_if_error(Ttl::hours(1)).without_failure_pause();

/// A cache with a clock that the test moves; the values live for an hour.
struct Shelf {
    users: Users,
    clock: Clock,
    loads: Arc<AtomicUsize>,
}

fn shelf(freshness: Freshness, l1: L1) -> Shelf {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let users = Users::builder(&Store::memory_with(clock.clone()), &USER);
    let users = users.jitter(0.0).freshness(freshness).l1(l1).build();
    Shelf { users, clock, loads: Arc::default() }
}

impl Shelf {
    /// Fetches, with a loader that brings `value` once `gate` lets it.
    async fn fetch(&self, value: &'static str, gate: &Arc<Semaphore>) -> (String, Source, bool) {
        let (gate, loads) = (Arc::clone(gate), Arc::clone(&self.loads));
        let cached = self
            .users
            .entry(&1)
            .fetch(move |_| async move {
                loads.fetch_add(1, Ordering::SeqCst);
                let _open = gate.acquire().await;
                load(value).await
            })
            .await
            .expect("it loads")
            .expect("something");
        (String::clone(&cached), cached.source(), cached.is_stale())
    }

    async fn fails(&self) -> Result<Option<Cached<String>>, LoadError<io::Error>> {
        let fail = || async { Err::<Option<String>, _>(io::Error::other("the database is away")) };
        self.users.get_or_load(&1, fail).await
    }

    fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }
}

fn open() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1))
}

fn closed() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

/// Waits until the background has nothing more to do.
async fn settle(shelf: &Shelf) {
    while shelf.users.0.store.tasks().running() > 0 {
        tokio::task::yield_now().await;
    }
}

const TIERS: [L1; 2] = [L1::entries(10), L1::off()];

#[tokio::test]
async fn old_value_is_shown_while_it_is_replaced_once() {
    for l1 in TIERS {
        let shelf = shelf(OLD, l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_600));
        let gate = closed();
        for _ in 0..3 {
            let (value, source, is_stale) = shelf.fetch("b", &gate).await;
            assert_eq!((value.as_str(), is_stale), ("a", true));
            assert_ne!(source, Source::Loaded);
        }
        tokio::task::yield_now().await;
        assert_eq!(shelf.loads(), 2, "one load replaces it, however many ask");
        gate.add_permits(1);
        settle(&shelf).await;
        assert_eq!(shelf.fetch("c", &open()).await.0, "b");
        assert_eq!(shelf.loads(), 2);
    }
}

#[tokio::test]
async fn older_than_the_window_is_not_shown() {
    let shelf = shelf(OLD, L1::entries(10));
    shelf.fetch("a", &open()).await;
    shelf.clock.advance(Duration::from_secs(3_660));
    assert_eq!(shelf.fetch("b", &open()).await, ("b".into(), Source::Loaded, false));
}

#[tokio::test]
async fn invalidated_is_never_shown_as_old() {
    for l1 in TIERS {
        let shelf = shelf(OLD.stale_if_error(Ttl::hours(1)), l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_601));
        shelf.users.invalidate(&1).await.expect("memory answers");
        assert!(shelf.fails().await.is_err());
        assert_eq!(shelf.fetch("b", &open()).await.1, Source::Loaded);
    }
}

#[tokio::test]
async fn replacement_never_undoes_an_invalidation() {
    for l1 in TIERS {
        let (shelf, gate) = (shelf(OLD, l1), closed());
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_600));
        shelf.fetch("old", &gate).await;
        while shelf.loads() < 2 {
            tokio::task::yield_now().await;
        }
        shelf.users.invalidate(&1).await.expect("memory answers");
        gate.add_permits(1);
        settle(&shelf).await;
        assert_eq!(shelf.fetch("new", &open()).await, ("new".into(), Source::Loaded, false));
    }
}

#[tokio::test]
async fn old_value_takes_the_place_of_a_failed_load() {
    for l1 in TIERS {
        let shelf = shelf(FORGIVING, l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(2 * 3_600 - 1));
        let old = shelf.fails().await.expect("an old value will do").expect("something");
        assert_eq!((old.as_str(), old.is_stale()), ("a", true));
        // A load that succeeds is what is wanted.
        shelf.clock.advance(Duration::from_secs(1));
        assert!(shelf.fails().await.is_err(), "older than an hour is not shown");
        assert_eq!(read(&shelf.users, "b").await, ("b".into(), Source::Loaded));
    }
}

#[tokio::test]
async fn cap_of_a_call_is_not_that_of_the_cache() {
    let shelf = shelf(FORGIVING, L1::entries(10));
    shelf.fetch("a", &open()).await;
    shelf.clock.advance(Duration::from_secs(3_700));
    let fail = || async { Err::<Option<String>, _>(io::Error::other("away")) };
    let strict = shelf.users.entry(&1).freshness(Freshness::new().without_failure_pause());
    assert!(strict.get_or_load(fail).await.is_err());
    assert!(shelf.fails().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn slow_load_gives_way_to_an_old_value_and_goes_on() {
    for l1 in TIERS {
        let shelf = shelf(FORGIVING.soft_timeout(Duration::from_millis(80)), l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_601));
        let gate = closed();
        let (value, _, is_stale) = shelf.fetch("b", &gate).await;
        assert_eq!((value.as_str(), is_stale), ("a", true));
        gate.add_permits(1);
        settle(&shelf).await;
        assert_eq!(shelf.fetch("c", &open()).await.0, "b", "the load went on");
        assert_eq!(shelf.loads(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_behind_a_slow_load_wait_once() {
    const SOFT: Duration = Duration::from_millis(80);
    for l1 in TIERS {
        let shelf = Arc::new(shelf(FORGIVING.soft_timeout(SOFT), l1));
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_601));
        let gate = closed();
        let mut callers = JoinSet::new();
        for caller in 0..100 {
            let (shelf, gate) = (Arc::clone(&shelf), Arc::clone(&gate));
            callers.spawn(async move {
                // Half of them come while the first one waits.
                tokio::time::sleep(SOFT / 2 * (caller % 2)).await;
                shelf.fetch("b", &gate).await.0
            });
        }
        let shown = tokio::time::timeout(SOFT * 2, callers.join_all()).await.expect("nobody waits twice");
        assert!(shown.iter().all(|value| value == "a"));
        assert_eq!(shelf.loads(), 2, "one load for all of them");
    }
}

#[tokio::test(start_paused = true)]
async fn old_value_shown_to_others_is_none_for_who_wants_a_fresh_one() {
    for l1 in TIERS {
        let shelf = Arc::new(shelf(FORGIVING.soft_timeout(Duration::from_millis(80)), l1));
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_601));
        let gate = closed();
        let mut behind = JoinSet::new();
        let patient = Arc::clone(&shelf);
        behind.spawn(async move { patient.fetch("b", &gate).await.0 });
        while shelf.loads() < 2 {
            tokio::task::yield_now().await;
        }
        let strict = shelf.users.entry(&1).freshness(Freshness::new().without_failure_pause());
        let fresh = strict.get_or_load(|| load("c")).await.unwrap().unwrap();
        assert_eq!((fresh.as_str(), fresh.is_stale()), ("c", false));
        assert_eq!(behind.join_all().await, ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn batch_is_not_shown_the_old_value_that_another_caller_put_up_with() {
    const SOFT: Freshness = FORGIVING.soft_timeout(Duration::from_millis(80));
    for l1 in TIERS {
        let shelf = shelf(FORGIVING, l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(3_601));
        let (gate, begun) = (closed(), Arc::new(Semaphore::new(0)));
        let slow = shelf.users.entry(&1).freshness(SOFT).fetch({
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            move |_| async move {
                begun.add_permits(1);
                let _open = gate.acquire().await;
                load("b").await
            }
        });
        let batch = async {
            // It joins the flight of the other one, which is then shown the old value.
            let _begun = begun.acquire().await;
            let bring = async |ids: Vec<u64>| {
                Ok::<_, Infallible>(ids.into_iter().map(|id| (id, "c".to_owned())).collect())
            };
            shelf.users.get_many_or_load(&[1], bring).await
        };
        let (old, batch) = tokio::join!(slow, batch);
        assert_eq!(old.unwrap().unwrap().as_str(), "a");
        let found = batch.into_result().expect("it loads");
        assert_eq!((found[&1].as_str(), found[&1].is_stale()), ("c", false));
    }
}

#[tokio::test(start_paused = true)]
async fn fast_load_is_waited_for() {
    let shelf = shelf(FORGIVING.soft_timeout(Duration::from_millis(80)), L1::entries(10));
    shelf.fetch("a", &open()).await;
    shelf.clock.advance(Duration::from_secs(3_601));
    assert_eq!(shelf.fetch("b", &open()).await, ("b".into(), Source::Loaded, false));
}

#[tokio::test(start_paused = true)]
async fn load_that_hangs_is_given_up() {
    let shelf = shelf(Freshness::new().hard_timeout(Duration::from_secs(2)), L1::entries(10));
    let hang = || std::future::pending::<Result<Option<String>, Infallible>>();
    let error = shelf.users.get_or_load(&1, hang).await.expect_err("it hangs");
    assert!(matches!(error, LoadError::TimedOut(Duration { .. })), "{error}");
    assert_eq!(error.to_string(), "the load was given up after 2s");
    // Those who waited behind it hear the same, and the next load finds the way free.
    shelf.clock.advance(Duration::from_secs(1));
    assert_eq!(read(&shelf.users, "a").await.0, "a");
}

#[tokio::test]
async fn value_is_replaced_before_it_ends() {
    let freshness = Freshness::new().early_refresh(EarlyRefresh::at(0.8));
    for l1 in TIERS {
        let shelf = shelf(freshness, l1);
        shelf.fetch("a", &open()).await;
        shelf.clock.advance(Duration::from_secs(2_879));
        shelf.fetch("b", &open()).await;
        settle(&shelf).await;
        assert_eq!(shelf.loads(), 1, "it is too early");
        shelf.clock.advance(Duration::from_secs(1));
        let gate = closed();
        for _ in 0..3 {
            assert_eq!(shelf.fetch("b", &gate).await.0, "a");
        }
        gate.add_permits(1);
        settle(&shelf).await;
        assert_eq!(shelf.loads(), 2);
        assert_eq!(shelf.fetch("c", &open()).await.0, "b");
        // Where nothing may run in the background, the caller whose turn it is does it.
        shelf.clock.advance(Duration::from_secs(3_000));
        assert_eq!(read(&shelf.users, "d").await, ("d".into(), Source::Loaded));
    }
}

#[tokio::test]
async fn failed_early_refresh_harms_nobody() {
    let shelf = shelf(Freshness::new().early_refresh(EarlyRefresh::at(0.8)), L1::entries(10));
    shelf.fetch("a", &open()).await;
    shelf.clock.advance(Duration::from_secs(3_000));
    let fresh = shelf.fails().await.expect("the value is fresh").expect("something");
    assert_eq!((fresh.as_str(), fresh.is_stale()), ("a", false));
}

#[tokio::test]
async fn what_has_changed_is_loaded_at_once_after_a_failure() {
    for way in 0..2 {
        let shelf = shelf(Freshness::new(), L1::entries(10));
        assert!(shelf.fails().await.is_err());
        assert!(shelf.users.get_or_load(&1, || load("early")).await.is_err(), "it rests");
        match way {
            0 => shelf.users.invalidate(&1).await.expect("memory answers"),
            _ => shelf.users.clear().await.expect("memory answers"),
        };
        assert_eq!(read(&shelf.users, "a").await.0, "a");
    }
}

#[tokio::test]
async fn success_ends_a_series_of_failures() {
    let shelf = shelf(Freshness::new(), L1::entries(10));
    for _ in 0..3 {
        assert!(shelf.fails().await.is_err());
        shelf.clock.advance(Duration::from_millis(400));
    }
    let brief = shelf.users.entry(&1).ttl(Ttl::seconds(1)).get_or_load(|| load("a")).await;
    assert!(brief.expect("it loads").is_some());
    shelf.clock.advance(Duration::from_secs(1));
    assert!(shelf.fails().await.is_err());
    shelf.clock.advance(Duration::from_millis(100));
    assert_eq!(read(&shelf.users, "b").await.0, "b", "the first failure rests for the first pause");
}

#[tokio::test]
async fn background_loads_are_bounded() {
    let clock = Clock::manual(Timestamp::from_micros(1_000_000));
    let users = Users::builder(&Store::memory_with(clock.clone()), &USER);
    let users = users.jitter(0.0).freshness(OLD).background_loads(2).build();
    for id in 0..10 {
        users.get_or_load(&id, || load("a")).await.expect("it loads");
    }
    clock.advance(Duration::from_secs(3_600));
    let (running, gate) = (Arc::new(AtomicUsize::new(0)), closed());
    for id in 0..10 {
        let (running, gate) = (Arc::clone(&running), Arc::clone(&gate));
        let slow = move |_| async move {
            running.fetch_add(1, Ordering::SeqCst);
            let _open = gate.acquire().await;
            load("b").await
        };
        let old = users.entry(&id).fetch(slow).await.expect("an old value").expect("something");
        assert!(old.is_stale());
    }
    tokio::task::yield_now().await;
    assert_eq!(running.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn panic_in_the_background_leaves_nothing_behind() {
    let shelf = shelf(OLD, L1::entries(10));
    shelf.fetch("a", &open()).await;
    shelf.clock.advance(Duration::from_secs(3_600));
    let panics = |_| async {
        assert!(!theirs_panics(), "the loader panics");
        load("never").await
    };
    shelf.users.entry(&1).fetch(panics).await.expect("an old value");
    settle(&shelf).await;
    shelf.fetch("b", &open()).await;
    settle(&shelf).await;
    assert_eq!(shelf.fetch("c", &open()).await.0, "b");
}

#[tokio::test]
async fn source_that_knows_no_newer_state_is_asked_for_none() {
    let shelf = shelf(Freshness::new().stale_if_error(Ttl::hours(1)), L1::off());
    let ask = |asked: &'static str| {
        move |present: Option<crate::loaded::Present<String>>| async move {
            Ok::<_, Infallible>(match present {
                Some(present) => {
                    assert_eq!((present.validator(), present.value().as_str()), (Some("v1"), "text"));
                    present.unmodified()
                }
                None => Loaded::new(asked.to_owned()).validator("v1"),
            })
        }
    };
    shelf.users.entry(&1).fetch(ask("text")).await.expect("it loads");
    shelf.clock.advance(Duration::from_secs(3_700));
    let again = shelf.users.entry(&1).fetch(ask("other")).await.expect("it loads").expect("something");
    assert_eq!((again.as_str(), again.source(), again.is_stale()), ("text", Source::Loaded, false));
    assert_eq!(again.ttl(), Some(Duration::from_secs(3_600)));
    // Once more: the validator was kept with it.
    shelf.clock.advance(Duration::from_secs(3_700));
    shelf.users.entry(&1).fetch(ask("other")).await.expect("it loads");
}
