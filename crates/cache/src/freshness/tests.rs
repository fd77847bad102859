use super::*;

fn life() -> Life {
    Life {
        created: Timestamp::from_micros(0),
        fresh_for: Duration::from_secs(100),
        stale_for: Duration::ZERO,
        load_time: Duration::from_secs(2),
    }
}

fn is_due(early: EarlyRefresh, second: u64, random: f64) -> bool {
    early.is_due(&life(), Timestamp::from_micros(second * 1_000_000), random)
}

#[test]
fn share_of_the_lifetime_decides() {
    let early = EarlyRefresh::at(0.8);
    assert!(!is_due(early, 79, 1.0));
    assert!(is_due(early, 80, 1.0));
    assert!(!is_due(EarlyRefresh::never(), 99, 0.001));
    // A share that would load with every read.
    assert!(!is_due(EarlyRefresh::at(-1.0), 9, 1.0));
}

#[test]
fn xfetch_is_earlier_for_slow_loads_and_bad_luck() {
    // -ln(0.01) is 4.6, so that a load of 2 seconds is begun 9.2 seconds early.
    assert!(!is_due(EarlyRefresh::xfetch(), 90, 0.01));
    assert!(is_due(EarlyRefresh::xfetch(), 91, 0.01));
    assert!(is_due(EarlyRefresh::xfetch_by(2.0), 82, 0.01));
    // The luckiest begins when it has ended.
    assert!(!is_due(EarlyRefresh::xfetch(), 99, 1.0));
    assert!(is_due(EarlyRefresh::xfetch(), 100, 1.0));
}
