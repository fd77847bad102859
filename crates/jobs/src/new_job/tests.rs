use std::time::Duration;

use super::{NewJob, random_id};
use crate::Retry;

#[test]
fn job_is_written_as_bullmq_reads_it() {
    let job = NewJob::new("welcome", 7).after(Duration::from_millis(1_500)).with_id("user-7");
    let written = job.with_priority(3).with_retry(Retry::steady(4, Duration::from_secs(2))).write().unwrap();
    let options = serde_json::to_value(&written.options).unwrap();
    let expected = serde_json::json!({
        "attempts": 4, "backoff": { "type": "fixed", "delay": 2_000 },
        "delay": 1_500, "jobId": "user-7", "priority": 3,
    });
    assert_eq!((written.name.as_str(), written.data, options), ("welcome", 7.into(), expected));
}

#[test]
fn job_without_rests_and_delay_says_nothing_of_them() {
    let written = NewJob::new("welcome", ()).with_retry(Retry::NEVER).write().unwrap();
    assert_eq!(
        (written.options.attempts, written.options.delay, written.options.priority),
        (Some(1), None, None)
    );
    assert!(written.options.backoff.is_none());
}

#[test]
fn data_that_is_no_json_is_refused_by_name() {
    let odd = std::collections::BTreeMap::from([((1, 2), 3)]);
    let refused = NewJob::new("totals", odd).write().map(drop).unwrap_err();
    assert!(refused.to_string().starts_with("jobs: the data of totals can't be JSON: "), "{refused}");
}

#[test]
fn random_ids_differ_and_are_no_numbers() {
    let (one, other) = (random_id(), random_id());
    assert!(one != other && one.starts_with('j') && one.len() == 33, "{one} {other}");
}
