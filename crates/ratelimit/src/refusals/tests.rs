use std::time::{Duration, Instant};

use redstart_connection::{Clock, Timestamp};

use super::{MOST, Refusals};
use crate::{Decision, LimitState, OnOutage, Policy, Reading, Source, Subject};

const POLICY: Policy = Policy::per_minute("any", 10);

fn start() -> Instant {
    Clock::manual(Timestamp::from_micros(1)).instant()
}

/// Notes that the server refused this subject this cost for so many seconds.
fn note(refusals: &Refusals, subject: u64, cost: u32, wait: u64, now: Instant) {
    let reading = Reading::new(7, 2, wait * 1_000_000).or_wait(wait * 1_000_000);
    let decision = Decision::one(Source::Redis, LimitState::new(&POLICY, reading, cost));
    refusals.note(&[(&POLICY, Subject::from(subject))], cost, &decision, now);
}

fn repeated(refusals: &Refusals, policy: &Policy, cost: u32, now: Instant) -> Option<Duration> {
    refusals.repeat(&[(policy, Subject::from(1))], cost, now, |_, _, _| ())?.retry_after()
}

#[test]
fn refusal_is_repeated_for_a_second_and_counts_down() {
    let (refusals, now) = (Refusals::default(), start());
    note(&refusals, 1, 1, 30, now);
    assert_eq!(repeated(&refusals, &POLICY, 1, now), Some(Duration::from_secs(30)));
    let later = now + Duration::from_millis(999);
    assert_eq!(repeated(&refusals, &POLICY, 1, later), Some(Duration::from_millis(29_001)));
    assert_eq!(repeated(&refusals, &POLICY, 1, now + Duration::from_secs(1)), None);
}

#[test]
fn refusal_ends_with_its_own_wait() {
    let (refusals, now) = (Refusals::default(), start());
    let reading = Reading::new(7, 0, 300).or_wait(300);
    let decision = Decision::one(Source::Redis, LimitState::new(&POLICY, reading, 1));
    refusals.note(&[(&POLICY, Subject::from(1))], 1, &decision, now);
    assert_eq!(
        repeated(&refusals, &POLICY, 1, now + Duration::from_micros(299)),
        Some(Duration::from_micros(1))
    );
    assert_eq!(repeated(&refusals, &POLICY, 1, now + Duration::from_micros(300)), None);
}

#[test]
fn less_than_what_was_refused_is_asked_and_so_is_another_limit() {
    let (refusals, now) = (Refusals::default(), start());
    note(&refusals, 1, 5, 30, now);
    note(&refusals, 1, 8, 40, now);
    assert_eq!(repeated(&refusals, &POLICY, 4, now), None);
    assert_eq!(repeated(&refusals, &POLICY, 5, now), Some(Duration::from_secs(30)));
    for other in [POLICY.with_limit(11), POLICY.burst(10), POLICY.fixed_window()] {
        assert_eq!(repeated(&refusals, &other, 5, now), None);
    }
    refusals.forget(&POLICY, &Subject::from(1));
    assert_eq!(repeated(&refusals, &POLICY, 5, now), None);
}

#[test]
fn flood_of_subjects_is_bounded_and_makes_room_for_new_ones() {
    let (refusals, now) = (Refusals::default(), start());
    let kept = |refusals: &Refusals| format!("{refusals:?}");
    for subject in 0..1_000_000 {
        note(&refusals, subject, 1, 5, now);
    }
    assert_eq!(kept(&refusals), format!("Refusals {{ standing: {MOST} }}"));
    let later = now + Duration::from_secs(6);
    note(&refusals, 2_000_000, 1, 5, later);
    assert_eq!(kept(&refusals), "Refusals { standing: 1 }");
}

#[test]
fn refusal_stands_for_its_whole_wait_while_the_server_is_away() {
    let (refusals, now) = (Refusals::default(), start());
    note(&refusals, 1, 1, 30, now);
    let limits = [(&POLICY, Subject::from(1))];
    let standing = |refusals: &Refusals, at| {
        refusals
            .standing(&limits, 1, now + Duration::from_secs(at))
            .and_then(|readings| readings[0].retry_after)
    };
    assert_eq!(standing(&refusals, 20), Some(Duration::from_secs(10)));
    assert_eq!(standing(&refusals, 30), None);
    let open = POLICY.on_outage(OnOutage::Allow);
    assert!(refusals.standing(&[(&open, Subject::from(1))], 1, now).is_none());
}
