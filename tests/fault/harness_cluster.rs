//! Clusters lose masters and get over it.

use std::time::Duration;

use redstart_testkit::{Cluster, Reply, eventually, slot_of};

const GUARD: Duration = Duration::from_secs(20);

#[tokio::test]
async fn killed_master_is_replaced_and_comes_back_as_a_replica() {
    let mut cluster = Cluster::start();
    let others: Vec<_> = cluster.masters();

    let old = cluster.kill_master_of("key");
    assert_eq!(cluster.master_of("key"), old, "nobody has noticed yet");
    cluster.wait_until_stable().await;

    let new = cluster.master_of("key");
    assert!(!others.contains(&new), "a replica took over");
    cluster.raw(new).command(&["SET", "key", "value"]);
    cluster.restart(old);
    cluster.wait_until_stable().await;
    assert_eq!((cluster.replicas_of(new), cluster.master_of("key")), (vec![old], new));
}

#[tokio::test]
async fn frozen_master_is_replaced_and_learns_of_it_when_thawed() {
    let mut cluster = Cluster::start();
    let old = cluster.master_of("key");
    cluster.freeze(old);
    cluster.wait_until_stable().await;
    let new = cluster.master_of("key");
    assert_ne!(new, old);

    cluster.thaw(old);

    cluster.wait_until_stable().await;
    assert_eq!(cluster.replicas_of(new), [old]);
    let moved = Reply::Error(format!("MOVED {} {new}", slot_of("key")));
    assert_eq!(cluster.raw(old).try_command(&["GET", "key"]).unwrap(), moved);
}

#[tokio::test]
async fn rest_of_the_cluster_answers_unless_full_coverage_is_required() {
    let timeout = Duration::from_secs(1);
    let setups = [(Cluster::configure(), false), (Cluster::configure().require_full_coverage(), true)];
    for (setup, requires_all) in setups {
        let mut cluster = setup.node_timeout(timeout).start();
        let lost = cluster.master_of("key");
        for replica in cluster.replicas_of(lost) {
            cluster.kill(replica);
        }
        cluster.kill(lost);

        let rest = cluster.masters();
        let key = (0..).map(|n: u32| n.to_string()).find(|key| cluster.master_of(key) == rest[0]).unwrap();
        let mut raw = cluster.raw(rest[0]);
        eventually(GUARD, async || raw.command(&["CLUSTER", "NODES"]).text().contains("master,fail ")).await;
        if requires_all {
            let down = |reply| matches!(reply, Reply::Error(text) if text.starts_with("CLUSTERDOWN"));
            eventually(GUARD, async || down(raw.try_command(&["GET", &key]).unwrap())).await;
        } else {
            assert_eq!(raw.command(&["GET", &key]), Reply::Nil);
        }
    }
}
