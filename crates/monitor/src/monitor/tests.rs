use redstart_connection::{Clock, Timestamp};

use super::*;
use crate::Grade;

#[tokio::test]
async fn the_embedded_store_is_healthy() {
    let clock = Clock::manual(Timestamp::from_micros(1_795_181_319_873_000));
    let health = Monitor::new(Store::memory_with(clock)).health().await;
    assert_eq!((health.status, health.grade, health.reachable), (HealthStatus::Healthy, Grade::A, true));
    assert_eq!(health.checked_at.to_string(), "2026-11-20T13:28:39.873Z");
    assert_eq!((health.mode, health.latency), ("memory", Some(Duration::ZERO)));
}

#[tokio::test]
async fn a_look_is_kept_for_a_second() {
    let clock = Clock::manual(Timestamp::from_micros(0));
    let monitor = Monitor::new(Store::memory_with(clock.clone()));
    let first = monitor.look().await;
    clock.advance(Duration::from_millis(999));
    assert!(Arc::ptr_eq(&first, &monitor.look().await));
    clock.advance(Duration::from_millis(1));
    assert!(!Arc::ptr_eq(&first, &monitor.look().await));
}

#[tokio::test]
async fn a_cancelled_look_does_not_block_the_next() {
    let monitor = Monitor::new(Store::memory());
    drop(Box::pin(monitor.health()));
    assert_eq!(monitor.health().await.score, 100);
}
