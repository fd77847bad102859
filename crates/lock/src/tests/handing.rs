//! A lock that its holder hands to who waits for it.

use super::{Bench, GUARD, TTL, key, until};
use redstart_keys::Ttl;
use std::time::Duration;
use tokio::time::timeout;

use crate::{
    Guard, Release,
    operations::{Acquire, GiveBack, HANDED, Token},
};

/// Lets a waiter ask, and its holder release `age` after the question.
async fn handed(bench: &Bench, age: Duration) -> Guard {
    let holder = bench.hold().await;
    let (asking, releasing) = (bench.lock(), async {
        while bench.locks.holder(&key()).await.expect("memory answers").is_none_or(|held| held.waiting == 0) {
            tokio::task::yield_now().await;
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
