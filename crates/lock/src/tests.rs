mod handing;
mod interleavings;
mod limits;
mod quorum;

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::{Clock, Renewal, Store, Timestamp};
use redstart_keys::{Category, Entity, Key, Ttl};
use tokio::{sync::oneshot, task::JoinSet, time::timeout};

use crate::{
    Fence, Guard, LockError, LockRequest, Locks, Loss, Release,
    operations::{Acquire, Acquired, Extend, GiveBack, Token},
};

const PAYOUT: Entity<u64> = Entity::new(Category::Lock, "payout").ttl(Ttl::minutes(5));
const TTL: Ttl = Ttl::seconds(30);
/// What a deadlocked test waits for, far above what any of them takes.
const GUARD: Duration = Duration::from_secs(10);

struct Bench {
    clock: Clock,
    store: Store,
    locks: Locks,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let store = Store::memory_with(clock.clone());
        Self { locks: Locks::new(store.clone()), store, clock }
    }

    fn lock(&self) -> LockRequest {
        self.locks.lock(&key()).ttl(TTL).wait(GUARD)
    }

    async fn hold(&self) -> Guard {
        self.lock().try_acquire().await.expect("memory answers").expect("it is free")
    }

    async fn is_free(&self) -> bool {
        !self.locks.is_locked(&key()).await.expect("memory answers")
    }

    async fn becomes_free(&self) {
        let freed = async {
            while !self.is_free().await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(GUARD, freed).await.expect("it becomes free");
    }
}

fn key() -> Key {
    PAYOUT.key(&7)
}

#[tokio::test]
async fn held_lock_is_refused_and_released_lock_can_be_taken() {
    let bench = Bench::new();
    let first = bench.hold().await;
    assert!(bench.lock().try_acquire().await.expect("memory answers").is_none());
    assert!(matches!(bench.lock().wait(Duration::ZERO).acquire().await, Err(LockError::Busy)));
    assert_eq!(bench.locks.remaining(&key()).await.expect("memory answers"), Some(TTL.as_duration()));
    let fence = first.fence();
    assert_eq!(first.release().await.expect("memory answers"), Release::Released);
    assert_eq!(bench.locks.remaining(&key()).await.expect("memory answers"), None);
    assert!(fence < bench.hold().await.fence());
}

#[tokio::test]
async fn other_locks_stay_free() {
    let bench = Bench::new();
    let _held = bench.hold().await;
    assert!(bench.locks.lock(&PAYOUT.key(&8)).try_acquire().await.expect("memory answers").is_some());
}

#[tokio::test]
async fn dropped_guard_gives_the_lock_back() {
    let bench = Bench::new();
    drop(bench.hold().await);
    bench.becomes_free().await;
}

#[test]
fn guard_may_be_dropped_outside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let bench = Bench::new();
    let guard = runtime.block_on(bench.hold());
    drop(guard);
    runtime.block_on(bench.becomes_free());
}

#[test]
fn guard_may_outlive_its_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let bench = Bench::new();
    let first = runtime();
    let guard = first.block_on(bench.hold());
    drop(first);
    drop(guard);
    runtime().block_on(async {
        let other = bench.locks.lock(&PAYOUT.key(&8)).try_acquire().await.expect("memory answers");
        bench.becomes_free().await;
        drop(other);
    });
}

#[tokio::test]
async fn guard_may_outlive_its_locks() {
    let Bench { store, locks, .. } = Bench::new();
    let guard = locks.lock(&key()).try_acquire().await.expect("memory answers");
    drop(locks);
    drop(guard);
    let locks = Locks::new(store.clone());
    let again = locks.lock(&key()).wait(GUARD).acquire().await.expect("the janitor gave it back");
    assert_eq!(again.release().await.expect("memory answers"), Release::Released);
    drop(locks);
    let ended = async {
        while 1 < store.tasks().running() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(GUARD, ended).await.expect("only the renewer of the store goes on");
}

#[tokio::test]
async fn work_gets_the_lock_and_gives_it_back() {
    let bench = Bench::new();
    let fence = bench.lock().with(|lease| async move { (lease.fence(), lease.is_valid()) }).await;
    let (fence, is_valid) = fence.expect("it is free");
    assert!(is_valid && bench.is_free().await);
    assert!(fence < bench.hold().await.fence());
}

#[tokio::test]
async fn failed_work_gives_the_lock_back() {
    let bench = Bench::new();
    let outcome = bench.lock().with(|_| async { Err::<(), _>("no money") }).await;
    assert_eq!(outcome.expect("the lock was got"), Err("no money"));
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn panicking_work_gives_the_lock_back() {
    let bench = Bench::new();
    let request = bench.lock();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { request.with(|_| async { panic!("the work panics") }).await });
    let panicked: Result<Result<(), _>, _> = tasks.join_next().await.expect("there is a task");
    assert!(panicked.expect_err("it panicked").is_panic());
    bench.becomes_free().await;
}

#[tokio::test]
async fn cancelled_work_is_dropped_and_gives_the_lock_back() {
    let bench = Bench::new();
    let (alive, dropped) = alive();
    let (started, was_started) = oneshot::channel();
    let request = bench.lock();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let work = |_| async move {
            let _alive = alive;
            started.send(()).expect("the test waits for it");
            pending::<()>().await;
        };
        request.with(work).await
    });
    was_started.await.expect("the work starts");
    tasks.shutdown().await;
    assert!(dropped.load(Ordering::SeqCst));
    bench.becomes_free().await;
}

/// A value that tells when it is dropped.
fn alive() -> (impl Send, Arc<AtomicBool>) {
    struct Alive(Arc<AtomicBool>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    (Alive(Arc::clone(&dropped)), dropped)
}

/// Runs work that never ends under the lock while `harm` is done; answers how the work was ended.
async fn lose(bench: &Bench, harm: impl AsyncFnOnce()) -> Loss {
    let (alive, dropped) = alive();
    let (started, was_started) = oneshot::channel();
    let request = bench.lock();
    let work = request.with(|lease| async move {
        let _alive = alive;
        started.send(lease).expect("the test waits for it");
        pending::<()>().await;
    });
    let harm = async {
        let lease = was_started.await.expect("the work starts");
        harm().await;
        let told = lease.lost().await;
        assert!(!lease.is_valid());
        told
    };
    let (ended, told) = timeout(GUARD, async { tokio::join!(work, harm) }).await.expect("the work is ended");
    assert!(dropped.load(Ordering::SeqCst));
    let Err(LockError::Lost { cause }) = ended else {
        panic!("the lock was lost, but the work got {ended:?}")
    };
    assert_eq!(cause, told);
    cause
}

#[tokio::test]
async fn work_is_dropped_when_the_lock_was_taken_away() {
    let bench = Bench::new();
    let cause = lose(&bench, async || {
        assert!(bench.locks.force_release(&key()).await.expect("memory answers").is_some());
        bench.clock.advance(Duration::from_secs(10));
    });
    assert_eq!(cause.await, Loss::Gone);
}

#[tokio::test]
async fn work_is_dropped_when_the_lease_ended_during_a_pause() {
    let bench = Bench::new();
    let cause = lose(&bench, async || bench.clock.advance(Duration::from_secs(30)));
    assert_eq!(cause.await, Loss::Expired);
}

#[tokio::test]
async fn work_that_is_ready_is_not_polled_after_the_lease() {
    let bench = Bench::new();
    let clock = bench.clock.clone();
    let request = bench.lock();
    let outcome = request.with(|_| async move {
        clock.advance(Duration::from_secs(30));
        tokio::task::yield_now().await;
        panic!("the lease is over");
    });
    let outcome: Result<(), _> = outcome.await;
    assert!(matches!(outcome, Err(LockError::Lost { cause: Loss::Expired })));
}

#[tokio::test]
async fn held_lock_is_renewed_as_long_as_it_is_held() {
    let bench = Bench::new();
    let guard = bench.hold().await;
    for _ in 0..10 {
        bench.clock.advance(Duration::from_secs(10));
        let renewed = async {
            while guard.valid_for() < Duration::from_secs(29) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(GUARD, renewed).await.expect("it is renewed");
    }
    assert!(!bench.is_free().await);
    assert_eq!(guard.release().await.expect("memory answers"), Release::Released);
}

#[tokio::test]
async fn expired_guard_does_not_release_the_next_holder() {
    let bench = Bench::new();
    let late = bench.hold().await;
    bench.clock.advance(Duration::from_secs(30));
    let next = bench.hold().await;
    assert_eq!(late.release().await.expect("memory answers"), Release::Taken);
    assert_eq!(next.release().await.expect("memory answers"), Release::Released);

    let late = bench.hold().await;
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(late.release().await.expect("memory answers"), Release::Expired);
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order_and_woken_at_once() {
    let bench = Bench::new();
    let guard = bench.hold().await;
    let order = Arc::new(AtomicU64::new(0));
    let mut waiters = JoinSet::new();
    for turn in 0..5 {
        let (request, order) = (bench.lock(), Arc::clone(&order));
        waiters.spawn(async move {
            let guard = request.acquire().await.expect("its turn comes");
            assert_eq!(order.fetch_add(1, Ordering::SeqCst), turn);
            guard.release().await.expect("memory answers");
        });
        tokio::task::yield_now().await;
    }
    // Long enough that a poll would come late.
    tokio::time::sleep(Duration::from_secs(2)).await;
    guard.release().await.expect("memory answers");
    timeout(Duration::from_millis(2), waiters.join_all()).await.expect("nobody waits for a poll");
    assert!(bench.locks.0.queues.is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_at_its_deadline_and_leaves_the_line() {
    let bench = Bench::new();
    let _held = bench.hold().await;
    let waited = bench.lock().wait(Duration::from_secs(3)).acquire().await;
    assert!(matches!(waited, Err(LockError::TimedOut { waited }) if waited == Duration::from_secs(3)));
    assert!(bench.locks.0.queues.is_empty());
}

#[tokio::test]
async fn waiter_of_another_handle_gets_the_lock() {
    let bench = Bench::new();
    let other = Locks::new(bench.store.clone());
    let held = other.lock(&key()).try_acquire().await.expect("memory answers").expect("it is free");
    let request = bench.lock();
    let (waited, released) = tokio::join!(timeout(GUARD, request.acquire()), held.release());
    assert_eq!(released.expect("memory answers"), Release::Released);
    assert!(waited.expect("it is got").is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_two_holders_and_fences_rise() {
    let store = Store::memory();
    let processes = [Locks::new(store.clone()), Locks::new(store.clone()), Locks::new(store)];
    let (inside, last) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for task in 0..60 {
        let request = processes[task % processes.len()].lock(&key()).wait(Duration::from_secs(60));
        let (inside, last) = (Arc::clone(&inside), Arc::clone(&last));
        tasks.spawn(async move {
            let work = |fence: Fence| async move {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two holders");
                tokio::task::yield_now().await;
                assert!(last.swap(fence.get(), Ordering::SeqCst) < fence.get(), "a fence that does not rise");
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1, "two holders");
            };
            if task % 3 == 0 {
                let guard = request.acquire().await.expect("its turn comes");
                work(guard.fence()).await;
            } else {
                request.with(|lease| work(lease.fence())).await.expect("its turn comes");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn shutdown_ends_the_work_and_releases_everything() {
    let bench = Bench::new();
    let request = bench.locks.lock(&PAYOUT.key(&8)).wait(GUARD);
    let (started, was_started) = oneshot::channel();
    let work = request.with(|_| async move {
        started.send(()).expect("the test waits for it");
        pending::<()>().await;
    });
    let idle = bench.hold().await;
    let shutdown = async {
        was_started.await.expect("the work starts");
        bench.store.shutdown(GUARD).await
    };
    let (ended, report) = tokio::join!(work, shutdown);
    assert!(matches!(ended, Err(LockError::Lost { cause: Loss::Shutdown })));
    assert!(report.is_clean());
    assert_eq!(idle.lost().await, Loss::Shutdown);
    assert!(matches!(bench.lock().try_acquire().await, Err(LockError::ShuttingDown)));
    drop(idle);
}

#[tokio::test]
async fn closed_store_says_that_it_does_not_answer() {
    let bench = Bench::new();
    assert!(bench.store.shutdown(Duration::ZERO).await.is_clean());
    let locks = Locks::new(bench.store.clone());
    assert!(matches!(locks.lock(&key()).try_acquire().await, Err(LockError::Unavailable(_))));
    assert!(matches!(locks.is_locked(&key()).await, Err(LockError::Unavailable(_))));
}

#[tokio::test]
async fn steps_sent_again_answer_the_same() {
    let bench = Bench::new();
    let (ours, theirs) = (Token::new("ours"), Token::new("theirs"));
    let acquire = Acquire::new(&key(), ours.clone(), TTL);
    let granted = bench.store.run(&acquire).await.expect("memory answers");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.store.run(&acquire).await.expect("memory answers"), granted);
    let Acquired::Granted { fence } = granted else { panic!("it is free") };

    let release = GiveBack::new(&key(), ours.clone(), Some(fence));
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Released);
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Released);
    let extend = Extend::new(&key(), ours, TTL);
    assert_eq!(bench.store.run(&extend).await.expect("memory answers"), [Renewal::Lost]);

    let next = bench.store.run(&Acquire::new(&key(), theirs, TTL)).await.expect("memory answers");
    assert!(matches!(next, Acquired::Granted { fence: next } if fence < next));
    assert_eq!(bench.store.run(&release).await.expect("memory answers").release, Release::Taken);
}
