//! A lock that is handed on within a process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redstart_connection::Store;
use redstart_lock::{
    Guard, Locks, Release,
    operations::{Acquire, GiveBack, HandOn, HandedOn, Token},
};
use redstart_testkit::{RedisServer, eventually};
use tokio::task::JoinSet;

use super::{LONG, cancelled::ends_before, handing::scripts, key, process, request};
use crate::support::{GUARD, config, config_for, store};

const TASKS: u64 = 4;
/// How often each task gets the lock.
const TURNS: u64 = 50;

async fn take_turns<W: Future<Output = ()> + Send>(
    locks: &Locks,
    give_back: impl Fn(Guard) -> W + Copy + Send + 'static,
) {
    let last_fence = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (request, last_fence) = (request(locks), Arc::clone(&last_fence));
        tasks.spawn(async move {
            for _ in 0..TURNS {
                let guard = request.acquire().await.unwrap();
                let fence = guard.fence().get();
                assert!(last_fence.swap(fence, Ordering::SeqCst) < fence, "fences rise");
                give_back(guard).await;
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handing_on_within_a_process_takes_one_script() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let mut raw = server.raw();
    take_turns(&locks, async |guard: Guard| {
        assert_eq!(guard.release().await.unwrap(), Release::Released);
    })
    .await;
    let took = scripts(&mut raw);
    // A task that comes late asks for itself.
    assert!(took < TASKS * TURNS + TASKS * TURNS / 4, "{took} scripts for {} turns", TASKS * TURNS);
    assert!(!locks.is_locked(&key()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_guard_is_handed_on_as_well() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let mut raw = server.raw();
    take_turns(&locks, async |guard: Guard| drop(guard)).await;
    let took = scripts(&mut raw);
    assert!(took < TASKS * TURNS + TASKS * TURNS / 4, "{took} scripts for {} turns", TASKS * TURNS);
    eventually(GUARD, async || !locks.is_locked(&key()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiter_of_another_process_is_not_passed_over() {
    let config = config();
    let (here, there) = (process(&config), process(&config));
    let is_waited_for = async |by: usize| {
        let waiting = async || here.holder(&key()).await.unwrap().map_or(0, |held| held.waiting);
        eventually(GUARD, async || waiting().await == by).await;
    };
    let first = request(&here).acquire().await.unwrap();
    let (order, mut waits) = (Arc::new(std::sync::Mutex::new(Vec::new())), JoinSet::new());
    let mut wait = |name: &'static str, locks: &Locks| {
        let (request, order) = (request(locks), Arc::clone(&order));
        waits.spawn(async move {
            let guard = request.acquire().await.unwrap();
            order.lock().unwrap().push(name);
            guard.release().await.unwrap();
        });
    };
    wait("here, first in line", &here);
    is_waited_for(1).await;
    wait("there", &there);
    is_waited_for(2).await;
    // In the line of its process it comes next, in that of all behind the other.
    wait("here, second in line", &here);
    eventually(GUARD, async || here.waiting() == [(key(), 2)]).await;
    first.release().await.unwrap();
    waits.join_all().await;
    assert_eq!(*order.lock().unwrap(), ["here, first in line", "there", "here, second in line"]);
}

#[tokio::test]
async fn holder_and_next_may_go_away_at_every_await() {
    let config = config();
    let (locks, watch) = (process(&config), process(&config));
    let hand = async || {
        let guard = request(&locks).acquire().await.unwrap();
        guard.release().await.unwrap();
    };
    hand().await;
    for pause in [Duration::ZERO, Duration::from_millis(20)] {
        let mut ended = (false, false);
        for n in 0.. {
            // The holder goes away, and who waits must get the lock all the same.
            let (first, ()) = tokio::join!(ends_before(n, pause, hand()), hand());
            // Who waits goes away.
            let ((), second) = tokio::join!(hand(), ends_before(n, pause, hand()));
            ended = (ended.0 || first, ended.1 || second);
            eventually(GUARD, async || !watch.is_locked(&key()).await.unwrap()).await;
            eventually(GUARD, async || locks.held().is_empty() && locks.pending_releases() == 0).await;
            assert!(locks.waiting().is_empty());
            if ended == (true, true) {
                assert!(1 < n, "they never had to wait");
                break;
            }
        }
    }
}

#[tokio::test]
async fn lock_is_not_handed_on_to_who_gave_it_up() {
    let store = store();
    let token = |name: &str| Token::new(name);
    store.run(&Acquire::new(&key(), token("holder"), LONG)).await.unwrap();
    store.run(&GiveBack::new(&key(), token("gone"), None)).await.unwrap();
    let handed = store.run(&HandOn::new(&key(), token("holder"), token("gone"), LONG)).await.unwrap();
    assert_eq!(handed, HandedOn::Unclear { was_repeated: false });
    let released = store.run(&GiveBack::new(&key(), token("holder"), None)).await.unwrap();
    assert_eq!(released.release, Release::Released);
}

#[tokio::test]
async fn lock_that_was_handed_on_is_so_when_it_is_asked_again() {
    let store = store();
    store.run(&Acquire::new(&key(), Token::new("holder"), LONG)).await.unwrap();
    let hand_on = HandOn::new(&key(), Token::new("holder"), Token::new("next"), LONG);
    let HandedOn::Granted { fence: first } = store.run(&hand_on).await.unwrap() else {
        panic!("nobody else waits");
    };
    // Somebody else lines up before the answer that was lost is asked for once more.
    store.run(&Acquire::new(&key(), Token::new("other"), LONG).waiting()).await.unwrap();
    let HandedOn::Granted { fence: second } = store.run(&hand_on).await.unwrap() else {
        panic!("it was handed on");
    };
    assert!(first < second);
    let released = store.run(&GiveBack::new(&key(), Token::new("next"), Some(second))).await.unwrap();
    assert_eq!(released.next.map(|next| next.token), Some(Token::new("other")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_leaves_nothing_locked_that_is_being_handed_on() {
    let config = config();
    let watch = process(&config);
    for _ in 0..10 {
        let store = Store::lazy(&config).unwrap();
        let locks = Locks::new(store.clone());
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let request = request(&locks);
            tasks.spawn(async move {
                while let Ok(guard) = request.acquire().await {
                    if guard.release().await.is_err() {
                        return;
                    }
                }
            });
        }
        let fence = async || locks.held().first().map(|held| held.fence);
        let before = fence().await;
        eventually(GUARD, async || fence().await.is_some_and(|fence| before < Some(fence))).await;
        assert!(store.shutdown(GUARD).await.is_clean());
        tasks.join_all().await;
        assert!(!watch.is_locked(&key()).await.unwrap(), "it is left behind");
    }
}
