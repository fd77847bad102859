//! Waiting across processes: woken, in order, and out of the line when nobody waits any more.

use std::{sync::Arc, time::Duration};

use redstart_connection::{Config, Store};
use redstart_keys::Ttl;
use redstart_lock::{
    LockError, Locks,
    operations::{Acquire, AcquireFree, Acquired, ForceRelease, Free, GiveBack, Holding, Inspect, Token},
};
use redstart_testkit::{RedisServer, eventually, shared};
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{LONG, PAYOUT, key, process, request};
use crate::support::{GUARD, config, config_for, store};

/// More than could be handed on within the guard by asking now and then.
const HANDS: usize = 50;

/// How many processes wait for the lock, as the server knows it.
async fn waiting(locks: &Locks) -> usize {
    locks.holder(&key()).await.unwrap().map_or(0, |holder| holder.waiting)
}

/// Two processes hand the lock to each other; who let go of it asks only when the other has it.
async fn hand_to_and_fro(config: &Config) {
    let processes = [process(config), process(config)];
    let handing = async {
        let mut held = request(&processes[0]).acquire().await.unwrap();
        for turn in 1..=HANDS {
            let (holder, waiter) = (&processes[(turn + 1) % 2], &processes[turn % 2]);
            let late = request(waiter);
            let (next, ()) = tokio::join!(late.acquire(), async {
                eventually(GUARD, async || waiting(holder).await == 1).await;
                held.release().await.unwrap();
            });
            held = next.unwrap();
        }
        held.release().await.unwrap();
    };
    timeout(GUARD, handing).await.expect("each release wakes the other process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn release_wakes_the_waiter_of_another_process() {
    hand_to_and_fro(&config()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wake_ups_outlive_their_connection() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let cutting = async {
        let mut raw = server.raw();
        for _ in 0..3 {
            sleep(Duration::from_millis(30)).await;
            raw.try_command(&["CLIENT", "KILL", "TYPE", "pubsub"]).unwrap();
        }
    };
    tokio::join!(hand_to_and_fro(&config), cutting);
}

#[tokio::test]
async fn all_waiters_of_a_process_share_one_subscription() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (holder, waiter) = (process(&config), process(&config));
    let mut held = Vec::new();
    for id in 0..20 {
        held.push(holder.lock(&PAYOUT.key(&id)).ttl(LONG).acquire().await.unwrap());
    }
    let mut waiters = JoinSet::new();
    for id in 0..20 {
        let request = waiter.lock(&PAYOUT.key(&id)).ttl(LONG).wait(GUARD);
        waiters.spawn(async move { drop(request.acquire().await.unwrap()) });
    }
    let mut raw = server.raw();
    let mut subscribers = || raw.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).text().lines().count();
    let waiter = &waiter;
    eventually(GUARD, async || waiter.waiting().len() == 20 && subscribers() > 0).await;
    assert_eq!(subscribers(), 1, "the holder needs none, the waiter one for all");
    drop(held);
    while let Some(waiter) = waiters.join_next().await {
        waiter.unwrap();
    }
    assert!(waiter.waiting().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fair_lock_goes_round_in_the_order_of_arrival() {
    let config = config();
    let processes: Vec<Locks> = (0..5).map(|_| process(&config)).collect();
    let guard = request(&processes[0]).fair().acquire().await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiters = JoinSet::new();
    for (place, locks) in processes.iter().enumerate().skip(1) {
        let (waiting_request, served) = (request(locks).fair(), Arc::clone(&order));
        waiters.spawn(async move {
            let guard = waiting_request.acquire().await.unwrap();
            served.lock().await.push(place);
            guard.release().await.unwrap();
        });
        eventually(GUARD, async || waiting(&processes[0]).await == place).await;
    }
    guard.release().await.unwrap();
    // Who comes in between gets nothing as long as somebody waits.
    let served_before = order.lock().await.len();
    if request(&processes[0]).fair().try_acquire().await.unwrap().is_some() {
        eventually(GUARD, async || order.lock().await.len() == 4).await;
        assert_eq!(served_before, 4, "it was taken over the heads of those who wait");
    }
    while let Some(waiter) = waiters.join_next().await {
        waiter.unwrap();
    }
    assert_eq!(*order.lock().await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn waiters_that_died_do_not_stop_a_fair_lock() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    let (holder, waiter) = (process(&config), process(&config));
    let guard = request(&holder).fair().acquire().await.unwrap();
    for dead in 0..50 {
        let token = Token::new(&format!("{dead:032}-1-dead"));
        let asked = store.run(&Acquire::new(&key(), token, LONG).waiting().fair()).await.unwrap();
        assert!(matches!(asked, Acquired::Busy { .. }));
    }
    let late = request(&waiter).fair();
    let (got, ()) = tokio::join!(late.acquire(), async {
        eventually(GUARD, async || waiting(&holder).await == 51).await;
        guard.release().await.unwrap();
    });
    got.unwrap().release().await.unwrap();
}

#[tokio::test]
async fn waiter_that_gives_up_leaves_the_line() {
    let config = config();
    let (holder, waiter) = (process(&config), process(&config));
    let guard = request(&holder).acquire().await.unwrap();
    let waited = request(&waiter).wait(Duration::from_millis(200)).acquire().await;
    assert!(matches!(waited, Err(LockError::TimedOut { .. })));
    eventually(GUARD, async || waiting(&holder).await == 0).await;
    assert!(waiter.waiting().is_empty());
    guard.release().await.unwrap();
    assert!(!holder.is_locked(&key()).await.unwrap());
}

#[tokio::test]
async fn first_in_line_that_gives_up_passes_the_wake_up_on() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    let waiter = process(&config);
    let (holder, first) = (Token::new("holder"), Token::new("first"));
    store.run(&Acquire::new(&key(), holder.clone(), LONG)).await.unwrap();
    store.run(&Acquire::new(&key(), first.clone(), LONG).waiting()).await.unwrap();
    let second = request(&waiter);
    let (got, ()) = tokio::join!(second.acquire(), async {
        eventually(GUARD, async || waiting(&waiter).await == 2).await;
        let given_back = store.run(&GiveBack::new(&key(), first.clone(), None)).await.unwrap();
        assert_eq!(given_back.next, None, "the lock is not free yet");
        let given_back = store.run(&GiveBack::new(&key(), holder, None)).await.unwrap();
        let next = given_back.next.expect("the second is told");
        assert_ne!(next.token, first);
    });
    drop(got.unwrap());
}

#[tokio::test]
async fn question_that_arrives_after_it_was_given_up_gets_nothing() {
    let store = store();
    let token = Token::new("cancelled");
    store.run(&GiveBack::new(&key(), token.clone(), None)).await.unwrap();
    let late = store.run(&Acquire::new(&key(), token, LONG)).await.unwrap();
    assert!(matches!(late, Acquired::Busy { .. }));
    let other = store.run(&Acquire::new(&key(), Token::new("other"), LONG)).await.unwrap();
    assert!(matches!(other, Acquired::Granted { .. }));
}

#[tokio::test]
async fn short_question_that_arrives_after_it_was_given_up_gets_nothing() {
    let config = config();
    let (store, locks) = (Store::lazy(&config).unwrap(), process(&config));
    let token = Token::new("cancelled");
    store.run(&GiveBack::new(&key(), token.clone(), None)).await.unwrap();
    let late = AcquireFree::new(&key(), token, LONG);
    assert_eq!(store.run(&late).await.unwrap(), Free::Unclear);
    assert!(!locks.is_locked(&key()).await.unwrap());
}

#[tokio::test]
async fn lock_that_went_to_a_late_question_of_one_who_gave_up_is_free() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (store, locks) = (Store::lazy(&config).unwrap(), process(&config));
    let given_up = Token::new("cancelled");
    store.run(&GiveBack::new(&key(), given_up.clone(), None).asked_for(LONG)).await.unwrap();
    let lock = String::from_utf8(store.name_of(&key())).unwrap();
    for is_waited_for in [false, true] {
        let holder = format!("{}{}", given_up.as_str(), if is_waited_for { "\n" } else { "" });
        server.raw().command(&["SET", &lock, &holder, "PX", "300000"]);
        assert!(!locks.is_locked(&key()).await.unwrap());
        assert_eq!(store.run(&ForceRelease::new(&key())).await.unwrap().holder, None);
        server.raw().command(&["SET", &lock, &holder, "PX", "300000"]);
        drop(request(&locks).try_acquire().await.unwrap().expect("nobody wants it"));
        eventually(GUARD, async || locks.pending_releases() == 0).await;
    }
}

#[tokio::test]
async fn so_many_give_up_that_some_are_forgotten_and_the_lock_is_still_known() {
    let store = store();
    let lock = key();
    let letters = "ë".repeat(60);
    let held = store.run(&Acquire::new(&lock, Token::new("holder"), LONG)).await.unwrap();
    assert!(matches!(held, Acquired::Granted { .. }));
    for number in 0..200 {
        let token = Token::new(&format!("{letters}{number}"));
        store.run(&GiveBack::new(&lock, token, None)).await.unwrap();
        let holding = store.run(&Inspect::new(&lock)).await.unwrap();
        assert!(matches!(holding, Holding::Held { .. }), "{number}: {holding:?}");
    }
    let newest = store.run(&Acquire::new(&lock, Token::new(&format!("{letters}199")), LONG)).await.unwrap();
    assert!(matches!(newest, Acquired::Busy { .. }));
}

#[tokio::test]
async fn request_that_was_given_up_is_remembered_for_as_long_as_it_could_have_the_lock() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (holder, waiter) = (process(&config), process(&config));
    let _held = request(&holder).try_acquire().await.unwrap().expect("it is free");
    assert!(timeout(Duration::from_millis(50), request(&waiter).acquire()).await.is_err());
    eventually(GUARD, async || waiter.pending_releases() == 0).await;
    let marks = || server.raw().command(&["KEYS", "*given-up*"]).array();
    eventually(GUARD, async || marks().len() == 1).await;
    let left = server.raw().command(&["PTTL", &marks().swap_remove(0).text()]).int();
    let lease = i64::try_from(LONG.as_millis()).unwrap();
    assert!(lease < left && left <= lease + 60_000, "{left} ms");
}

#[tokio::test]
async fn short_question_that_is_asked_again_is_unclear_though_others_wait() {
    let store = store();
    let ours = AcquireFree::new(&key(), Token::new("ours"), LONG);
    assert!(matches!(store.run(&ours).await.unwrap(), Free::Granted { .. }));
    let waiter = Acquire::new(&key(), Token::new("waiter"), LONG).waiting();
    assert!(matches!(store.run(&waiter).await.unwrap(), Acquired::Busy { .. }));
    assert_eq!(store.run(&ours).await.unwrap(), Free::Unclear, "it may be ours");
}

#[tokio::test]
async fn forced_release_tells_who_waits() {
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let told = || {
        let stats = server.raw().command(&["INFO", "commandstats"]).text();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_publish:")).map(str::to_owned);
        line.map(|line| line.split(',').next().unwrap().to_owned())
    };
    store.run(&Acquire::new(&key(), Token::new("stuck"), LONG)).await.unwrap();
    store.run(&Acquire::new(&key(), Token::new("waiter"), LONG).waiting()).await.unwrap();
    assert_eq!(told(), None);
    store.run(&ForceRelease::new(&key())).await.unwrap();
    assert_eq!(told().as_deref(), Some("cmdstat_publish:calls=1"));
}

#[tokio::test]
async fn lock_of_a_crashed_holder_is_found_free_at_its_end() {
    let config = config();
    let store = Store::lazy(&config).unwrap();
    store.run(&Acquire::new(&key(), Token::new("crashed"), Ttl::millis(500))).await.unwrap();
    let waiter = process(&config);
    drop(request(&waiter).fair().acquire().await.unwrap());
}

#[tokio::test]
async fn where_channels_are_forbidden_waiting_still_works() {
    let server = RedisServer::start();
    let mut raw = server.raw();
    raw.command(&["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "resetchannels"]);
    let url = format!("redis://app:secret@{}/0", server.address());
    let config = Config::from_url(&url).and_then(|config| config.with_prefix("acl")).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let (holder, waiter) = (process(&config), process(&config));
    let guard = request(&holder).acquire().await.unwrap();
    let late = request(&waiter);
    let (got, ()) = tokio::join!(late.acquire(), async {
        eventually(GUARD, async || waiting(&holder).await == 1).await;
        guard.release().await.unwrap();
    });
    drop(got.unwrap());
}

#[tokio::test]
async fn every_key_of_a_wait_ends() {
    let config = config();
    let (holder, waiter) = (process(&config), process(&config));
    let guard = request(&holder).acquire().await.unwrap();
    let prefix = Store::lazy(&config).unwrap().prefix().as_str().to_owned();
    let waited = request(&waiter).wait(Duration::from_millis(100)).acquire().await;
    assert!(waited.is_err());
    assert!(shared().raw().keys_without_ttl(&prefix).is_empty());
    drop(guard);
    eventually(GUARD, async || !holder.is_locked(&key()).await.unwrap()).await;
    assert!(shared().raw().keys_without_ttl(&prefix).is_empty());
}
