use redstart_connection::{Clock, Timestamp};

use super::*;

/// What the exporter writes after so many operations of 0.2 ms, slow ones of 8 ms, and failed ones of 2 s.
fn page(fast: u64, slow: u64, failed: u64, losses: u64) -> String {
    let name = "db_client_operation_duration_seconds";
    let mut text = format!("# HELP {name} Time of an operation.\n# TYPE {name} histogram\n");
    for (operation, outcome, counts) in [
        ("cache.read", "hit", [fast, fast, fast, fast]),
        ("lock.acquire", "taken", [0, slow, slow, slow]),
        ("lock.acquire", "timeout", [0, 0, failed, failed]),
        ("monitor.info", "permission", [0, 0, 7_000, 7_000]),
    ] {
        let labels = format!("db_operation_name=\"{operation}\",outcome=\"{outcome}\"");
        for (bound, count) in ["0.00025", "0.01", "2.5", "+Inf"].iter().zip(counts) {
            text += &format!("{name}_bucket{{{labels},le=\"{bound}\"}} {count}\n");
        }
        text += &format!("{name}_sum{{{labels}}} 1.5\n{name}_count{{{labels}}} {}\n", counts[3]);
    }
    text + &format!(
        "\nredstart_lock_losses_total{{lock=\"payout\",cause=\"expired\"}} {losses}\nlimiter_redis_errors 3\n"
    )
}

#[test]
fn a_window_tells_what_came_since() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let mut samples = ClientSamples::default();
    let first = samples.add(&page(1_000, 0, 0, 1), clock.instant());
    assert_eq!(
        (first.seconds, first.operations, first.limiter_errors, first.lock_losses),
        (None, 1_000, 3, 1)
    );
    assert_eq!(first.p99, Some(Duration::from_micros(250)));

    clock.advance(Duration::from_secs(60));
    let next = samples.add(&page(1_900, 60, 40, 1), clock.instant());
    assert_eq!((next.seconds, next.operations, next.errors), (Some(60.0), 1_000, 40));
    assert_eq!((next.limiter_errors, next.lock_losses), (0, 0));
    assert_eq!(next.error_rate(), Some(0.04));
    let bounds = [250, 10_000, 2_500_000].map(|micros| Some(Duration::from_micros(micros)));
    assert_eq!([next.p50, next.p95, next.p99], bounds);
}

#[test]
fn outage_that_is_over_is_no_error_any_more() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let mut samples = ClientSamples::default();
    let mut after = |seconds: u64, fast: u64, failed: u64| {
        clock.advance(Duration::from_secs(seconds));
        samples.add(&page(fast, 0, failed, 0), clock.instant()).error_rate()
    };
    assert_eq!(after(0, 1_000, 0), Some(0.0));
    assert_eq!(after(60, 1_500, 500), Some(0.5), "half of them fail");
    assert_eq!(after(10, 1_600, 500), Some(500.0 / 1_100.0), "they did so just now");
    assert_eq!(after(30, 1_700, 500), Some(0.0), "not one of the last");
    assert_eq!(after(30, 1_700, 500), Some(500.0 / 1_200.0), "nothing shows that it is over");
    assert_eq!(after(10, 2_000, 600), Some(100.0 / 400.0), "they fail again");
}

#[test]
fn few_operations_have_no_rate() {
    let window = ClientWindow { operations: 99, errors: 99, ..ClientWindow::default() };
    assert_eq!(window.error_rate(), None);
}

#[test]
fn any_text_can_be_read() {
    let mut samples = ClientSamples::default();
    let clock = Clock::manual(Timestamp::from_micros(0));
    for text in [
        "",
        "\n\n#\n",
        "a{b 1",
        "db_client_operation_duration_seconds_bucket{le=\"NaN\"} 1",
        "x{} 1e3\u{fffd}",
    ] {
        assert_eq!(samples.add(text, clock.instant()).operations, 0, "{text:?}");
    }
}
