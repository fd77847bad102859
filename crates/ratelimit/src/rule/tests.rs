use std::{sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{Rule, State};
use crate::{Policy, window::Log};

const NOW: u64 = 1_700_000_000_000_000;
const HOUR: u64 = 3_600_000_000;

fn rules() -> [Rule; 3] {
    let policy = Policy::per_minute("any", 60);
    [policy, policy.with_limit(200), policy.burst(10)].map(|policy| Rule::of(&policy))
}

/// Charges until it is refused; answers the state that is kept then, and the wait.
fn exhaust(rule: Rule, mut state: Option<State>, now: u64) -> (Option<State>, u64) {
    loop {
        match rule.try_charge(state.as_ref(), 1, now).verdict {
            Ok(charged) => state = Some(charged.state),
            Err(refused) => return (refused.repaired.or(state), refused.wait),
        }
    }
}

#[test]
fn clock_that_steps_back_refuses_no_longer_than_a_full_window() {
    for rule in rules() {
        let (state, _) = exhaust(rule, None, NOW);
        let earlier = NOW - HOUR;
        let refused = rule.try_charge(state.as_ref(), 1, earlier);
        let wait = refused.verdict.as_ref().err().expect("nothing has come back").wait;
        assert!(Duration::from_micros(wait) <= rule.span() + Duration::from_secs(1), "{rule:?}");
        // What was repaired counts from then on, however far the old time lies ahead.
        let (state, _) = exhaust(rule, state, earlier);
        assert!(rule.try_charge(state.as_ref(), 1, earlier + wait).verdict.is_ok(), "{rule:?}");
    }
}

#[test]
fn lowered_limit_refuses_no_longer_than_its_own_window() {
    let wide = Rule::of(&Policy::per_minute("any", 60).burst(50));
    let narrow = Rule::of(&Policy::per_minute("any", 60).burst(5));
    let (state, _) = exhaust(wide, None, NOW);
    let (state, wait) = exhaust(narrow, state, NOW);
    assert_eq!(wait, 1_000_000);
    assert!(narrow.try_charge(state.as_ref(), 1, NOW + wait).verdict.is_ok());
}

#[test]
fn state_of_another_algorithm_counts_as_nothing() {
    for rule in rules() {
        for other in rules() {
            let (state, _) = exhaust(other, None, NOW);
            let trial = rule.try_charge(state.as_ref(), 1, NOW);
            let is_window = |rule| matches!(rule, Rule::Window(_));
            assert_eq!(
                trial.verdict.is_ok(),
                is_window(rule) != is_window(other) || rule.capacity() > other.capacity()
            );
        }
    }
}

#[test]
fn hits_of_one_grain_share_an_entry() {
    let [exact, coarse, _] = rules();
    for (rule, entries) in [(exact, 60), (coarse, 1)] {
        let mut state = None;
        for hit in 0..60 {
            let trial = rule.try_charge(state.as_ref(), 1, NOW + hit);
            state = trial.verdict.ok().map(|charged| charged.state);
        }
        let Some(State::Log(log)) = state else { panic!("a window keeps a log") };
        assert_eq!(log.len(), entries);
    }
}

#[test]
fn rates_are_rounded_against_the_caller() {
    let rule = Rule::of(&Policy::per_second("any", 7).burst(7));
    assert_eq!(rule.span(), Duration::from_micros(7 * 142_858));
    let rule = Rule::of(&Policy::per("any", 1, Duration::from_secs(3_000_000_000)).burst(u32::MAX));
    assert_eq!(rule.capacity(), 1);
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
    let state = State::Log(Arc::new(Log::decode(&wrapping)));
    assert_eq!(rule.try_charge(Some(&state), 1, NOW + 2).before.remaining, 60 - 5);
    let state = State::Log(Arc::new(Log::decode(&packed(7, &[(NOW, 8), (NOW + 1, 10)]))));
    assert_eq!(rule.try_charge(Some(&state), 1, NOW + 60_000_000).before.remaining, 60 - 2);
}

proptest! {
    #[test]
    fn no_bytes_upset_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..80), now in 1_u64..1 << 52) {
        let mut log = bytes;
        log.insert(0, b'w');
        let state = State::Log(Arc::new(Log::decode(&log)));
        for rule in rules() {
            let _reading = rule.try_charge(Some(&state), 1, now).reading();
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
                let trial = rule.try_charge(state.as_ref(), cost, now);
                match trial.verdict {
                    Ok(charged) => state = Some(charged.state),
                    Err(refused) => {
                        let grain = Duration::from_secs(1);
                        prop_assert!(Duration::from_micros(refused.wait) <= rule.span() + grain);
                        state = refused.repaired.or(state);
                        prop_assert!(rule.try_charge(state.as_ref(), cost, now + refused.wait).verdict.is_ok());
                    }
                }
            }
        }
    }
}
