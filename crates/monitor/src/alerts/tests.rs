use std::collections::BTreeSet;

use redstart_connection::{Clock, Store, Timestamp};

use super::*;
use crate::{METRICS, Query, Selector, Severity, Unit};

#[test]
fn every_alert_is_bounded_and_asks_for_metrics_that_there_are() {
    let table = AlertTable::default();
    let names: BTreeSet<_> = table.iter().map(|alert| alert.name.as_str()).collect();
    assert_eq!(names.len(), table.iter().count());
    for alert in &table {
        assert!(!alert.bounds.is_empty() && !alert.remedy.is_empty(), "{}", alert.name);
        for name in alert.query.names() {
            let plain = name.trim_end_matches("_bucket").trim_end_matches("_count");
            assert!(METRICS.iter().any(|metric| metric.name == plain), "{}: {name}", alert.name);
        }
        for Bound { threshold, clears_at, .. } in &alert.bounds {
            let is_ordered = if alert.is_floor { clears_at >= threshold } else { clears_at <= threshold };
            assert!(is_ordered, "{} clears on the wrong side", alert.name);
        }
        let severities: Vec<_> = alert.bounds.iter().map(|bound| bound.severity).collect();
        assert!(severities.is_sorted(), "{}: the mildest comes first", alert.name);
    }
}

/// The figures that the specification names.
#[test]
fn the_defaults_are_those_of_the_specification() {
    let table = AlertTable::default();
    let bound = |name: &str, severity| {
        let bound = table.get(name).unwrap().bounds.iter().find(|bound| bound.severity == severity).unwrap();
        (bound.threshold, bound.hold.as_secs())
    };
    use Severity::{Critical, Warning};
    assert_eq!((bound("memory", Warning).0, bound("memory", Critical).0), (0.80, 0.85));
    assert_eq!((bound("hit-rate", Warning).0, bound("hit-rate", Critical).0), (0.90, 0.70));
    assert_eq!((bound("latency-p99", Warning).0, bound("latency-p99", Critical).0), (0.010, 0.100));
    assert_eq!(bound("latency-p95", Warning), (0.010, 600));
    assert_eq!(bound("errors", Warning).0, 0.01);
    assert_eq!(bound("connection-errors", Warning).0, 5.0);
    assert_eq!(bound("pool", Warning), (0.85, 300));
    assert_eq!(bound("limiter-errors", Critical), (0.0, 300));
    assert_eq!(bound("limiter-fallback", Warning), (0.0, 60));
    assert_eq!(bound("failover", Critical).1, 30);
    assert!(table.get("breaker").is_some() && table.get("rejections").is_some());
}

#[test]
fn table_can_be_changed() {
    let own = Alert::new("own", "it is own", Unit::Count, Query::Largest(Selector::of("own")));
    let table = AlertTable::default()
        .without("pool")
        .with(own.clone().warning(1.0, 1.0, Duration::ZERO))
        .with(own.warning(2.0, 2.0, Duration::ZERO))
        .bounded("memory", Severity::Critical, |bound| bound.threshold = 0.95)
        .bounded("nothing", Severity::Critical, |bound| bound.threshold = 0.95);
    assert!(table.get("pool").is_none());
    assert_eq!(table.get("own").unwrap().bounds[0].threshold, 2.0);
    assert_eq!(table.get("memory").unwrap().bounds[1].threshold, 0.95);
}

#[tokio::test]
async fn store_that_is_away_is_told_to_listeners_and_listed() {
    // Nothing listens on the discard port.
    let config = redstart_connection::Config::from_url("redis://127.0.0.1:9/0").unwrap();
    let clock = Clock::manual(Timestamp::from_micros(0));
    let store = Store::lazy_with(&config, clock.clone()).unwrap();
    let alerts = AlertSettings::new(&Monitor::new(store.clone())).with_source("shop").start();
    let mut notices = alerts.subscribe();
    for _ in 0..4 {
        alerts.judge().await;
        clock.advance(Duration::from_secs(10));
    }
    let mut told = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        told.push((notice.alert, notice.status, notice.source));
    }
    let firing = |alert: &str| (alert.to_owned(), NoticeStatus::Firing, "shop".to_owned());
    assert_eq!(told, [firing("failover"), firing("breaker")]);
    let list = alerts.list();
    let firing = list.alerts.iter().filter(|alert| alert.phase == AlertPhase::Firing);
    assert_eq!(firing.count(), 2, "{list:?}");
    alerts.silence("failover", Duration::MAX, "known").unwrap();
    let unknown = alerts.silence("fail", Duration::MAX, "known").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no alert \"fail\"");
    assert!(alerts.end_silence("failover"));
    assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
    assert_eq!(store.tasks().running(), 0, "the task ends with the store");
}
