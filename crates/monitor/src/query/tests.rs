use std::time::{Duration, Instant};

use redstart_connection::Clock;

use super::*;
use crate::scrape::Ledger;

const WINDOW: Duration = Duration::from_secs(300);

/// The answers to `query` after each of `pages`, which come ten seconds apart.
fn answers(query: &Query, pages: &[&str]) -> Vec<Option<f64>> {
    let (mut meter, mut ledger) = (Meter::new(query.clone(), WINDOW), Ledger::default());
    let wanted = query.names();
    let begun: Instant = Clock::system().instant();
    let answer = |(nth, page): (u32, &&str)| {
        let samples = ledger.read(page, |name| wanted.iter().any(|wanted| wanted == name)).unwrap();
        meter.add(begun + Duration::from_secs(10) * nth, &samples);
        meter.value()
    };
    (0..).zip(pages).map(answer).collect()
}

fn of(name: &str) -> Selector {
    Selector::of(name)
}

#[test]
fn gauges_are_told_as_they_are() {
    let pages = ["a{x=\"1\"} 3\na{x=\"2\"} 5\nb 10", "a 4\nb 0", "c 1"];
    assert_eq!(answers(&Query::Largest(of("a")), &pages), [Some(5.0), Some(4.0), None]);
    assert_eq!(answers(&Query::Least(of("a")), &pages), [Some(3.0), Some(4.0), None]);
    assert_eq!(answers(&Query::Quotient(of("a"), of("b")), &pages), [Some(0.5), None, None]);
    let second = Query::Largest(of("a").with("x", &["2"]));
    assert_eq!(answers(&second, &pages)[0], Some(5.0));
    let first = Query::Largest(of("a").without("x", &["2", "3"]));
    assert_eq!(answers(&first, &pages)[0], Some(3.0));
}

#[test]
fn share_counts_what_happened_lately() {
    let share = Query::Share { of: of("a"), all: of("a").or("b"), least: 10 };
    let pages = ["a 100\nb 100", "a 101\nb 104", "a 104\nb 106"];
    // Five is too few to tell.
    assert_eq!(answers(&share, &pages), [None, None, Some(0.4)]);
    let never = Query::Share { of: of("c"), all: of("a"), least: 0 };
    assert_eq!(answers(&never, &pages), [None, Some(0.0), Some(0.0)]);
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let pages: Vec<String> = (0..60).map(|nth| format!("a {}", if nth < 5 { nth } else { 5 })).collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let told = answers(&Query::Increase(of("a")), &pages);
    assert_eq!(
        (told[0], told[5], told[30], told[34], told[35]),
        (None, Some(5.0), Some(5.0), Some(1.0), Some(0.0))
    );
}

#[test]
fn rate_is_per_minute_and_not_told_from_a_moment() {
    let told =
        answers(&Query::PerMinute(of("a")), &["a 0", "a 2", "a 2", "a 2", "a 2", "a 2", "a 2", "a 2", "a 2"]);
    assert_eq!((told[0], told[1], told[6]), (None, Some(2.0), Some(2.0)));
    assert_eq!(told[8], Some(1.5));
}

#[test]
fn quantile_lies_within_its_bucket() {
    let page = |small: u32, large: u32, all: u32| {
        format!(
            "h_bucket{{le=\"0.01\"}} {small}\nh_bucket{{le=\"0.1\"}} {large}\nh_bucket{{le=\"+Inf\"}} {all}\nh_count {all}"
        )
    };
    let ask = |share, after: String| answers(&Query::Quantile(share, of("h")), &[&page(0, 0, 0), &after])[1];
    assert_eq!(ask(0.5, page(100, 100, 100)), Some(0.005));
    assert!((ask(0.99, page(90, 100, 100)).unwrap() - 0.091).abs() < 1e-9);
    assert_eq!(ask(0.99, page(0, 0, 100)), Some(0.1));
    assert_eq!(ask(0.99, page(0, 0, 0)), None);
}

#[test]
fn seconds_at_zero_add_up() {
    let told = answers(&Query::SecondsAtZero(of("up")), &["up 1", "up 0", "up 0", "up 1"]);
    assert_eq!(told, [Some(0.0), Some(10.0), Some(20.0), Some(20.0)]);
}

#[test]
fn promql_says_the_same() {
    let alert = Promql { window: "5m", by: "job, instance", only: "" };
    let panel = Promql { window: "$__rate_interval", by: "", only: "job=~\"$job\"" };
    for (query, for_alert, for_panel) in [
        (Query::Largest(of("a")), "max by (job, instance) (a)", "max(a{job=~\"$job\"})"),
        (
            Query::Share { of: of("a").with("x", &["1", "2.0"]), all: of("a"), least: 10 },
            concat!(
                r#"(sum by (job, instance) (rate(a{x=~"1|2\\.0"}[5m])) or sum by (job, instance) (rate(a[5m])) * 0)"#,
                " / sum by (job, instance) (rate(a[5m])) and sum by (job, instance) (increase(a[5m])) >= 10",
            ),
            concat!(
                r#"(sum(rate(a{job=~"$job",x=~"1|2\\.0"}[$__rate_interval])) or "#,
                r#"sum(rate(a{job=~"$job"}[$__rate_interval])) * 0) / sum(rate(a{job=~"$job"}[$__rate_interval]))"#,
                r#" and sum(increase(a{job=~"$job"}[$__rate_interval])) >= 10"#,
            ),
        ),
        (
            Query::Quantile(0.99, of("h")),
            "histogram_quantile(0.99, sum by (job, instance, le) (rate(h_bucket[5m])))",
            "histogram_quantile(0.99, sum by (le) (rate(h_bucket{job=~\"$job\"}[$__rate_interval])))",
        ),
    ] {
        assert_eq!((alert.write(&query).as_str(), panel.write(&query).as_str()), (for_alert, for_panel));
    }
}
