//! One process of many: leaders, and jobs that one of them runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_connection::Store;
use redstart_keys::Ttl;
use redstart_lock::{LockError, Locks, Loss, Ran};
use redstart_testkit::{RedisServer, TimeMachine, eventually, fresh_prefix};
use tokio::task::JoinSet;

use super::{key, process};
use crate::support::{GUARD, config, config_for};

fn named(config: &redstart_connection::Config, name: &str) -> Locks {
    Locks::named(Store::lazy(config).unwrap(), name)
}

#[tokio::test]
async fn one_leads_and_the_next_follows() {
    let config = config();
    let (a, b) = (named(&config, "a"), named(&config, "b"));
    let (of_a, of_b) = (a.election(&key()), b.election(&key()));
    let mut observer = of_b.observe();
    assert_eq!(observer.next().await.unwrap(), None);
    let office = of_a.campaign().await.unwrap();
    assert_eq!(observer.next().await.unwrap().as_deref(), Some("a"));
    assert!(of_b.try_campaign().await.unwrap().is_none());
    let first = office.fence();
    let (next, ()) = tokio::join!(of_b.campaign(), async {
        let waiting = async || a.holder(&key()).await.unwrap().is_some_and(|holder| holder.waiting == 1);
        eventually(GUARD, waiting).await;
        office.release().await.unwrap();
    });
    let next = next.unwrap();
    assert!(first < next.fence());
    assert_eq!(of_a.leader().await.unwrap().as_deref(), Some("b"));
    assert_eq!(observer.next().await.unwrap().as_deref(), Some("b"));
}

#[tokio::test]
async fn leader_that_is_removed_stops_its_work() {
    let config = config();
    let (a, operator) = (named(&config, "a"), named(&config, "operator"));
    let election = a.election(&key()).ttl(Ttl::millis(900));
    let led = election.lead(async |_| {
        assert_eq!(operator.force_release(&key()).await.unwrap().as_deref(), Some("a"));
        std::future::pending::<()>().await;
    });
    let led = tokio::time::timeout(GUARD, led).await.expect("the work is dropped");
    assert!(matches!(led, Err(LockError::Lost { cause: Loss::Gone, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn job_is_run_once_in_each_period() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let server = RedisServer::start();
    let mut time = TimeMachine::new(&server, &fresh_prefix());
    let config = config_for(&server).with_prefix(time.prefix()).unwrap();
    let fleet: Vec<Locks> =
        (0..4).map(|_| Locks::new(Store::lazy_with(&config, time.clock()).unwrap())).collect();
    let runs = Arc::new(AtomicUsize::new(0));
    for day in 1..=3 {
        let mut nodes = JoinSet::new();
        for locks in fleet.iter().cloned().chain(fleet.iter().cloned()) {
            let runs = Arc::clone(&runs);
            nodes.spawn(async move {
                let job = locks.once_every(&key(), DAY);
                job.run(async |_| runs.fetch_add(1, Ordering::SeqCst)).await.unwrap()
            });
        }
        let mut done = 0;
        while let Some(node) = nodes.join_next().await {
            done += usize::from(matches!(node.unwrap(), Ran::Done(_)));
        }
        assert_eq!((done, runs.load(Ordering::SeqCst)), (1, day));
        assert!(matches!(fleet[0].once_every(&key(), DAY).run(async |_| ()).await.unwrap(), Ran::Before));
        time.advance(DAY);
    }
}

#[tokio::test]
async fn job_that_was_dropped_midway_is_run_by_another() {
    let config = config();
    let (a, b) = (process(&config), process(&config));
    let hour = Duration::from_secs(60 * 60);
    let job = a.once_every(&key(), hour);
    let dropped = tokio::time::timeout(
        Duration::from_millis(50),
        job.run(async |_| std::future::pending::<()>().await),
    );
    assert!(dropped.await.is_err());
    let mut ran = false;
    eventually(GUARD, async || {
        ran |= matches!(b.once_every(&key(), hour).run(async |_| ()).await.unwrap(), Ran::Done(()));
        ran
    })
    .await;
}
