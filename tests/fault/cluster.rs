//! A cluster that loses, freezes and changes its nodes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redstart_connection::{Certainty, Cmd, Config, Delivery, Event, Feed, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_testkit::{Cluster, eventually, fresh_prefix};
use tokio::task::JoinSet;

use crate::support::{GUARD, HITS, HitAt, Tally, count_at};

const NEWS: Entity<u64> = Entity::new(Category::Cache, "news").ttl(Ttl::hours(1));

fn config(cluster: &Cluster) -> Config {
    let nodes = cluster.addresses().into_iter().take(2).map(|address| address.to_string());
    Config::cluster(nodes).and_then(|config| config.with_prefix(&fresh_prefix())).unwrap()
}

async fn store(cluster: &Cluster) -> Store {
    let store = Store::lazy(&config(cluster)).unwrap();
    eventually(GUARD, async || count_at(&store, 0).await.is_ok()).await;
    store
}

/// The counter's place as the cluster sees it.
fn tag(id: u64) -> String {
    format!("{{{id}}}")
}

/// Increments under load; each id is one counter.
struct Load {
    tallies: Arc<Vec<Tally>>,
    ends: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Load {
    fn start(store: &Store, counters: usize) -> Self {
        let tallies: Arc<Vec<_>> = Arc::new((0..counters).map(|_| Tally::default()).collect());
        let ends = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for id in 0..counters {
            let (store, tallies, ends) = (store.clone(), Arc::clone(&tallies), Arc::clone(&ends));
            workers.spawn(async move {
                while !ends.load(Ordering::SeqCst) {
                    tallies[id].note(store.run(&HitAt(id as u64)).await);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        Self { tallies, ends, workers }
    }

    /// Ends the load when the calls under way have their answers.
    async fn end(mut self) -> Arc<Vec<Tally>> {
        self.ends.store(true, Ordering::SeqCst);
        while let Some(worker) = self.workers.join_next().await {
            worker.unwrap();
        }
        self.tallies
    }
}

async fn settled(store: &Store, tallies: &[Tally]) {
    for (id, tally) in tallies.iter().enumerate() {
        let mut count = None;
        eventually(GUARD, async || {
            count = count_at(store, id as u64).await.ok();
            count.is_some()
        })
        .await;
        tally.check(count.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moved_slots_are_followed_and_nothing_runs_twice() {
    let cluster = Cluster::start();
    let store = store(&cluster).await.within(GUARD);
    for id in 0..10 {
        assert_eq!(store.run(&HitAt(id)).await.unwrap(), 1);
    }
    for id in 0..10 {
        let slot = redstart_testkit::slot_of(&tag(id));
        let owner = cluster.master_of_slot(slot);
        let other = cluster.masters().into_iter().find(|master| *master != owner).unwrap();
        cluster.move_slot(slot, other);
        // Two that move at once can leave the servers at odds for good.
        cluster.wait_until_stable().await;
    }
    for id in 0..10 {
        assert_eq!(store.run(&HitAt(id)).await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slot_on_its_way_is_asked_for_at_both_ends() {
    let cluster = Cluster::start();
    let store = store(&cluster).await.within(GUARD);
    assert_eq!(store.run(&HitAt(1)).await.unwrap(), 1);
    let slot = redstart_testkit::slot_of(&tag(1));
    let owner = cluster.master_of_slot(slot);
    let other = cluster.masters().into_iter().find(|master| *master != owner).unwrap();
    let mut under_way = cluster.begin_move(slot, other);
    assert_eq!(store.run(&HitAt(1)).await.unwrap(), 2, "the key is still where it was");
    under_way.move_keys();
    assert_eq!(store.run(&HitAt(1)).await.unwrap(), 3, "the key has gone ahead of its slot");
    // Both keys of a batch, of which one is asked for elsewhere.
    let read = store.command(Cmd::new("GET").key(&HITS.key(&1))).await.unwrap();
    assert_eq!(read.into_optional_int().unwrap(), Some(3));
    under_way.finish();
    assert_eq!(store.run(&HitAt(1)).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_under_load_loses_and_doubles_nothing() {
    let cluster = Cluster::start();
    let store = store(&cluster).await;
    let mut events = store.events();
    let load = Load::start(&store, 12);
    let master = cluster.master_of(&tag(3));
    let replica = cluster.replicas_of(master)[0];
    cluster.failover(replica).await;
    eventually(GUARD, async || store.run(&HitAt(100)).await.is_ok()).await;
    settled(&store, &load.end().await).await;
    let mut told = false;
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(5), events.next()).await {
        if let Event::Failover { to } = event {
            told = to == replica.to_string();
            break;
        }
    }
    assert!(told, "the failover is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_master_takes_no_other_shard_along() {
    let mut cluster = Cluster::start();
    let store = store(&cluster).await;
    let victim = cluster.master_of(&tag(1));
    let healthy: Vec<u64> = (0..40).filter(|&id| cluster.master_of(&tag(id)) != victim).collect();
    for &id in &healthy {
        store.run(&HitAt(id)).await.unwrap();
    }
    store.run(&HitAt(1)).await.unwrap();
    cluster.kill(victim);
    // While the cluster makes up its mind, only the victim's part is away.
    for _ in 0..5 {
        for &id in &healthy {
            store.run(&HitAt(id)).await.expect("its shard is up");
        }
        drop(store.run(&HitAt(1)).await);
    }
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_master_is_left_behind_when_the_cluster_has_another() {
    let mut cluster = Cluster::start();
    let store = store(&cluster).await;
    store.run(&HitAt(1)).await.unwrap();
    let victim = cluster.master_of(&tag(1));
    cluster.freeze(victim);
    let error = store.run(&HitAt(1)).await.expect_err("nobody answers yet");
    assert_eq!(error.certainty(), Certainty::Unknown);
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
    assert_ne!(cluster.master_of(&tag(1)), victim);
    cluster.thaw(victim);
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_and_double_nothing_beyond_what_the_cluster_loses() {
    let mut cluster = Cluster::start();
    let store = store(&cluster).await;
    let load = Load::start(&store, 12);
    let victim = cluster.master_of(&tag(1));
    let away: Vec<usize> = (0..12).filter(|&id| cluster.master_of(&tag(id as u64)) == victim).collect();
    // A counter of its own, since what asks for the recovery is no part of the load.
    let probe = (100..).find(|&id| cluster.master_of(&tag(id)) == victim).unwrap();
    cluster.kill(victim);
    eventually(GUARD, async || store.run(&HitAt(probe)).await.is_ok()).await;
    let tallies = load.end().await;
    for (id, tally) in tallies.iter().enumerate().filter(|(id, _)| !away.contains(id)) {
        tally.check(count_at(&store, id as u64).await.unwrap());
    }
    // Replication is asynchronous: what the dead master had acknowledged last may be gone with it,
    // but nothing is there twice.
    for id in away {
        let count = count_at(&store, id as u64).await.unwrap();
        let most = tallies[id].most();
        assert!(count <= most, "{count} done of at most {most}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_owns_nothing_any_more_leaves_no_task_behind() {
    let cluster = Cluster::start();
    let store = store(&cluster).await;
    let mut feed = Feed::open(&store, NEWS.key(&1));
    eventually(GUARD, async || matches!(feed.next().await, Ok(Delivery::Idle))).await;
    store.run(&HitAt(1)).await.unwrap();
    // Both lanes of both nodes that were asked, and of a third one that was asked because they took long.
    eventually(GUARD, async || {
        let status = store.status();
        status.connected >= 4 && status.connected == status.lanes
    })
    .await;
    let before = store.tasks().running();
    let mut events = store.events();
    let old = cluster.master_of(&tag(1));
    cluster.failover(cluster.replicas_of(old)[0]).await;
    let told = tokio::time::timeout(GUARD, async {
        while !matches!(events.next().await, Some(Event::Failover { .. })) {
            drop(feed.next().await);
        }
    });
    told.await.expect("the failover is told");
    eventually(GUARD, async || feed.next().await.is_ok() && store.run(&HitAt(1)).await.is_ok()).await;
    eventually(GUARD, async || store.tasks().running() <= before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_is_asked_though_its_only_seed_is_dead() {
    let mut cluster = Cluster::start();
    let victim = cluster.master_of(&tag(1));
    let config = Config::cluster([victim.to_string()]).and_then(|config| config.with_prefix(&fresh_prefix()));
    let store = Store::lazy(&config.unwrap()).unwrap();
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
    // Nobody has had anything to ask the other nodes for, so there is no connection to them.
    cluster.kill(victim);
    eventually(GUARD, async || store.run(&HitAt(1)).await.is_ok()).await;
    assert_ne!(cluster.master_of(&tag(1)), victim);
}
