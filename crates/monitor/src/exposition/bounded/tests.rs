use super::*;
use crate::exposition::recorder;

#[test]
fn the_series_of_a_metric_are_bounded_and_what_is_joined_is_counted() {
    let recorder = recorder().unwrap();
    let handle = recorder.handle();
    let bounded = Bounded::new(recorder);
    metrics::with_local_recorder(&bounded, || {
        for user in 0..MOST + 500 {
            metrics::counter!("logins", "user" => user.to_string(), "kind" => "password").increment(1);
        }
        // What was there before goes on, and other metrics have bounds of their own.
        metrics::counter!("logins", "user" => "7", "kind" => "password").increment(1);
        metrics::gauge!("rooms", "floor" => "1").set(3.0);
        metrics::histogram!("waits").record(0.5);
    });
    let text = handle.render();
    assert_eq!(text.matches("\nlogins{").count(), MOST + 1);
    for line in [
        r#"logins{user="7",kind="password"} 2"#,
        r#"logins{user="other",kind="other"} 500"#,
        r#"redstart_metrics_overflow_total{metric="logins"} 500"#,
        r#"rooms{floor="1"} 3"#,
    ] {
        assert!(text.contains(line), "{line} is missing");
    }
}
