use std::{convert::Infallible, future::pending};

use redstart_connection::{Clock, Timestamp};
use redstart_keys::Category;

use super::*;

const WORK: Entity<u64> = Entity::new(Category::Idempotency, "work").ttl(Ttl::hours(24));

fn at(clock: &Clock) -> Idempotency<u64> {
    Idempotency::new(&Store::memory_with(clock.clone()), &WORK)
}

fn clock() -> Clock {
    Clock::manual(Timestamp::from_micros(1_700_000_000_000_000))
}

fn request(text: &str) -> Fingerprint {
    Fingerprint::of(&[text.as_bytes()])
}

async fn new(work: &Idempotency<u64>, id: u64) -> Run {
    match work.begin(&id, &request("a")).await.unwrap() {
        Begun::New(run) => run,
        other => panic!("expected work to begin, got {other:?}"),
    }
}

#[tokio::test]
async fn repeat_waits_then_gets_the_answer_then_is_forgotten_after_a_day() {
    let clock = clock();
    let work = at(&clock);
    let run = new(&work, 1).await;
    assert!(matches!(work.begin(&1, &request("a")).await.unwrap(), Begun::Running { .. }));
    assert!(matches!(work.begin(&1, &request("b")).await.unwrap(), Begun::Mismatch));
    assert!(run.complete(Bytes::from_static(b"\x00done\xff")).await.unwrap());
    for repeat in ["a", "a"] {
        let Begun::Done(answer) = work.begin(&1, &request(repeat)).await.unwrap() else { panic!() };
        assert_eq!(&answer[..], b"\x00done\xff");
    }
    assert!(matches!(work.begin(&1, &request("b")).await.unwrap(), Begun::Mismatch));
    clock.advance(Duration::from_secs(24 * 60 * 60));
    assert!(matches!(work.begin(&1, &request("b")).await.unwrap(), Begun::New(_)));
}

#[tokio::test]
async fn work_that_fails_or_is_dropped_is_given_back() {
    let work = at(&clock());
    let failed = work.run(&1, &request("a"), || async { Err::<(), _>("no") }).await;
    assert!(matches!(failed, Err(OnceError::Work("no"))));
    drop(new(&work, 1).await);
    tokio::task::yield_now().await;
    assert!(new(&work, 1).await.abandon().await.unwrap());
    let ran = work.run(&1, &request("a"), || async { Ok::<_, Infallible>(7) }).await.unwrap();
    assert_eq!(ran, Once::Ran(7));
}

#[tokio::test]
async fn work_whose_lease_is_lost_is_dropped_and_told_so() {
    let clock = clock();
    let work = at(&clock);
    let (other, asked) = (work.clone(), request("a"));
    let ran = work.run::<(), Infallible, _>(&1, &asked, || async {
        // As a pause of the whole process does.
        clock.advance(Duration::from_secs(31));
        let _second = new(&other, 1).await;
        pending().await
    });
    assert!(matches!(ran.await, Err(OnceError::Lost { cause: Loss::Expired })));
}

#[tokio::test]
async fn late_answer_is_kept_unless_another_has_begun() {
    let clock = clock();
    let work = at(&clock);
    let late = new(&work, 1).await;
    clock.advance(Duration::from_secs(31));
    assert!(late.complete(Bytes::from_static(b"late")).await.unwrap());
    assert!(matches!(work.begin(&1, &request("a")).await.unwrap(), Begun::Done(answer) if answer == "late"));

    let late = new(&work, 2).await;
    clock.advance(Duration::from_secs(31));
    let second = new(&work, 2).await;
    assert!(!late.complete(Bytes::from_static(b"late")).await.unwrap());
    assert!(second.complete(Bytes::from_static(b"second")).await.unwrap());
    assert!(
        matches!(work.begin(&2, &request("a")).await.unwrap(), Begun::Done(answer) if answer == "second")
    );
}
