use std::time::Duration;

use super::*;
use crate::{LimitState, Reading, Source};

const OPEN: Policy = Policy::per_minute("open", 5);
const SECRET: Policy = Policy::per_minute("secret", 5).sensitive();

fn note(violations: &Violations, endpoint: &str, policy: &Policy, subject: u64, at: u64) {
    let reading = Reading::new(0, 0, 1).or_wait(1);
    let decision = Decision::one(Source::Redis, LimitState::new(policy, reading, 1));
    let now = Timestamp::from_micros(0).saturating_add(Duration::from_secs(at));
    violations.note(&endpoint.into(), &[(policy, Subject::from(subject))], &decision, now);
}

#[test]
fn violations_are_found_by_endpoint_and_by_subject() {
    let violations = Violations::default();
    for (endpoint, policy, subject, at) in
        [("/a", &OPEN, 1, 1), ("/a", &OPEN, 1, 2), ("/b", &OPEN, 1, 3), ("/b", &SECRET, 2, 4)]
    {
        note(&violations, endpoint, policy, subject, at);
    }
    let counts = |found: Vec<Violation>| found.iter().map(|found| found.refused).collect::<Vec<_>>();
    assert_eq!(counts(violations.at("/a")), [2]);
    assert_eq!(counts(violations.at("/b")), [1, 1]);
    assert_eq!(counts(violations.of(&OPEN, 1)), [1, 2]);
    assert_eq!(counts(violations.all()), [1, 1, 2]);
    assert!(violations.at("/c").is_empty());
}

#[test]
fn personal_subjects_are_found_and_never_shown() {
    let violations = Violations::default();
    note(&violations, "/login", &SECRET, 4711, 1);
    let found = violations.of(&SECRET, 4711);
    assert_eq!(found[0].subject, "ratelimit:secret:{***}");
    assert!(!format!("{violations:?} {found:?}").contains("4711"));
}

#[test]
fn flood_of_subjects_is_bounded_and_does_not_push_out_who_keeps_coming() {
    let violations = Violations::default();
    for subject in 0..100_000 {
        note(&violations, "/a", &OPEN, subject, subject);
        if subject % 1_000 == 0 {
            note(&violations, "/a", &SECRET, 1, subject);
        }
    }
    assert!(violations.all().len() <= 2 * GENERATION);
    assert_eq!(violations.of(&SECRET, 1)[0].refused, 100);
}
