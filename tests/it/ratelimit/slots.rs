//! Several limits over the slots of a cluster: all are charged, or none.

use std::{collections::HashSet, time::Duration};

use redstart_connection::{Config, Store};
use redstart_ratelimit::{Limiter, Policy, Source, Subject};
use redstart_testkit::{Cluster, eventually, fresh_prefix, slot_of};
use tokio::task::JoinSet;

use crate::support::GUARD;

const WIDE: Policy = Policy::per_hour("wide", 1_000);
const NARROW: Policy = Policy::per_hour("narrow", 50);
const FIXED: Policy = Policy::per_hour("fixed", 60).fixed_window();

async fn limiter(cluster: &Cluster) -> Limiter {
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let config = config.with_command_timeout(GUARD).with_connect_timeout(GUARD);
    let store = Store::connect(&config).await.unwrap();
    Limiter::new(store).without_deny_cache()
}

fn limits() -> [(&'static Policy, Subject); 3] {
    [(&WIDE, Subject::from(1)), (&NARROW, Subject::from(2)), (&FIXED, Subject::from(3))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_allowed_are_given_back_what_another_refused() {
    let slots: HashSet<u16> = ["wide:{1}", "narrow:{2}", "fixed:{3}"].into_iter().map(slot_of).collect();
    assert_eq!(slots.len(), 3, "the limits are to live in three slots");

    let cluster = Cluster::start();
    let limiter = limiter(&cluster).await;
    // The scripts are known to the servers from here on.
    let others = limits().map(|(policy, _)| (policy, Subject::from("warm")));
    assert!(limiter.check_all(&others).await.is_allowed());
    let mut calls = JoinSet::new();
    for _ in 0..300 {
        let limiter = limiter.clone();
        calls.spawn(async move { limiter.check_all(&limits()).await });
    }
    let decisions = calls.join_all().await;
    assert!(decisions.iter().all(|decision| decision.source() == Source::Redis));
    // While charges that will be given back are out, others may be refused, all of them where those that the narrow one
    // lets pass are not those that the fixed one does; but never is one too many admitted.
    let admitted = decisions.iter().filter(|decision| decision.is_allowed()).count();
    assert!(admitted <= 50, "{admitted} admitted");

    // One after the other nothing stands in between: the narrow one gives all that it has.
    let mut all = u32::try_from(admitted).unwrap();
    while limiter.check_all(&limits()).await.is_allowed() {
        all += 1;
    }
    assert_eq!(all, 50);
    for _ in 0..10 {
        assert_eq!(limiter.check_all(&limits()).await.refused_by(), Some("narrow"));
    }
    assert_eq!(limiter.peek(&WIDE, 1).await.remaining(), 950);
    assert_eq!(limiter.peek(&FIXED, 3).await.remaining(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_answered_are_given_back_what_another_never_did() {
    let mut cluster = Cluster::start();
    let nodes = cluster.addresses().into_iter().map(|address| address.to_string());
    let config = Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap();
    let store = Store::connect(&config.with_command_timeout(Duration::from_millis(300))).await.unwrap();
    let limiter = Limiter::new(store);
    let limits: Vec<(&Policy, Subject)> = (0..20).map(|subject| (&WIDE, Subject::from(subject))).collect();
    assert!(limiter.check_all(&limits).await.is_allowed());

    let frozen = cluster.master_of("wide:{7}");
    let answering: Vec<u64> =
        (0..20).filter(|subject| cluster.master_of(&format!("wide:{{{subject}}}")) != frozen).collect();
    assert!(!answering.is_empty() && answering.len() < 20);
    cluster.freeze(frozen);
    assert_eq!(limiter.check_all(&limits).await.source(), Source::Standby);
    // In the background, as the caller had its answer already.
    for &subject in &answering {
        let given_back = async || limiter.peek(&WIDE, subject).await.remaining() == 999;
        eventually(GUARD, given_back).await;
    }
    cluster.thaw(frozen);
}
