use std::time::Duration;

use redstart_connection::{Clock, Timestamp};

use super::*;
use crate::{Policy, Reading};

fn decision(policy: &'static str) -> Decision {
    let policy = Policy::per(policy, 5, Duration::from_secs(1));
    Decision::one(Source::Redis, LimitState::new(&policy, Reading::default(), 1))
}

fn tally(tallies: &Tallies, policy: &str) -> String {
    format!("{:?}", tallies.by_name.lock().unwrap()[policy])
}

#[test]
fn more_policies_than_places_are_counted_each_for_itself() {
    let clock = Clock::manual(Timestamp::from_micros(1));
    let (tallies, now) = (Tallies::new(&clock), clock.instant());
    let names: Vec<&'static str> = (0..PLACES + 10).map(|nth| &*format!("p{nth}").leak()).collect();
    for _ in 0..3 {
        names.iter().for_each(|name| tallies.count(&decision(name), now));
    }
    for name in names {
        let tally = tally(&tallies, name);
        assert!(tally.contains("answers: 3"), "{name}: {tally}");
    }
}

#[test]
fn copies_of_a_name_are_one_policy() {
    let clock = Clock::manual(Timestamp::from_micros(1));
    let (tallies, now) = (Tallies::new(&clock), clock.instant());
    for _ in 0..2 {
        tallies.count(&decision(String::from("search").leak()), now);
    }
    let tally = tally(&tallies, "search");
    assert!(tally.contains("answers: 2"), "{tally}");
}

#[test]
fn both_clocks_tell_one_minute() {
    let clock = Clock::manual(Timestamp::from_micros(1));
    let tallies = Tallies::new(&clock);
    clock.advance(Duration::from_secs(90));
    tallies.count(&decision("search"), clock.instant());
    tallies.count_at(&decision("search"), clock.now());
    let tally = tally(&tallies, "search");
    assert!(tally.contains("answers: 2"), "{tally}");
}
