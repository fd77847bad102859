//! The clusters that the tests stand on.

use redstart_testkit::{Cluster, Raw, Reply, slot_of};

#[tokio::test]
async fn started_cluster_has_a_master_and_a_replica_for_every_slot() {
    let cluster = Cluster::start();
    let (addresses, masters) = (cluster.addresses(), cluster.masters());
    assert_eq!((addresses.len(), masters.len(), cluster.urls().len()), (6, 3, 6));
    for slot in [0, 5460, 5461, 10_922, 10_923, 16_383] {
        let master = cluster.master_of_slot(slot);
        assert_eq!(cluster.replicas_of(master).len(), 1, "of {master}");
    }

    let key = "{user:42}:cart";
    let owner = cluster.master_of(key);
    cluster.raw(owner).command(&["SET", key, "lamp"]);
    for other in masters.into_iter().filter(|master| *master != owner) {
        let moved = format!("MOVED {} {owner}", slot_of(key));
        assert_eq!(error(cluster.raw(other), &["GET", key]), moved);
    }
}

#[tokio::test]
async fn slot_on_its_way_sends_clients_to_both_nodes() {
    let cluster = Cluster::start();
    let [stays, goes, absent] = ["{slot}:stays", "{slot}:goes", "{slot}:absent"];
    let (slot, from) = (slot_of(stays), cluster.master_of(stays));
    let to = cluster.masters().into_iter().find(|master| *master != from).unwrap();
    for key in [stays, goes] {
        cluster.raw(from).command(&["SET", key, "value"]);
    }

    let mut half = cluster.begin_move(slot, to);
    assert_eq!((half.slot(), half.to(), half.move_key(goes), half.move_key(absent)), (slot, to, true, false));

    let ask = format!("ASK {slot} {to}");
    assert_eq!(cluster.raw(from).command(&["GET", stays]).text(), "value");
    assert_eq!(error(cluster.raw(from), &["GET", goes]), ask);
    assert_eq!(error(cluster.raw(from), &["GET", absent]), ask);
    assert!(error(cluster.raw(from), &["MGET", stays, goes]).starts_with("TRYAGAIN"));
    assert_eq!(error(cluster.raw(to), &["GET", goes]), format!("MOVED {slot} {from}"));
    let mut asking = cluster.raw(to);
    asking.command(&["ASKING"]);
    assert_eq!(asking.command(&["GET", goes]).text(), "value");
    assert_eq!(cluster.master_of(goes), from);

    half.finish();

    assert_eq!(cluster.master_of(stays), to);
    assert_eq!(cluster.raw(to).command(&["MGET", stays, goes]).array().len(), 2);
    assert_eq!(error(cluster.raw(from), &["GET", stays]), format!("MOVED {slot} {to}"));
    cluster.wait_until_stable().await;
    cluster.move_slot(slot, from);
    assert_eq!(cluster.raw(from).command(&["GET", goes]).text(), "value");
}

#[tokio::test]
async fn failover_changes_places_and_loses_nothing() {
    let cluster = Cluster::configure().password("secret").option("maxmemory", "20mb").start();
    let old = cluster.master_of("key");
    let mut raw = cluster.raw(old);
    raw.command(&["SET", "key", "value"]);
    let [replica] = cluster.replicas_of(old)[..] else { panic!("one replica") };
    assert!(cluster.node(replica).url().starts_with("redis://:secret@127.0.0.1:"));

    cluster.failover(replica).await;

    assert_eq!((cluster.master_of("key"), cluster.replicas_of(replica)), (replica, vec![old]));
    assert_eq!(cluster.raw(replica).command(&["GET", "key"]).text(), "value");
    // Slots move between nodes that ask for a password, too.
    let slot = slot_of("key");
    let to = cluster.masters().into_iter().find(|master| *master != replica).unwrap();
    cluster.move_slot(slot, to);
    assert_eq!(cluster.raw(to).command(&["GET", "key"]).text(), "value");
}

fn error(mut raw: Raw, command: &[&str]) -> String {
    match raw.try_command(command).unwrap() {
        Reply::Error(text) => text,
        other => panic!("an error was expected, not {other:?}"),
    }
}
