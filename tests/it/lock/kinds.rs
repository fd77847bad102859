//! Permits, readers and writers, several locks at once.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use redstart_keys::{Key, Ttl};
use redstart_lock::{
    Fence, FencedCell, LockError, Locks, Loss, Written,
    operations::{AcquireShare, Share, Token},
};
use redstart_testkit::{eventually, shared};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

use super::{LONG, PAYOUT, key, process};
use crate::support::{GUARD, config, store};

const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_more_hold_a_permit_than_there_are() {
    let config = config();
    let processes = [process(&config), process(&config), process(&config)];
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..24 {
        let (locks, inside) = (processes[task % 3].clone(), Arc::clone(&inside));
        tasks.spawn(async move {
            for _ in 0..5 {
                let permit = locks.permit(&key(), THREE).ttl(LONG).wait(GUARD).acquire().await.unwrap();
                let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(now <= 3, "{now} hold a permit");
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                permit.release().await.unwrap();
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let mut held = Vec::new();
    for locks in &processes {
        held.extend(locks.permit(&key(), THREE).ttl(LONG).try_acquire().await.unwrap());
    }
    assert_eq!(held.len(), 3, "permits are used beside each other");
    assert!(processes[0].permit(&key(), THREE).try_acquire().await.unwrap().is_none());
    for permit in held {
        permit.release().await.unwrap();
    }
    assert!(processes[0].permit_holders(&key()).await.unwrap().is_empty());
}

#[tokio::test]
async fn permit_of_a_crashed_holder_comes_back() {
    let store = store();
    let (locks, one) = (Locks::new(store.clone()), NonZeroU32::MIN);
    // Nobody renews what was taken past the locks.
    let taken = AcquireShare::new(
        &key().companion("permits"),
        Share::Permit { of: 1 },
        Token::new("crashed"),
        Ttl::millis(300),
    );
    store.run(&taken).await.unwrap();
    assert_eq!(locks.permit_holders(&key()).await.unwrap(), ["crashed"]);
    assert!(locks.permit(&key(), one).try_acquire().await.unwrap().is_none());
    drop(locks.permit(&key(), one).wait(GUARD).acquire().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_beside_each_other_and_a_writer_is_alone() {
    let config = config();
    let processes = [process(&config), process(&config)];
    let (readers, writes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let locks = processes[task % 2].clone();
        let (readers, writes) = (Arc::clone(&readers), Arc::clone(&writes));
        tasks.spawn(async move {
            for turn in 0..4 {
                if (task + turn) % 4 == 0 {
                    let guard = locks.write(&key()).ttl(LONG).wait(GUARD).acquire().await.unwrap();
                    assert!(!writes.swap(true, Ordering::SeqCst), "two writers");
                    assert_eq!(readers.load(Ordering::SeqCst), 0, "a reader beside a writer");
                    yield_now().await;
                    writes.store(false, Ordering::SeqCst);
                    guard.release().await.unwrap();
                } else {
                    let guard = locks.read(&key()).ttl(LONG).wait(GUARD).acquire().await.unwrap();
                    readers.fetch_add(1, Ordering::SeqCst);
                    assert!(!writes.load(Ordering::SeqCst), "a writer beside a reader");
                    yield_now().await;
                    readers.fetch_sub(1, Ordering::SeqCst);
                    guard.release().await.unwrap();
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
}

#[tokio::test]
async fn writer_who_waits_is_served_before_readers_who_come_later() {
    let config = config();
    let (reading, writing, late) = (process(&config), process(&config), process(&config));
    let first = reading.read(&key()).ttl(LONG).acquire().await.unwrap();
    let second = reading.read(&key()).ttl(LONG).try_acquire().await.unwrap();
    assert!(second.is_some(), "readers do not wait for readers");
    assert_eq!(reading.readers(&key()).await.unwrap().len(), 2);
    let write = writing.write(&key()).ttl(LONG).wait(GUARD);
    let (written, ()) = tokio::join!(write.acquire(), async {
        eventually(GUARD, async || late.read(&key()).try_acquire().await.unwrap().is_none()).await;
        drop(second);
        first.release().await.unwrap();
    });
    written.unwrap().release().await.unwrap();
    drop(late.read(&key()).wait(GUARD).acquire().await.unwrap());
}

#[tokio::test]
async fn lock_permits_and_readers_of_a_key_are_three_matters() {
    let locks = process(&config());
    let _lock = locks.lock(&key()).ttl(LONG).acquire().await.unwrap();
    let _permit = locks.permit(&key(), THREE).ttl(LONG).acquire().await.unwrap();
    let _write = locks.write(&key()).ttl(LONG).acquire().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_locks_in_any_order_never_wait_for_each_other() {
    let config = config();
    let processes = [process(&config), process(&config)];
    let mut tasks = JoinSet::new();
    for task in 0..12_usize {
        let locks = processes[task % 2].clone();
        tasks.spawn(async move {
            for turn in 0..4 {
                let mut keys: Vec<Key> = (0..4_u64).map(|id| PAYOUT.key(&id)).collect();
                keys.rotate_left((task + turn) % 4);
                keys.push(keys[0].clone());
                let all = locks.all(&keys).ttl(LONG).wait(GUARD).acquire().await.unwrap();
                assert!(keys.iter().all(|key| all.fence_of(key).is_some()));
                assert_eq!(all.release().await.unwrap().len(), 4);
            }
        });
    }
    timeout(GUARD, async {
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
    })
    .await
    .expect("nobody waits for ever");
}

#[tokio::test]
async fn several_locks_are_all_got_or_none() {
    let config = config();
    let (ours, theirs) = (process(&config), process(&config));
    let keys = [1, 2, 3].map(|id| PAYOUT.key(&id));
    let third = theirs.lock(&keys[2]).ttl(LONG).acquire().await.unwrap();
    let busy = ours.all(&keys).ttl(LONG).wait(Duration::ZERO).acquire().await;
    assert!(matches!(busy, Err(LockError::Busy { .. })));
    let timed_out = ours.all(&keys).ttl(LONG).wait(Duration::from_millis(100)).acquire().await;
    assert!(matches!(timed_out, Err(LockError::TimedOut { .. })));
    for key in &keys[..2] {
        eventually(GUARD, async || !theirs.is_locked(key).await.unwrap()).await;
    }
    third.release().await.unwrap();
    assert!(ours.all(&keys).with(async |_| ()).await.is_ok());
}

#[tokio::test]
async fn work_under_several_locks_is_dropped_when_one_is_lost() {
    let config = config();
    let (ours, operator) = (process(&config), process(&config));
    let keys = [1, 2].map(|id| PAYOUT.key(&id));
    let request = ours.all(&keys).ttl(Ttl::millis(900));
    let outcome = request.with(async |_| {
        operator.force_release(&keys[1]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let outcome = timeout(GUARD, outcome).await.expect("the work is dropped");
    assert!(matches!(outcome, Err(LockError::Lost { cause: Loss::Gone, .. })), "{outcome:?}");
    eventually(GUARD, async || !operator.is_locked(&keys[0]).await.unwrap()).await;
}

#[tokio::test]
async fn cell_never_takes_an_older_fence() {
    let config = config();
    let store = redstart_connection::Store::lazy(&config).unwrap();
    let cell = FencedCell::new(store.clone(), &key(), LONG);
    let locks = process(&config);
    let mut fences: Vec<Fence> = Vec::new();
    for _ in 0..3 {
        fences.push(locks.lock(&key()).with(async |lease| lease.fence()).await.unwrap());
    }
    assert_eq!(cell.read().await.unwrap(), None);
    assert_eq!(cell.write(fences[1], "b").await.unwrap(), Written::Stored);
    assert_eq!(cell.write(fences[1], "c").await.unwrap(), Written::Stored);
    assert_eq!(cell.write(fences[0], "a").await.unwrap(), Written::Refused { newest: fences[1] });
    assert_eq!(cell.read().await.unwrap(), Some((fences[1], "c".into())));
    assert_eq!(cell.write(fences[2], "d").await.unwrap(), Written::Stored);
    assert!(shared().raw().keys_without_ttl(store.prefix().as_str()).is_empty());
}
