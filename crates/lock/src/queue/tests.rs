use std::sync::Arc;

use super::Queues;
use crate::{
    claim::{Claim, Kind},
    operations::Token,
    tests::{TTL, key},
};

fn claim(token: &str) -> Claim {
    let kind = Kind::Whole { is_fair: false };
    Claim { lock: Arc::new(key()), token: Token::new(token), ttl: TTL, kind }
}

/// To whom the lock may be handed on.
fn next(queues: &Queues) -> Option<Token> {
    queues.next(&key()).map(|successor| successor.token)
}

#[test]
fn lock_is_handed_on_in_the_order_of_arrival_and_past_who_has_gone() {
    let queues = Queues::default();
    let place = queues.line_up(&Arc::new(key()), false);
    let [first, _second, _third] =
        ["first", "second", "third"].map(|token| place.succeed(&claim(token)).expect("it is not strict"));
    drop(first);
    assert_eq!(next(&queues), Some(Token::new("second")));
    assert_eq!(next(&queues), Some(Token::new("third")));
    assert_eq!(next(&queues), None);
}

#[test]
fn nobody_is_handed_the_lock_past_one_who_may_not_be_passed_over() {
    let queues = Queues::default();
    let lock = Arc::new(key());
    let (place, fair) = (queues.line_up(&lock, false), queues.line_up(&lock, true));
    let _waiter = place.succeed(&claim("waiter"));
    assert!(fair.succeed(&claim("fair")).is_none());
    assert_eq!(next(&queues), None);
    drop(fair);
    assert_eq!(next(&queues), Some(Token::new("waiter")));
}

#[test]
fn nothing_is_handed_on_past_one_who_asks_the_store() {
    let queues = Queues::default();
    let place = queues.line_up(&Arc::new(key()), false);
    let _waiter = place.succeed(&claim("waiter"));
    let turn = place.turn_at_once().expect("nobody is before it");
    turn.note_asking();
    assert_eq!(next(&queues), None);
    drop(turn);
    assert_eq!(next(&queues), Some(Token::new("waiter")));
}

#[test]
fn nothing_is_handed_on_once_the_lines_are_closed() {
    let queues = Queues::default();
    let place = queues.line_up(&Arc::new(key()), false);
    let _before = place.succeed(&claim("before"));
    queues.close();
    let _after = place.succeed(&claim("after"));
    assert_eq!(next(&queues), None);
}

#[test]
fn lock_that_was_given_back_is_not_taken_for_held() {
    let queues = Queues::default();
    let place = queues.line_up(&Arc::new(key()), false);
    place.note_held();
    assert!(place.is_held_here());
    queues.note_free(&key());
    assert!(!place.is_held_here());
}
