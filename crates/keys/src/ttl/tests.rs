use proptest::prelude::*;

use super::*;

#[test]
fn ttl_is_shown_in_its_largest_whole_unit() {
    let shown = [
        (Ttl::days(1), "24h"),
        (Ttl::hours(1), "1h"),
        (Ttl::minutes(30), "30min"),
        (Ttl::minutes(90), "90min"),
        (Ttl::seconds(15), "15s"),
        (Ttl::millis(250), "250ms"),
        (Ttl::millis(61_001), "61001ms"),
    ];
    for (ttl, text) in shown {
        assert_eq!(ttl.to_string(), text);
        assert_eq!(format!("{ttl:?}"), format!("Ttl({text})"));
    }
}

#[test]
fn ttl_is_rounded_up_and_cut_to_the_longest() {
    assert_eq!(Ttl::new(Duration::ZERO), None);
    assert_eq!(Ttl::new(Duration::from_nanos(1)), Some(Ttl::millis(1)));
    assert_eq!(Ttl::new(Duration::from_millis(7)), Some(Ttl::millis(7)));
    assert_eq!(Ttl::new(Duration::MAX), Some(Ttl::MAX));
    assert_eq!(Ttl::days(u64::MAX), Ttl::MAX);
    assert_eq!(Ttl::millis(u64::MAX), Ttl::MAX);
}

#[test]
#[should_panic(expected = "at least one millisecond")]
fn zero_is_no_ttl() {
    let _refused = Ttl::hours(0);
}

#[test]
fn odd_ratios_are_brought_into_range() {
    let ttl = Ttl::seconds(100);
    for ratio in [f64::NAN, -1.0, f64::NEG_INFINITY, 0.0] {
        assert_eq!(ttl.jittered(ratio, u64::MAX), ttl);
    }
    for ratio in [0.5, 7.0, f64::INFINITY] {
        assert_eq!(ttl.jittered(ratio, u64::MAX), Ttl::seconds(50));
    }
}

#[test]
fn lifetimes_and_classes_have_names() {
    assert_eq!(Lifetime::Expires(Ttl::hours(2)).to_string(), "2h");
    assert_eq!(Lifetime::Persistent.to_string(), "persistent");
    assert_eq!(Lifetime::Persistent.ttl(), None);
    assert_eq!(Persistence::Evictable.to_string(), "evictable");
}

proptest! {
    #[test]
    fn jitter_only_shortens_and_by_no_more_than_the_ratio(
        millis in 1..=Ttl::MAX.as_millis(),
        thousandths in 0..=500_u32,
        random: u64,
    ) {
        let ttl = Ttl::millis(millis);
        let jittered = ttl.jittered(f64::from(thousandths) / 1000.0, random);
        let shortest = u128::from(millis) * u128::from(1000 - thousandths) / 1000;
        prop_assert!(jittered <= ttl);
        // A millisecond of tolerance, since the ratio is a binary fraction.
        prop_assert!(u128::from(jittered.as_millis()) + 1 >= shortest);
    }

    #[test]
    fn jitter_grows_with_the_random_number(millis in 1..=10_000_000_u64, a: u64, b: u64) {
        let ttl = Ttl::millis(millis);
        prop_assert!(ttl.jittered(0.3, a.min(b)) >= ttl.jittered(0.3, a.max(b)));
    }
}
