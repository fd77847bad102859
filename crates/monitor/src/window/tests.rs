use redstart_connection::{Clock, Timestamp};

use super::*;

/// What a server has counted when it is looked at, seconds after the first look.
struct Look {
    at: u64,
    hits: u64,
    misses: u64,
}

fn check(looks: &[Look], expected: &[(f64, u64, u64)]) {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let (start, mut samples) = (clock.instant(), Samples::default());
    for (look, &(seconds, hits, misses)) in looks.iter().zip(expected) {
        let mut info = ServerInfo::default();
        info.server.uptime = Duration::from_secs(86_400);
        info.stats.keyspace_hits = look.hits;
        info.stats.keyspace_misses = look.misses;
        let window = samples.add(&info, start + Duration::from_secs(look.at));
        assert_eq!((window.seconds, window.hits, window.misses), (seconds, hits, misses), "at {} s", look.at);
    }
}

#[test]
fn the_first_window_is_the_life_of_the_server() {
    check(&[Look { at: 0, hits: 7, misses: 3 }], &[(86_400.0, 7, 3)]);
}

#[test]
fn a_window_tells_what_was_gained() {
    let looks = [Look { at: 0, hits: 7, misses: 3 }, Look { at: 60, hits: 1_007, misses: 3 }];
    check(&looks, &[(86_400.0, 7, 3), (60.0, 1_000, 0)]);
}

#[test]
fn a_window_reaches_five_minutes_back() {
    let looks: Vec<_> = (0..100).map(|look| Look { at: look * 10, hits: look, misses: 0 }).collect();
    let clock = Clock::manual(Timestamp::from_micros(0));
    let (start, mut samples) = (clock.instant(), Samples::default());
    for look in looks {
        let mut info = ServerInfo::default();
        info.stats.keyspace_hits = look.hits;
        let window = samples.add(&info, start + Duration::from_secs(look.at));
        assert!(window.seconds <= 300.0, "{window:?}");
        assert!(samples.kept.len() <= 32);
    }
}

#[test]
fn a_restart_begins_a_new_window() {
    let looks = [Look { at: 0, hits: 700, misses: 3 }, Look { at: 60, hits: 2, misses: 1 }];
    check(&looks, &[(86_400.0, 700, 3), (86_400.0, 2, 1)]);
}

#[test]
fn few_lookups_give_no_rate() {
    let window = |hits, misses| Window { hits, misses, ..Window::default() };
    assert_eq!(window(1, 998).hit_rate(), None);
    assert_eq!(window(900, 100).hit_rate(), Some(0.9));
}
