//! Limits on a real server, shared by several instances.

mod adjust;
mod damage;
mod damaged_places;
mod defects;
mod deny_cache;
mod errors;
mod flood;
mod model;
mod model_check;
mod places;
mod slots;

use std::sync::Arc;

use redstart_connection::Store;
use redstart_ratelimit::{Limiter, Policy, Source, Subject};
use redstart_testkit::{RedisServer, shared};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{config, config_for};

const WINDOW: Policy = Policy::per_hour("window", 100);
const COUNTER: Policy = Policy::per_hour("counter", 300);
const BURST: Policy = Policy::per_hour("burst", 100).burst(100);

/// Sends 1,000 requests at once over two instances; answers how many passed.
async fn admitted(policy: Policy) -> usize {
    let config = config();
    let limiters = [0, 1].map(|_| Limiter::new(Store::lazy(&config).unwrap()));
    let start = Arc::new(Barrier::new(1_000));
    let mut requests = JoinSet::new();
    for turn in 0..1_000 {
        let (limiter, start) = (limiters[turn % 2].clone(), Arc::clone(&start));
        requests.spawn(async move {
            start.wait().await;
            limiter.check(&policy, 7_u64).await
        });
    }
    let mut passed = 0;
    while let Some(decision) = requests.join_next().await {
        let decision = decision.unwrap();
        assert!(matches!(decision.source(), Source::Redis | Source::DenyCache), "{decision:?}");
        passed += usize::from(decision.is_allowed());
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_limit_of_a_thousand_passes() {
    for (policy, limit) in [(WINDOW, 100), (COUNTER, 300), (BURST, 100)] {
        assert_eq!(admitted(policy).await, limit, "{}", policy.name());
    }
}

#[tokio::test]
async fn refusal_by_one_limit_charges_none() {
    let limiter = Limiter::new(Store::lazy(&config()).unwrap());
    let narrow = Policy::per_hour("narrow", 1);
    let both = [(&WINDOW, Subject::from(1_u64)), (&narrow, Subject::from(2_u64))];
    assert!(limiter.check_all(&both).await.is_allowed());
    let refused = limiter.check_all(&both).await;
    assert_eq!((refused.is_allowed(), refused.refused_by()), (false, Some("narrow")));
    assert_eq!(limiter.peek(&WINDOW, 1_u64).await.remaining(), 99);
}

#[tokio::test]
async fn limits_hold_across_a_restart_of_the_service() {
    let config = config();
    let narrow = Policy::per_hour("narrow", 2);
    for turn in 0..3 {
        let limiter = Limiter::new(Store::lazy(&config).unwrap());
        assert_eq!(limiter.check(&narrow, "ada").await.is_allowed(), turn < 2);
    }
}

#[tokio::test]
async fn refusals_write_nothing_and_every_key_ends() {
    let server = RedisServer::start();
    let store = Store::connect(&config_for(&server)).await.unwrap();
    let limiter = Limiter::new(store.clone()).without_deny_cache();
    let narrow = Policy::per_hour("narrow", 1);
    let spread = Policy::per_hour("spread", 200);
    let spiky = Policy::per_hour("spiky", 1).burst(1);
    let all = [
        narrow,
        spread,
        spiky,
        Policy::per_hour("fixed", 1).fixed_window(),
        Policy::per_hour("bucket", 1).bucket(1),
    ];
    for policy in &all {
        let whole = if policy.name() == "spread" { 200 } else { 1 };
        assert!(limiter.check_cost(policy, 1_u64, whole).await.is_allowed());
    }
    let dirty = || server.raw().command(&["INFO", "persistence"]).text();
    let changes = |info: String| {
        info.lines()
            .find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"))
            .unwrap()
            .trim()
            .to_owned()
    };
    let before = changes(dirty());
    for policy in &all {
        assert!(!limiter.check(policy, 1_u64).await.is_allowed());
        let beside_a_stranger = [(policy, Subject::from(1_u64)), (policy, Subject::from(2_u64))];
        assert!(!limiter.check_all(&beside_a_stranger).await.is_allowed());
        assert!(!limiter.check_up_to(policy, 1_u64, 1).await.is_allowed());
    }
    assert_eq!(changes(dirty()), before);
    assert!(server.raw().keys_without_ttl(store.prefix().as_str()).is_empty());
    assert_eq!(server.raw().keys(store.prefix().as_str()).len(), all.len());
}

#[tokio::test]
async fn hostile_subjects_make_one_key_each_and_widen_nothing() {
    let store = Store::lazy(&config()).unwrap();
    let limiter = Limiter::new(store.clone());
    let long = "x".repeat(10_000);
    let subjects = ["*", "a:b{c}", "}{", "\u{7}\r\n", "", long.as_str(), "%2A"];
    for subject in subjects {
        assert!(limiter.check(&Policy::per_hour("narrow", 1), subject).await.is_allowed(), "{subject:.20}");
    }
    let keys = shared().raw().keys(store.prefix().as_str());
    assert_eq!(keys.len(), subjects.len(), "{keys:?}");
    assert!(keys.iter().all(|key| key.len() < 600), "{keys:?}");
}
