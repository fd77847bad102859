//! Defects of other lock libraries, each as a test that this one passes.
//!
//! A name begins with the library and the number of the report. Reports that are answered elsewhere:
//! redisson 4698 and 7254 (no signal of a loss), redis-semaphore 175 (taken again in silence):
//! `it/lock/holding`, `it/lock/renewing`; redisson 7277 and rslock 30 (cancelled or dropped, and locked for
//! the TTL): `it/lock/cancelled`; redisson 5989 (dead waiters hold up a fair lock), 1466 and 1763
//! (subscriptions run out, messages are missed): `it/lock/waiting`; redisson 4684 and redislock 93 (no
//! fence), valkey 2651 (the wall clock): `it/lock/fences`, `lock_history`; redlock PR6 (dropping blocks the
//! runtime): the unit tests of the crate.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use redstart_connection::{Config, Store};
use redstart_keys::{Category, Entity, Key, Ttl};
use redstart_lock::{LockError, Locks, Loss, Release};
use redstart_testkit::{Fault, Proxy, RedisServer, eventually, fresh_prefix};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{GUARD, store};

const LOCK: Entity<u64> = Entity::new(Category::Lock, "defects").ttl(Ttl::minutes(5));
const SHORT: Ttl = Ttl::millis(900);

fn key() -> Key {
    LOCK.key(&1)
}

/// A proxy in front of the server, and a store through it that waits long for answers.
async fn patient(server: &RedisServer) -> (Proxy, Store) {
    let proxy = Proxy::start(server.address()).await;
    let config = Config::from_url(&server.url_at(proxy.address()));
    let config = config.and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    (proxy, Store::lazy(&config).unwrap())
}

/// A store on the same keys that nothing befalls.
fn direct(server: &RedisServer, store: &Store) -> Store {
    let config = Config::from_url(&server.url());
    Store::lazy(&config.and_then(|config| config.with_prefix(store.prefix().as_str())).unwrap()).unwrap()
}

/// Locks whose scripts the server knows, so that the answer which is lost is that of the work.
async fn prepared(store: Store) -> Locks {
    let (locks, other) = (Locks::new(store), LOCK.key(&2));
    locks.lock(&other).with(async |_| ()).await.unwrap();
    // The long way has scripts of its own.
    locks.lock(&other).fair().with(async |_| ()).await.unwrap();
    locks.permit(&other, NonZeroU32::MIN).with(async |_| ()).await.unwrap();
    locks
}

/// Lets the answer to `step` be lost once `happened` says that the server has carried it out.
async fn with_a_lost_answer<T: Send>(
    proxy: &Proxy,
    happened: &(dyn Fn() -> bool + Sync),
    step: impl Future<Output = T> + Send,
) -> T {
    proxy.set(Fault::LoseReplies);
    let lose = async {
        eventually(GUARD, async || happened()).await;
        proxy.set(Fault::None);
        // The step is sent again on a new connection.
        proxy.reset_existing();
    };
    tokio::join!(step, lose).0
}

/// How many names of the first lock end so.
fn names(server: &RedisServer, end: &str) -> usize {
    let all = server.raw().command(&["KEYS", "*defects:{1}*"]).array();
    all.into_iter().filter(|name| name.clone().text().ends_with(end)).count()
}

/// How many of them are held; what stands beside a lock has a name of its own behind the id.
fn held_keys(server: &RedisServer) -> usize {
    names(server, "}")
}

#[tokio::test]
async fn acquire_whose_answer_was_lost_is_granted_once() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let locks = prepared(store).await;
    let request = locks.lock(&key());
    let guard = with_a_lost_answer(&proxy, &|| held_keys(&server) == 1, request.acquire()).await.unwrap();
    let fences = server.raw().command(&["KEYS", "*fence*"]).array();
    let fence = server.raw().command(&["GET".to_owned(), fences[0].clone().text()]).text();
    assert_eq!(fence, guard.fence().to_string(), "no second fence was minted");
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn grant_that_arrives_after_its_lease_is_no_grant() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let locks = prepared(store).await;
    proxy.set(Fault::Delay(Duration::from_millis(400)));
    let late = locks.lock(&key()).ttl(Ttl::millis(200)).try_acquire().await;
    assert!(matches!(late, Err(LockError::Lost { cause: Loss::Expired, .. })), "{late:?}");
}

#[tokio::test]
async fn release_whose_answer_was_lost_says_released() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let locks = prepared(store).await;
    let guard = locks.lock(&key()).acquire().await.unwrap();
    let released = with_a_lost_answer(&proxy, &|| held_keys(&server) == 0, guard.release()).await.unwrap();
    assert_eq!(released, Release::Released);
    assert_eq!(held_keys(&server), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_that_handed_the_lock_over_and_lost_its_answer_says_released() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let (locks, waiter) = (prepared(store.clone()).await, Locks::new(direct(&server, &store)));
    // A fair lock is given back in one step, which hands it over; others first ask whether anybody waits.
    let guard = locks.lock(&key()).fair().acquire().await.unwrap();
    let late = waiter.lock(&key()).fair().wait(GUARD);
    let mut waits = JoinSet::new();
    waits.spawn(async move { late.acquire().await });
    eventually(GUARD, async || locks.holder(&key()).await.unwrap().is_some_and(|held| held.waiting == 1))
        .await;
    let handed = || !waiter.held().is_empty();
    assert_eq!(with_a_lost_answer(&proxy, &handed, guard.release()).await.unwrap(), Release::Released);
    assert_eq!(
        waits.join_next().await.unwrap().unwrap().unwrap().release().await.unwrap(),
        Release::Released
    );
}

#[tokio::test]
async fn permit_whose_answers_were_lost_is_taken_and_given_back_once() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let locks = prepared(store).await;
    let request = locks.permit(&key(), NonZeroU32::new(3).unwrap());
    let is_taken = || names(&server, ":permits") == 1;
    let permit = with_a_lost_answer(&proxy, &is_taken, request.acquire()).await.unwrap();
    assert_eq!(locks.permit_holders(&key()).await.unwrap().len(), 1);
    // A lane that is lost again within a second rests, and its callers are told so.
    sleep(Duration::from_secs(1)).await;
    let released = with_a_lost_answer(&proxy, &|| !is_taken(), permit.release()).await.unwrap();
    assert_eq!(released, Release::Released);
}

#[tokio::test]
async fn redisson_7272_renewal_never_outlives_the_release() {
    let server = RedisServer::start();
    let (proxy, store) = patient(&server).await;
    let locks = Locks::new(store);
    for _ in 0..5 {
        let guard = locks.lock(&key()).ttl(SHORT).acquire().await.unwrap();
        proxy.set(Fault::Delay(Duration::from_millis(150)));
        // A renewal is on its way when the lock is given back.
        sleep(Duration::from_millis(320)).await;
        assert_eq!(guard.release().await.unwrap(), Release::Released);
        proxy.set(Fault::None);
        sleep(Duration::from_millis(300)).await;
        assert_eq!(held_keys(&server), 0, "it was prolonged after it was given back");
    }
}

#[tokio::test]
async fn redisson_5697_renewal_goes_on_after_an_outage_that_the_lease_outlives() {
    let mut server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let guard = locks.lock(&key()).ttl(Ttl::seconds(6)).acquire().await.unwrap();
    server.freeze();
    sleep(Duration::from_millis(2_500)).await;
    server.thaw();
    eventually(GUARD, async || Duration::from_millis(5_500) < guard.valid_for()).await;
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn node_redlock_309_release_after_a_loss_answers_at_once() {
    let server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let guard = locks.lock(&key()).ttl(SHORT).acquire().await.unwrap();
    locks.force_release(&key()).await.unwrap();
    assert_eq!(timeout(GUARD, guard.lost()).await.unwrap(), Loss::Gone);
    assert_eq!(guard.valid_for(), Duration::ZERO, "redsync 72: validity never lies");
    assert_eq!(guard.release().await.unwrap(), Release::Expired);
}

#[tokio::test]
async fn node_redlock_185_lost_busy_and_unavailable_are_told_apart() {
    let mut server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let request = locks.lock(&key()).ttl(SHORT).wait(Duration::ZERO);
    let lost = request.with(async |_| {
        locks.force_release(&key()).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert!(matches!(lost.await, Err(LockError::Lost { cause: Loss::Gone, .. })));
    let held = locks.lock(&key()).acquire().await.unwrap();
    assert!(matches!(request.acquire().await, Err(LockError::Busy { .. })));
    server.kill();
    assert!(matches!(request.acquire().await, Err(LockError::Unavailable(_))));
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_redlock_253_work_that_blocks_its_thread_is_dropped_when_it_lets_go() {
    let mut server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let request = locks.lock(&key()).ttl(SHORT);
    let server = &mut server;
    let outcome: Result<(), _> = request
        .with(async |_| {
            // No renewal gets through while the thread is blocked for longer than the lease.
            server.freeze();
            std::thread::sleep(Duration::from_millis(1_500));
            server.thaw();
            tokio::task::yield_now().await;
            panic!("it was polled after the lease was over");
        })
        .await;
    assert!(matches!(outcome, Err(LockError::Lost { .. })), "{outcome:?}");
}

#[tokio::test]
async fn redlock_net_68_stuck_work_does_not_keep_the_lock_for_ever() {
    let server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let request = locks.lock(&key()).ttl(SHORT).max_hold(Duration::from_millis(1_500));
    let stuck = timeout(GUARD, request.with(async |_| std::future::pending::<()>().await));
    let stuck = stuck.await.expect("it is ended");
    assert!(matches!(stuck, Err(LockError::Lost { cause: Loss::HeldTooLong, .. })), "{stuck:?}");
    assert!(!locks.is_locked(&key()).await.unwrap());
}

#[tokio::test]
async fn cozy_stack_4911_renewal_that_failed_once_is_tried_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let config = Config::from_url(&server.url_at(proxy.address()));
    let config = config.and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let locks = Locks::new(Store::lazy(&config).unwrap());
    let guard = locks.lock(&key()).ttl(Ttl::seconds(3)).acquire().await.unwrap();
    sleep(Duration::from_millis(900)).await;
    proxy.set(Fault::Reset);
    sleep(Duration::from_millis(400)).await;
    proxy.set(Fault::None);
    eventually(GUARD, async || Duration::from_millis(2_500) < guard.valid_for()).await;
    assert_eq!(guard.release().await.unwrap(), Release::Released);
}

#[tokio::test]
async fn rueidislock_602_waiting_is_not_asking_all_the_time() {
    let server = RedisServer::start();
    let store = store(&server);
    let (holder, waiter) = (Locks::new(store.clone()), Locks::new(store));
    let held = holder.lock(&key()).ttl(Ttl::minutes(5)).acquire().await.unwrap();
    let mut raw = server.raw();
    raw.command(&["CONFIG", "RESETSTAT"]);
    let waited = waiter.lock(&key()).wait(Duration::from_secs(3)).acquire().await;
    assert!(matches!(waited, Err(LockError::TimedOut { .. })));
    let stats = raw.command(&["INFO", "commandstats"]).text();
    let scripts = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    let scripts: u32 = scripts.and_then(|line| line.split(',').next()).unwrap().parse().unwrap();
    assert!((2..=12).contains(&scripts), "{scripts} questions in three seconds");
    drop(held);
}

#[tokio::test]
async fn redisson_fenced_lock_holder_that_asks_again_gets_no_second_fence() {
    let server = RedisServer::start();
    let locks = Locks::new(store(&server));
    let guard = locks.lock(&key()).acquire().await.unwrap();
    assert!(locks.lock(&key()).try_acquire().await.unwrap().is_none(), "a lock is not reentrant");
    let fence = guard.fence();
    assert_eq!(guard.release().await.unwrap(), Release::Released);
    let next = locks.lock(&key()).acquire().await.unwrap();
    assert!(fence < next.fence());
}

#[tokio::test]
async fn rslock_guard_that_is_dropped_gives_the_lock_back_to_a_waiter() {
    let server = RedisServer::start();
    let store = store(&server);
    let (holder, waiter) = (Locks::new(store.clone()), Locks::new(store));
    let held = holder.lock(&key()).ttl(Ttl::minutes(5)).acquire().await.unwrap();
    let request = Arc::new(waiter.lock(&key()).ttl(Ttl::minutes(5)).wait(GUARD));
    let (got, ()) = tokio::join!(request.acquire(), async {
        eventually(GUARD, async || waiter.waiting().len() == 1).await;
        drop(held);
    });
    got.unwrap().release().await.unwrap();
}
