use std::{
    future::Future as _,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use redstart_connection::{Clock, Store, Timestamp};
use tokio::time::timeout;

use super::{Janitor, MOST, Task};
use crate::{
    Locks,
    claim::{Claim, Kind},
    inbox::Inbox,
    operations::{Acquire, Acquired, Token},
    tests::{GUARD, TTL, away, key},
};

fn memory() -> (Store, Clock) {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    (Store::memory_with(clock.clone()), clock)
}

fn dropped(store: &Store, token: &str) -> Task {
    let kind = Kind::Whole { is_fair: false };
    let claim = Claim { lock: Arc::new(key()), token: Token::new(token), ttl: TTL, kind };
    Task::new(store, &claim, None)
}

fn janitor(store: &Store) -> Arc<Janitor> {
    Arc::clone(&Locks::new(store.clone()).0.janitor)
}

/// What a question gets that was on its way when its caller was dropped.
async fn late_question(store: &Store, token: &str) -> Acquired {
    store.run(&Acquire::new(&key(), Token::new(token), TTL)).await.expect("memory answers")
}

#[test]
fn list_is_bounded_where_nobody_works_it_off() {
    let (store, _) = memory();
    let janitor = janitor(&store);
    (0..=MOST).for_each(|number| janitor.give_back(dropped(&store, &format!("dropped {number}"))));
    assert_eq!(janitor.pending(), MOST);
}

#[test]
fn what_was_in_hand_when_the_work_was_dropped_is_on_the_list_again() {
    // Nothing answers there, so the work stops midway.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let _entered = runtime.enter();
    let store = away();
    let janitor = janitor(&store);
    let tokens = ["first", "second", "third"];
    janitor.list().extend(tokens.map(|token| dropped(&store, token)));
    {
        let mut draining = pin!(janitor.drain());
        assert!(draining.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(janitor.pending(), 0, "all are in hand");
    }
    let kept: Vec<Token> = janitor.list().iter().map(|task| task.claim.token.clone()).collect();
    assert_eq!(kept, tokens.map(Token::new));
}

#[tokio::test]
async fn lock_whose_lease_is_over_is_not_asked_for_any_more() {
    let (store, clock) = memory();
    let janitor = janitor(&store);
    janitor.list().extend(["over", "over too"].map(|token| dropped(&store, token)));
    clock.advance(TTL.as_duration());
    janitor.list().push_back(dropped(&store, "dropped now"));
    janitor.drain().await;
    assert!(matches!(late_question(&store, "dropped now").await, Acquired::Busy { .. }));
    assert!(matches!(late_question(&store, "over").await, Acquired::Granted { .. }), "it was given up");
}

#[tokio::test]
async fn next_in_line_is_told() {
    let (store, _) = memory();
    let waiter = Token::of_attempt("0000000000000000000002", 1, "waiter");
    assert!(matches!(late_question(&store, "holder").await, Acquired::Granted { .. }));
    let asked = store.run(&Acquire::new(&key(), waiter.clone(), TTL).waiting()).await;
    assert!(matches!(asked, Ok(Acquired::Busy { .. })));
    let inbox = Inbox::new(store.clone(), waiter.instance().to_owned());
    let listener = inbox.listen(&waiter);
    let janitor = janitor(&store);
    janitor.give_back(dropped(&store, "holder"));
    timeout(GUARD, listener.woken()).await.expect("it is woken");
}
