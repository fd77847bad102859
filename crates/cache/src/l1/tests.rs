use super::*;

#[test]
fn last_of_those_who_leave_together_takes_the_flight_off_the_list() {
    let near = Near::<u64, String>::new(None, Duration::from_secs(1));
    // Both still hold the flight while they leave.
    let (one, two) = (near.join(&1), near.join(&1));
    near.leave(&1, &one);
    assert_eq!(near.flights(), 1);
    near.leave(&1, &two);
    assert_eq!(near.flights(), 0);
}

#[test]
fn who_leaves_an_older_flight_does_not_end_the_present_one() {
    let near = Near::<u64, String>::new(None, Duration::from_secs(1));
    let old = near.join(&1);
    near.invalidate(&1);
    let present = near.join(&1);
    near.leave(&1, &old);
    assert!(Arc::ptr_eq(&present, &near.join(&1)));
}
