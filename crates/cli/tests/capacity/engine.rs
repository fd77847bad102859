//! What only an open loop shows, and what the generator says of itself.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redstart_cli::load::{
    Answer, Choice, Keys, Loaded, Scenario, Sizes, Stage, Step, StoreWork, Verdict, Work, run_load,
};
use redstart_connection::{Config, Store};
use redstart_testkit::RedisServer;

const STALL: Duration = Duration::from_millis(400);

fn reads(rate: f64, lasts: Duration) -> Scenario {
    let mut scenario = Scenario::of(vec![Stage::steady(rate, lasts)]);
    scenario.mix.steps = vec![(Step::Get, 1.0)];
    scenario.keys = Keys::new(100, 0.0);
    scenario
}

fn store(server: &RedisServer) -> Store {
    let config = Config::from_variables(|name| (name == "REDIS_URL").then(|| server.url())).unwrap();
    StoreWork::store(
        &config.with_command_timeout(Duration::from_secs(5)).with_connect_timeout(Duration::from_secs(5)),
    )
    .unwrap()
}

async fn load(scenario: &Scenario, store: &Store) -> Loaded {
    let work = work(scenario, store);
    work.fill(100, |_| {}).await.unwrap();
    run_load(scenario, &work, Some(store), "test", std::future::pending(), |_| {}).await.unwrap()
}

fn work(scenario: &Scenario, store: &Store) -> Arc<StoreWork> {
    Arc::new(StoreWork::new(store, &scenario.mix.steps, scenario.keys.count, Sizes::between(100, 100)))
}

/// A thread that freezes the server for a while in the middle of what follows.
fn stalled(mut server: RedisServer) -> std::thread::JoinHandle<RedisServer> {
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(1));
        server.freeze();
        std::thread::sleep(STALL);
        server.thaw();
        server
    })
}

/// Three seconds with a stall of 0.4: more than a tenth of all calls come due in it, and wait for its rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stall_shows_in_the_99th_place_of_an_open_loop_and_a_closed_one_hides_it() {
    let server = RedisServer::start();
    let store = store(&server);
    let scenario = reads(1_000.0, Duration::from_secs(3));
    work(&scenario, &store).fill(100, |_| {}).await.unwrap();

    let stall = stalled(server);
    let open = load(&scenario, &store).await.outcome;
    let server = stall.join().unwrap();
    assert_eq!((open.failed(), open.starts.dropped, open.starts.made), (0, 0, 3_000), "{open:#?}");
    assert!(100.0 < open.response.p99_ms, "{:?}", open.response);
    // A caller who waits for answers before asking again asks less while there are none.
    let stall = stalled(server);
    let times = closed(&work(&scenario, &store), Duration::from_secs(3)).await;
    drop(stall.join().unwrap());
    let slow = times.iter().filter(|time| Duration::from_millis(100) < **time).count();
    assert!(0 < slow && slow * 100 < times.len(), "{slow} of {} calls saw the stall", times.len());
}

/// Four callers, one call after the other.
async fn closed(work: &Arc<StoreWork>, lasts: Duration) -> Vec<Duration> {
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (work, is_over) = (Arc::clone(work), Arc::clone(&is_over));
            tokio::runtime::Handle::current().spawn(async move {
                let mut times = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let begun = now();
                    work.call(Choice::new(0, 0, 100)).await;
                    times.push(now().duration_since(begun));
                }
                times
            })
        })
        .collect();
    tokio::time::sleep(lasts).await;
    is_over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await.unwrap());
    }
    all
}

fn now() -> Instant {
    redstart_connection::Clock::system().instant()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generator_that_cannot_keep_up_says_so() {
    let mut scenario = reads(5_000_000.0, Duration::from_millis(300));
    scenario.most_in_flight = usize::MAX;
    let outcome = load(&scenario, &Store::memory()).await.outcome;
    assert_eq!(outcome.generator.verdict, Verdict::Bottleneck, "{:?}", outcome.generator);
    assert!(outcome.generator.reason.contains("late"), "{}", outcome.generator.reason);
}

/// Calls that hang until they are let go.
#[derive(Debug, Default)]
struct Hanging {
    seen: Mutex<u32>,
    free: tokio::sync::Notify,
    is_free: AtomicBool,
}

impl Work for Hanging {
    fn steps(&self) -> Vec<String> {
        vec!["hang".to_owned()]
    }

    fn weights(&self) -> Vec<f64> {
        vec![1.0]
    }

    async fn call(&self, _: Choice) -> Answer {
        *self.seen.lock().unwrap() += 1;
        let free = self.free.notified();
        if !self.is_free.load(Ordering::SeqCst) {
            free.await;
        }
        Answer::Done
    }

    fn exhausted(&self) -> u64 {
        0
    }
}

#[tokio::test]
async fn starts_beyond_the_bound_are_dropped_and_counted() {
    let mut scenario = reads(100.0, Duration::from_secs(1));
    scenario.most_in_flight = 10;
    scenario.thresholds = vec!["dropped<1".parse().unwrap(), "rate>5%".parse().unwrap()];
    let work = Arc::new(Hanging::default());
    let let_go = Arc::clone(&work);
    tokio::runtime::Handle::current().spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let_go.is_free.store(true, Ordering::SeqCst);
        let_go.free.notify_waiters();
    });
    let outcome =
        run_load(&scenario, &work, None, "test", std::future::pending(), |_| {}).await.unwrap().outcome;
    let starts = outcome.starts;
    assert_eq!((starts.planned, starts.made, starts.dropped, starts.unanswered), (100, 10, 90, 0));
    assert_eq!(*work.seen.lock().unwrap(), 10);
    assert_eq!(outcome.thresholds.iter().map(|judged| judged.holds).collect::<Vec<_>>(), [false, true]);
    // The tenth of a hundred came due 0.1 s after the first, and was answered no sooner than the others.
    assert!(1_000.0 < outcome.response.max_ms, "{:?}", outcome.response);
    assert_ne!(outcome.generator.verdict, Verdict::KeptUp);
}

#[tokio::test]
async fn an_interrupted_load_starts_nothing_more_and_says_so() {
    let scenario = reads(50.0, Duration::from_secs(3_600));
    let work = work(&scenario, &Store::memory());
    let soon = tokio::time::sleep(Duration::from_millis(200));
    let outcome = run_load(&scenario, &work, None, "test", soon, |_| {}).await.unwrap().outcome;
    assert!(outcome.interrupted && 0 < outcome.starts.made && outcome.starts.made < 1_000, "{outcome:#?}");
    assert_eq!(outcome.starts.unanswered, 0);
}
