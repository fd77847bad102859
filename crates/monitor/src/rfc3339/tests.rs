use super::*;

fn check(seconds: u64, expected: &str) {
    assert_eq!(Rfc3339::from(Timestamp::from_micros(seconds * 1_000_000)).to_string(), expected);
}

#[test]
fn dates_are_those_of_the_calendar() {
    check(0, "1970-01-01T00:00:00.000Z");
    check(951_782_399, "2000-02-28T23:59:59.000Z");
    check(951_782_400, "2000-02-29T00:00:00.000Z");
    check(4_107_542_399, "2100-02-28T23:59:59.000Z");
    check(4_107_542_400, "2100-03-01T00:00:00.000Z");
    check(1_735_689_599, "2024-12-31T23:59:59.000Z");
}

#[test]
fn the_last_moment_has_a_date_too() {
    assert!(Rfc3339::from(Timestamp::from_micros(u64::MAX)).to_string().starts_with("586524-"));
}
