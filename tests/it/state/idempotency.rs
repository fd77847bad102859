//! Who may begin, and when.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use redstart_connection::{Clock, Store};
use redstart_keys::{Category, Entity, Ttl};
use redstart_state::{
    Begun, Fingerprint, Idempotency, Once,
    operations::{self, Abandon, Attempt, Begin, Complete},
};
use redstart_testkit::eventually;
use tokio::task::JoinSet;

use super::{
    history::{Call, Seen, Step, is_linearizable},
    process,
};
use crate::support::{GUARD, config};

const WORK: Entity<u64> = Entity::new(Category::Idempotency, "work").ttl(Ttl::hours(24));

fn request() -> Fingerprint {
    Fingerprint::of(&[b"request"])
}

fn now() -> u64 {
    Clock::system().now().as_micros()
}

/// A few calls about one piece of work by one client, as it saw them.
async fn client(store: Store, id: u64, owner: u8, seed: u64) -> Vec<Call> {
    let prints: [Attempt; 2] =
        [0_u8, 1].map(|print| Attempt::new(WORK.key(&id), Fingerprint::of(&[&[print]])));
    let mut random = seed;
    let mut calls = Vec::new();
    for _ in 0..8 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let choice = random >> 60;
        let print = u8::from(choice == 15);
        let attempt = prints[usize::from(print)].clone();
        let began = now();
        let step = match choice {
            10..=12 => {
                let complete = Complete::new(attempt, Bytes::from(vec![owner]), Ttl::hours(1));
                Step::Complete {
                    owner: owner * 2 + print,
                    print,
                    is_ours: store.run(&complete).await.unwrap(),
                }
            }
            6..=9 => Step::Abandon {
                owner: owner * 2 + print,
                is_ours: store.run(&Abandon::new(attempt)).await.unwrap(),
            },
            _ => {
                let answer = match store.run(&Begin::new(attempt, Ttl::hours(1))).await.unwrap() {
                    operations::Begun::New => Seen::New,
                    operations::Begun::Done(by) => Seen::Done(by[0] * 2),
                    operations::Begun::Running { .. } => Seen::Running,
                    operations::Begun::Mismatch => Seen::Mismatch,
                };
                Step::Begin { owner: owner * 2 + print, print, answer }
            }
        };
        calls.push(Call { began, ended: now(), step });
    }
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_are_linearizable() {
    let config = config();
    let fleet: Vec<Store> = (0..4).map(|_| process(&config)).collect();
    let mut kinds = std::collections::BTreeSet::new();
    for id in 0..200 {
        let mut clients = JoinSet::new();
        for (owner, store) in (0_u8..).zip(&fleet) {
            clients.spawn(client(store.clone(), id, owner, id * 31 + u64::from(owner)));
        }
        let calls: Vec<Call> = clients.join_all().await.into_iter().flatten().collect();
        assert!(is_linearizable(&calls), "{calls:#?}");
        kinds.extend(calls.iter().map(|call| match call.step {
            Step::Begin { answer: Seen::Done(_), .. } => "done",
            Step::Begin { answer: Seen::New, .. } => "new",
            Step::Begin { answer: Seen::Running, .. } => "running",
            Step::Begin { answer: Seen::Mismatch, .. } => "mismatch",
            Step::Complete { is_ours: true, .. } => "completed",
            Step::Complete { .. } => "not completed",
            Step::Abandon { is_ours: true, .. } => "abandoned",
            Step::Abandon { .. } => "not abandoned",
        }));
    }
    assert_eq!(kinds.len(), 8, "every answer was given: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lease_has_exactly_one_owner() {
    const LEASE: Ttl = Ttl::millis(60);
    let config = config();
    let grants = Arc::new(Mutex::new(Vec::new()));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (store, grants) = (process(&config), Arc::clone(&grants));
        clients.spawn(async move {
            while grants.lock().unwrap().len() < 20 {
                let begin = Begin::new(Attempt::new(WORK.key(&1), request()), LEASE);
                let asked = now();
                if store.run(&begin).await.unwrap() == operations::Begun::New {
                    grants.lock().unwrap().push((asked, now()));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    clients.join_all().await;
    let mut grants = grants.lock().unwrap().clone();
    grants.sort_unstable();
    for pair in grants.windows(2) {
        let [(asked, _), (_, answered)] = pair else { continue };
        // The server counts whole milliseconds.
        assert!(asked + 59_000 <= *answered, "two had the lease: {pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_processes_one_does_the_work_and_all_get_its_answer() {
    let config = config();
    let runs = Arc::new(Mutex::new(0));
    let mut fleet = JoinSet::new();
    for _ in 0..50 {
        let (work, runs) = (Idempotency::new(&process(&config), &WORK), Arc::clone(&runs));
        fleet.spawn(async move {
            let request = request();
            loop {
                let done = work.run(&1, &request, || async {
                    *runs.lock().unwrap() += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Ok::<_, std::convert::Infallible>(42)
                });
                match done.await.unwrap() {
                    Once::Ran(answer) | Once::Before(answer) => return answer,
                    Once::Running { .. } => tokio::time::sleep(Duration::from_millis(5)).await,
                    Once::Mismatch => panic!("the request is the same"),
                }
            }
        });
    }
    assert!(fleet.join_all().await.into_iter().all(|answer| answer == 42));
    assert_eq!(*runs.lock().unwrap(), 1);
}

#[tokio::test]
async fn work_that_takes_longer_than_its_lease_keeps_it() {
    let config = config();
    let [a, b] = [(); 2].map(|()| Idempotency::new(&process(&config), &WORK).with_lease(Ttl::millis(300)));
    let Begun::New(run) = a.begin(&1, &request()).await.unwrap() else { panic!("the first begins") };
    let end = now() + 900_000;
    while now() < end {
        assert!(matches!(b.begin(&1, &request()).await.unwrap(), Begun::Running { .. }));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(run.validity().is_valid());
    assert!(run.complete(Bytes::from_static(b"done")).await.unwrap());
    assert!(matches!(b.begin(&1, &request()).await.unwrap(), Begun::Done(answer) if answer == "done"));
}

#[tokio::test]
async fn dropped_work_is_free_for_a_repeat_before_its_lease_ends() {
    let config = config();
    let [a, b] = [(); 2].map(|()| Idempotency::new(&process(&config), &WORK).with_lease(Ttl::hours(1)));
    let run = a.begin(&1, &request()).await.unwrap();
    assert!(matches!(run, Begun::New(_)));
    drop(run);
    eventually(GUARD, async || matches!(b.begin(&1, &request()).await.unwrap(), Begun::New(_))).await;
}
