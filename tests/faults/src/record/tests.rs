use super::*;

/// Calls of a millisecond each, one after another: a dot is an answer, a bang a failure.
fn record(calls: &str) -> Record {
    let record = Record::new();
    for (number, call) in (1..).zip(calls.chars()) {
        let mark = if call == '.' { Mark::Done } else { Mark::Failed(ErrorKind::Unavailable) };
        let took = Duration::from_millis(1);
        record.calls().push(Call { ended: number * took, took, mark });
    }
    record
}

#[test]
fn recovery_is_the_first_of_twenty_answers_in_a_row() {
    let calls = format!("..!!.!{}", ".".repeat(20));
    assert_eq!(record(&calls).recovered(Duration::ZERO, false), Some(Duration::from_millis(7)));
    assert_eq!(record(&calls[..25]).recovered(Duration::ZERO, false), None);
}

#[test]
fn answers_before_the_failure_are_no_recovery_where_one_is_awaited() {
    let calls = format!("{}!{}", ".".repeat(30), ".".repeat(20));
    assert_eq!(record(&calls).recovered(Duration::ZERO, false), Some(Duration::from_millis(1)));
    assert_eq!(record(&calls).recovered(Duration::ZERO, true), Some(Duration::from_millis(32)));
}

#[test]
fn percentile_is_of_calls_that_began_in_the_window() {
    let record = record("....");
    assert_eq!(record.p99(Duration::ZERO, Duration::from_millis(2)), Some(Duration::from_millis(1)));
    assert_eq!(record.p99(Duration::from_secs(1), Duration::from_secs(2)), None);
}
