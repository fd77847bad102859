//! A lock that its holder hands to who waits for it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use redstart_keys::Ttl;
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

use super::{Bench, GUARD, TTL, key, until};

use crate::{
    Guard, Release,
    operations::{Acquire, GiveBack, HANDED, Token},
};

/// Lets a waiter ask, and its holder release `age` after the question.
async fn handed(bench: &Bench, age: Duration) -> Guard {
    let holder = bench.hold().await;
    let (asking, releasing) = (bench.lock(), async {
        while bench.locks.holder(&key()).await.expect("memory answers").is_none_or(|held| held.waiting == 0) {
            yield_now().await;
        }
        bench.clock.advance(age);
        holder.release().await.expect("memory answers")
    });
    let (got, released) =
        timeout(GUARD, async { tokio::join!(asking.acquire(), releasing) }).await.expect("woken");
    assert_eq!(released, Release::Released);
    got.expect("it was handed over")
}

#[tokio::test]
async fn handed_lock_is_valid_from_the_last_question() {
    let bench = Bench::new();
    let guard = handed(&bench, Duration::from_secs(1)).await;
    let left = guard.valid_for();
    assert!(left <= HANDED - Duration::from_secs(1), "{left:?}");
    assert!(HANDED - Duration::from_millis(1_100) <= left, "{left:?}");
}

#[tokio::test]
async fn lock_that_was_handed_over_late_is_asked_for_again() {
    let bench = Bench::new();
    let guard = handed(&bench, Duration::from_secs(2)).await;
    assert!(HANDED < guard.valid_for(), "a lease of its own: {:?}", guard.valid_for());
}

#[tokio::test]
async fn handed_lock_is_prolonged_to_a_whole_lease() {
    let bench = Bench::new();
    let guard = handed(&bench, Duration::ZERO).await;
    bench.clock.advance(HANDED / 2);
    // After a third of what it was handed over for.
    until(async || HANDED < guard.valid_for()).await;
    assert!(guard.valid_for() <= TTL.as_duration());
}

#[tokio::test]
async fn lock_that_was_handed_to_the_dead_ends_soon() {
    let bench = Bench::new();
    let holder = bench.hold().await;
    let dead = Acquire::new(&key(), Token::new("dead"), TTL).waiting();
    bench.store.run(&dead).await.expect("memory answers");
    let fence = holder.fence();
    holder.release().await.expect("memory answers");
    let held = bench.locks.holder(&key()).await.expect("memory answers").expect("it was handed over");
    assert_eq!((held.owner.as_str(), held.expires_in), ("dead", Some(HANDED)));
    bench.clock.advance(HANDED);
    assert!(fence < bench.hold().await.fence());
}

#[tokio::test]
async fn question_that_was_given_up_does_not_line_up() {
    let bench = Bench::new();
    let holder = bench.hold().await;
    let late = Token::new("late");
    bench.store.run(&GiveBack::new(&key(), late.clone(), None)).await.expect("memory answers");
    bench.store.run(&Acquire::new(&key(), late, Ttl::minutes(5)).waiting()).await.expect("memory answers");
    holder.release().await.expect("memory answers");
    assert!(bench.is_free().await, "it was handed to one that nobody waits for");
}

/// In which order those get the lock that line up in this one.
async fn served(bench: &Bench, are_fair: &[bool]) -> Vec<usize> {
    let holder = bench.hold().await;
    let (order, mut waits) = (Arc::<Mutex<Vec<usize>>>::default(), JoinSet::new());
    for (place, is_fair) in are_fair.iter().enumerate() {
        let request = if *is_fair { bench.lock().fair() } else { bench.lock() };
        let order = Arc::clone(&order);
        waits.spawn(async move {
            let guard = request.acquire().await.expect("its turn comes");
            order.lock().expect("nobody panics").push(place);
            guard.release().await.expect("memory answers");
        });
        yield_now().await;
    }
    holder.release().await.expect("memory answers");
    timeout(GUARD, waits.join_all()).await.expect("all are served");
    let order = order.lock().expect("nobody panics");
    order.clone()
}

#[tokio::test]
async fn fair_request_is_not_passed_over_within_its_process() {
    assert_eq!(served(&Bench::new(), &[false, false, true, false, false]).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn lock_that_is_handed_on_is_held_for_a_whole_lease() {
    let bench = Bench::new();
    let holder = bench.hold().await;
    let (first, second) = (bench.lock(), bench.lock());
    let (first, second, _) = timeout(GUARD, async {
        tokio::join!(
            async { first.acquire().await.expect("its turn comes").release().await },
            async { second.acquire().await.expect("its turn comes") },
            holder.release(),
        )
    })
    .await
    .expect("both are served");
    assert_eq!(first.expect("memory answers"), Release::Released);
    assert!(
        HANDED < second.valid_for(),
        "more than what goes from process to process: {:?}",
        second.valid_for()
    );
    assert_eq!(second.release().await.expect("memory answers"), Release::Released);
}
