use std::time::Duration;

use proptest::prelude::*;

use super::Rule;
use crate::{
    Policy,
    account::{Account, State},
};

const NOW: u64 = 1_700_000_000_000_000;
const HOUR: u64 = 3_600_000_000;

fn rules() -> [Rule; 5] {
    let policy = Policy::per_minute("any", 60);
    [policy, policy.with_limit(200), policy.burst(10), policy.fixed_window(), policy.bucket(90)]
        .map(|policy| Rule::of(&policy))
}

/// Charges, or answers the wait; what is kept then comes with it.
fn charge(rule: Rule, state: Option<&State>, cost: u32, now: u64) -> (Result<(), u64>, Option<State>) {
    let mut account = Account::open(&rule, state, now);
    match account.wait_for(cost) {
        0 => {
            account.charge(cost);
            (Ok(()), Some(account.close().0))
        }
        wait if account.is_repaired() => (Err(wait), Some(account.close().0)),
        wait => (Err(wait), state.cloned()),
    }
}

/// Charges until it is refused; answers the state that is kept then, and the wait.
fn exhaust(rule: Rule, mut state: Option<State>, now: u64) -> (Option<State>, u64) {
    loop {
        let (charged, kept) = charge(rule, state.as_ref(), 1, now);
        state = kept;
        if let Err(wait) = charged {
            return (state, wait);
        }
    }
}

#[test]
fn clock_that_steps_back_refuses_no_longer_than_a_full_window() {
    for rule in rules() {
        let (state, _) = exhaust(rule, None, NOW);
        let earlier = NOW - HOUR;
        let (charged, _) = charge(rule, state.as_ref(), 1, earlier);
        let wait = charged.expect_err("nothing has come back");
        assert!(Duration::from_micros(wait) <= rule.span() + Duration::from_secs(1), "{rule:?}");
        // What was repaired counts from then on, however far the old time lies ahead.
        let (state, _) = exhaust(rule, state, earlier);
        assert_eq!(charge(rule, state.as_ref(), 1, earlier + wait).0, Ok(()), "{rule:?}");
    }
}

#[test]
fn lowered_limit_refuses_no_longer_than_its_own_window() {
    let policy = Policy::per_minute("any", 60);
    for (wide, narrow) in [
        (policy.burst(50), policy.burst(5)),
        (policy.with_limit(1).bucket(50), policy.with_limit(1).bucket(5)),
    ] {
        let (wide, narrow) = (Rule::of(&wide), Rule::of(&narrow));
        let (state, _) = exhaust(wide, None, NOW);
        let (state, wait) = exhaust(narrow, state, NOW);
        assert_eq!(wait, narrow.period());
        assert_eq!(charge(narrow, state.as_ref(), 1, NOW + wait).0, Ok(()));
    }
}

#[test]
fn state_of_another_algorithm_counts_as_nothing() {
    for rule in rules() {
        for other in rules() {
            let (state, _) = exhaust(other, None, NOW);
            let is_same = std::mem::discriminant(&rule) == std::mem::discriminant(&other);
            let is_admitted = charge(rule, state.as_ref(), 1, NOW).0.is_ok();
            assert_eq!(is_admitted, !is_same || rule.capacity() > other.capacity(), "{rule:?} {other:?}");
        }
    }
}

#[test]
fn hits_of_one_grain_share_an_entry() {
    let [exact, coarse, ..] = rules();
    for (rule, entries) in [(exact, 60), (coarse, 1)] {
        let mut state = None;
        for hit in 0..60 {
            state = charge(rule, state.as_ref(), 1, NOW + hit).1;
        }
        let log = state.as_ref().and_then(State::log).expect("a window keeps a log");
        assert_eq!(log.len(), entries);
    }
}

#[test]
fn rates_are_rounded_against_the_caller() {
    let rule = Rule::of(&Policy::per_second("any", 7).burst(7));
    assert_eq!(rule.span(), Duration::from_micros(7 * 142_858));
    let rule = Rule::of(&Policy::per("any", 1, Duration::from_secs(3_000_000_000)).burst(u32::MAX));
    assert_eq!(rule.capacity(), 1);
    let rule = Rule::of(&Policy::per("any", 2, Duration::from_secs(3_000_000_000)).bucket(u32::MAX));
    assert_eq!(rule.capacity(), 2);
}

#[test]
fn fixed_window_begins_with_its_first_call_and_ends_all_at_once() {
    let rule = Rule::of(&Policy::per_second("any", 2).fixed_window());
    let (_, state) = charge(rule, None, 1, NOW);
    let (_, state) = charge(rule, state.as_ref(), 1, NOW + 900_000);
    assert_eq!(charge(rule, state.as_ref(), 1, NOW + 999_999).0, Err(1));
    let (charged, state) = charge(rule, state.as_ref(), 2, NOW + 1_000_000);
    assert_eq!(charged, Ok(()));
    assert_eq!(charge(rule, state.as_ref(), 1, NOW + 1_000_000).0, Err(1_000_000));
}

#[test]
fn bucket_is_refilled_in_whole_steps_up_to_its_size() {
    let rule = Rule::of(&Policy::per_second("any", 3).bucket(5));
    let (_, state) = charge(rule, None, 5, NOW);
    assert_eq!(charge(rule, state.as_ref(), 1, NOW + 999_999).0, Err(1));
    assert_eq!(charge(rule, state.as_ref(), 4, NOW + 1_000_000).0, Err(1_000_000));
    assert_eq!(charge(rule, state.as_ref(), 3, NOW + 1_000_000).0, Ok(()));
    assert_eq!(charge(rule, state.as_ref(), 5, NOW + 2_000_000).0, Ok(()));
    let full = Account::open(&rule, state.as_ref(), NOW + HOUR).reading();
    assert_eq!((full.remaining, full.reset_after), (5, Duration::ZERO));
}

fn packed(base: u32, entries: &[(u64, u32)]) -> Vec<u8> {
    let mut bytes = vec![b'w'];
    bytes.extend(base.to_be_bytes());
    for (stamp, total) in entries {
        bytes.extend(stamp.to_be_bytes());
        bytes.extend(total.to_be_bytes());
    }
    bytes
}

#[test]
fn log_of_the_script_is_read_by_its_running_totals() {
    let wrapping = packed(u32::MAX - 1, &[(NOW, u32::MAX), (NOW + 1, 3)]);
    let [rule, ..] = rules();
    let left = |state: &State, now| Account::open(&rule, Some(state), now).left();
    assert_eq!(left(&State::decode(&wrapping), NOW + 2), 60 - 5);
    let state = State::decode(&packed(7, &[(NOW, 8), (NOW + 1, 10)]));
    assert_eq!(left(&state, NOW + 60_000_000), 60 - 2);
}

proptest! {
    #[test]
    fn no_bytes_upset_the_reader(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        kind in prop::sample::select(b"xwfb1".to_vec()),
        now in 1_u64..1 << 52,
    ) {
        let mut kept = bytes;
        kept.insert(0, kind);
        let state = State::decode(&kept);
        for rule in rules() {
            let mut account = Account::open(&rule, Some(&state), now);
            let _reading = account.reading_for(1);
            account.charge(1);
            let _closed = account.close();
        }
    }

    #[test]
    fn wait_never_exceeds_the_window_whatever_the_clock_does(
        steps in prop::collection::vec((-100_000_000_i64..100_000_000, 1_u32..4), 1..60),
    ) {
        for rule in rules() {
            let (mut state, mut now) = (None, NOW);
            for &(step, cost) in &steps {
                now = now.saturating_add_signed(step);
                let (charged, kept) = charge(rule, state.as_ref(), cost, now);
                state = kept;
                if let Err(wait) = charged {
                    let grain = Duration::from_secs(1);
                    prop_assert!(Duration::from_micros(wait) <= rule.span() + grain);
                    prop_assert!(charge(rule, state.as_ref(), cost, now + wait).0.is_ok());
                }
            }
        }
    }
}
