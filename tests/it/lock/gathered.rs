//! Locks that many ask for at the same moment: their questions travel together, and stay questions of their own.

use std::time::Duration;

use futures_util::future::join_all;
use redstart_connection::{Config, Store};
use redstart_keys::{Key, Ttl};
use redstart_lock::{
    LockError, Locks, Release,
    operations::{
        AcquireFree, Free, GiveBackManyUnwaited, GiveBackUnwaited, Raises, TakeFree, TakeManyFree, Token,
        Unwaited,
    },
};
use redstart_testkit::{RedisServer, eventually};

use super::{LONG, PAYOUT, process};
use crate::support::{GUARD, config_for};

fn many(from: u64) -> Vec<Key> {
    (from..from + 100).map(|id| PAYOUT.key(&id)).collect()
}

/// How often the server ran a script.
fn scripts(server: &RedisServer) -> u64 {
    let stats = server.raw().command(&["INFO", "commandstats"]).text();
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|rest| rest.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test]
async fn hundred_locks_share_a_few_scripts_and_each_has_a_fence_of_its_own() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    drop(locks.lock(&PAYOUT.key(&0)).acquire().await.unwrap());
    eventually(GUARD, async || locks.pending_releases() == 0).await;
    let before = scripts(&server);
    let keys = many(1);
    let requests: Vec<_> = keys.iter().map(|key| locks.lock(key).ttl(LONG)).collect();
    let guards =
        join_all(requests.iter().map(|request| async move { request.acquire().await.unwrap() })).await;
    let mut fences: Vec<_> = guards.iter().map(|guard| guard.fence()).collect();
    fences.sort_unstable();
    fences.dedup();
    assert_eq!(fences.len(), keys.len());
    let released = join_all(guards.into_iter().map(|guard| guard.release())).await;
    assert!(released.into_iter().all(|released| released.unwrap() == Release::Released));
    assert!(scripts(&server) - before < 20, "{} scripts", scripts(&server) - before);
    for key in &keys {
        assert!(!locks.is_locked(key).await.unwrap());
    }
}

#[tokio::test]
async fn one_that_is_not_to_be_had_costs_the_others_nothing() {
    let server = RedisServer::start();
    let config = config_for(&server);
    let (locks, other) = (process(&config), process(&config));
    let keys = many(1);
    let _held = other.lock(&keys[3]).acquire().await.unwrap();
    // One is no lock at all.
    let store = Store::lazy(&config).unwrap();
    let name = String::from_utf8(store.name_of(&keys[7])).unwrap();
    server.raw().command(&["HSET", &name, "not", "a lock"]);
    let requests: Vec<_> = keys.iter().map(|key| locks.lock(key).wait(Duration::ZERO)).collect();
    let outcomes = join_all(requests.iter().map(|request| request.acquire())).await;
    for (index, outcome) in outcomes.iter().enumerate() {
        match index {
            3 => assert!(matches!(outcome, Err(LockError::Busy { .. })), "{outcome:?}"),
            7 => assert!(matches!(outcome, Err(LockError::Unavailable(_))), "{outcome:?}"),
            _ => assert!(outcome.is_ok(), "{index}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn key_that_is_no_lock_is_no_trouble_to_those_that_go_along() {
    let server = RedisServer::start();
    let store = Store::lazy(&config_for(&server)).unwrap();
    let (no_lock, lock, token) = (PAYOUT.key(&1), PAYOUT.key(&2), Token::new("ours"));
    let name = String::from_utf8(store.name_of(&no_lock)).unwrap();
    server.raw().command(&["HSET", &name, "not", "a lock"]);
    let raises = Raises::new(store.clock());
    let ask = |key| TakeFree::new(AcquireFree::new(key, token.clone(), LONG), &raises);
    // By the script, until the fence was raised by it; by plain commands after that.
    for _ in 0..2 {
        let taken = store.run(&TakeManyFree::default().and(ask(&no_lock)).and(ask(&lock))).await.unwrap();
        assert!(matches!(taken[..], [Free::Unclear, Free::Granted { .. }]), "{taken:?}");
        store.run(&GiveBackUnwaited::new(&lock, token.clone())).await.unwrap();
    }
    store.run(&TakeManyFree::default().and(ask(&no_lock)).and(ask(&lock))).await.unwrap();
    let held = |key| GiveBackUnwaited::new(key, token.clone());
    let both = GiveBackManyUnwaited::default().and(held(&no_lock)).and(held(&lock));
    let given_back = store.run(&both).await.unwrap();
    assert!(matches!(given_back[..], [Unwaited::Unclear { .. }, Unwaited::Released]), "{given_back:?}");
}

#[tokio::test]
async fn caller_that_goes_away_takes_no_other_answer_along() {
    let server = RedisServer::start();
    let locks = process(&config_for(&server));
    let keys = many(1);
    let requests: Vec<_> = keys.iter().map(|key| locks.lock(key).ttl(LONG)).collect();
    let outcomes = join_all(requests.iter().enumerate().map(|(index, request)| async move {
        // Every third one is dropped when it has asked.
        if index % 3 == 0 {
            tokio::select! {
                biased;
                got = request.acquire() => drop(got),
                () = tokio::task::yield_now() => {}
            }
            return None;
        }
        Some(request.acquire().await.unwrap())
    }))
    .await;
    assert!(outcomes.iter().enumerate().all(|(index, outcome)| outcome.is_some() == (index % 3 != 0)));
    eventually(GUARD, async || {
        for key in keys.iter().step_by(3) {
            if locks.is_locked(key).await.unwrap() {
                return false;
            }
        }
        true
    })
    .await;
}

#[tokio::test]
async fn user_who_may_not_touch_one_lock_gets_the_others() {
    let server = RedisServer::start();
    let keys = many(1);
    let store = Store::lazy(&config_for(&server)).unwrap();
    let mut acl = ["ACL", "SETUSER", "app", "on", ">secret", "&*", "+@all"].map(str::to_owned).to_vec();
    acl.push("~*fence*".to_owned());
    for key in keys.iter().filter(|key| **key != keys[5]) {
        acl.push(format!("~{}*", String::from_utf8(store.name_of(key)).unwrap()));
    }
    server.raw().command(&acl);
    let url = format!("redis://app:secret@{}/0", server.address());
    let config = Config::from_url(&url).unwrap().with_prefix(store.prefix().as_str()).unwrap();
    let locks = Locks::new(Store::lazy(&config).unwrap());
    let requests: Vec<_> = keys.iter().map(|key| locks.lock(key).ttl(Ttl::minutes(1))).collect();
    let outcomes = join_all(requests.iter().map(|request| request.acquire())).await;
    let refused: Vec<usize> =
        outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err()).map(|(index, _)| index).collect();
    assert_eq!(refused, [5]);
}
