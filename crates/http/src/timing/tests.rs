use super::*;

#[test]
fn a_time_is_shown_in_tenths_of_a_millisecond() {
    for (micros, shown) in [(0, "0.0ms"), (1_800, "1.8ms"), (12_340, "12.3ms"), (2_000_000, "2000.0ms")] {
        assert_eq!(show(Duration::from_micros(micros)), shown);
    }
}
