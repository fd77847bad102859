use super::*;

fn tallies() -> Tallies {
    Tallies::new("user", Timestamp::from_micros(1_700_000_000_000_000), Tallies::evictions("user"))
}

#[test]
fn load_times_are_told_within_a_hundredth() {
    let tallies = tallies();
    assert_eq!(tallies.snapshot(0).load_p95, Duration::ZERO);
    (1..=100).for_each(|millis| tallies.loaded(Duration::from_millis(millis)));
    let stats = tallies.snapshot(0);
    assert_eq!(stats.load_time, Duration::from_millis(5_050));
    assert_eq!(stats.load_mean, Duration::from_micros(50_500));
    for (told, right) in [(stats.load_p50, 50.0), (stats.load_p95, 95.0)] {
        let ratio = told.as_secs_f64() * 1_000.0 / right;
        assert!((0.99..=1.01).contains(&ratio), "{told:?} for {right} ms");
    }
}

#[test]
fn load_without_end_is_counted_too() {
    let tallies = tallies();
    tallies.loaded(Duration::MAX / 2);
    assert!(tallies.snapshot(0).load_p50 >= Duration::from_secs(3_560));
}

#[test]
fn snapshot_is_json_with_seconds() {
    let tallies = tallies();
    tallies.loaded(Duration::from_millis(1_500));
    let json = serde_json::to_value(tallies.snapshot(7)).unwrap();
    assert_eq!(json["since"], 1_700_000_000);
    assert_eq!(json["loadSeconds"], 1.5);
    assert_eq!((&json["l1Entries"], &json["staleServed"]), (&7.into(), &0.into()));
}
