use super::*;

fn tried_again(kind: ErrorKind, certainty: Certainty, effect: Effect) -> bool {
    next_pause(&Error::new(kind, certainty, "test"), effect, 1).is_some()
}

#[test]
fn certainty_and_effect_decide() {
    use Certainty::{Failed, NotSent, Refused, Unknown};
    for effect in [Effect::Read, Effect::Idempotent, Effect::Once] {
        assert!(tried_again(ErrorKind::Connection, NotSent, effect));
        assert!(tried_again(ErrorKind::ReadOnly, Refused, effect));
        assert!(!tried_again(ErrorKind::Connection, Failed, effect));
        assert_eq!(tried_again(ErrorKind::Connection, Unknown, effect), effect != Effect::Once);
    }
}

#[test]
fn some_failures_are_final() {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Overloaded,
        ErrorKind::WrongType,
        ErrorKind::Auth,
    ] {
        assert!(!tried_again(kind, Certainty::NotSent, Effect::Read), "{kind:?}");
    }
}

#[test]
fn attempts_are_bounded() {
    let error = Error::new(ErrorKind::Loading, Certainty::Refused, "test");
    assert!(next_pause(&error, Effect::Read, MAX_ATTEMPTS - 1).is_some());
    assert!(next_pause(&error, Effect::Read, MAX_ATTEMPTS).is_none());
}

#[test]
fn budget_allows_a_tenth_in_the_long_run() {
    let budget = Budget::default();
    while budget.spend() {}
    let mut spent = 0;
    for _ in 0..10_000 {
        budget.earn();
        spent += i32::from(budget.spend());
    }
    assert_eq!(spent, 1_000);
}
