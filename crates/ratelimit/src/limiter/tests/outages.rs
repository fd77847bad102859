//! What is answered while the store is away.

use std::time::Duration;

use redstart_connection::{Clock, ErrorKind, Store, Timestamp};

use super::{Bench, EXACT, STEADY, WIDE};
use crate::{OnOutage, Source, Subject, Verdict, limiter::Limiter};

async fn broken() -> (Clock, Limiter) {
    let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
    let store = Store::memory_with(clock.clone());
    assert!(store.shutdown(Duration::ZERO).await.is_clean());
    (clock, Limiter::new(store))
}

#[tokio::test]
async fn outage_is_answered_by_the_share_of_this_process() {
    let (clock, limiter) = broken().await;
    let half = EXACT.on_outage(OnOutage::Local { share: 0.5 });
    for remaining in [1, 0] {
        let decision = limiter.check(&half, 1).await;
        assert_eq!((decision.remaining(), decision.source()), (remaining, Source::Standby));
    }
    assert!(!limiter.check(&half, 1).await.is_allowed());
    clock.advance(Duration::from_secs(10));
    assert!(limiter.check(&half, 1).await.is_allowed());
    assert!(limiter.peek(&half, 2).await.is_allowed());
    limiter.try_check(&half, 1).await.expect_err("the store is closed");
}

#[tokio::test]
async fn share_leaves_at_least_one() {
    let (_, limiter) = broken().await;
    for share in [0.0, 0.001, f64::NAN, -1.0] {
        let policy = EXACT.on_outage(OnOutage::Local { share });
        limiter.reset(&policy, 1).await.expect_err("the store is closed");
        assert!(limiter.check(&policy, 1).await.is_allowed());
        assert!(!limiter.check(&policy, 1).await.is_allowed());
    }
}

#[tokio::test]
async fn cost_above_the_share_is_refused_for_now() {
    let (_, limiter) = broken().await;
    let half = EXACT.on_outage(OnOutage::Local { share: 0.5 });
    let decision = limiter.check_cost(&half, 1, 4).await;
    assert_eq!((decision.verdict(), decision.source()), (Verdict::Refused, Source::Standby));
}

#[tokio::test]
async fn open_and_closed_rules_answer_without_counting() {
    let (_, limiter) = broken().await;
    let (open, closed) = (STEADY.on_outage(OnOutage::Allow), EXACT.on_outage(OnOutage::Deny));
    for _ in 0..20 {
        let allowed = limiter.check(&open, 1).await;
        assert_eq!((allowed.is_allowed(), allowed.source()), (true, Source::Unavailable));
        let refused = limiter.check(&closed, 1).await;
        assert_eq!((refused.is_allowed(), refused.source()), (false, Source::Unavailable));
    }
    let limits = [(&WIDE, Subject::from(1)), (&open, Subject::from(1)), (&closed, Subject::from(1))];
    assert_eq!(limiter.check_all(&limits).await.refused_by(), Some("exact"));
    let limits = [(&open, Subject::from(1)), (&WIDE, Subject::from(1))];
    let decision = limiter.check_all(&limits).await;
    assert_eq!((decision.is_allowed(), decision.source()), (true, Source::Standby));
    assert_eq!(decision.limits().iter().map(|limit| limit.remaining).collect::<Vec<_>>(), [2, 999]);
}

#[tokio::test]
async fn each_outage_rule_holds_after_the_store_is_shut_down() {
    let bench = Bench::new();
    let store = bench.limiter.store().clone();
    assert!(bench.limiter.check(&EXACT, "ada").await.is_allowed());
    assert!(store.shutdown(Duration::from_secs(1)).await.is_clean());
    // This process counts anew, by itself.
    assert_eq!(bench.admitted(&EXACT, 10).await, 5);
    assert_eq!(bench.limiter.check(&EXACT, "ada").await.source(), Source::Standby);
    for (rule, is_allowed) in [(OnOutage::Allow, true), (OnOutage::Deny, false)] {
        let decision = bench.limiter.check(&EXACT.on_outage(rule), "ada").await;
        assert_eq!((decision.is_allowed(), decision.source()), (is_allowed, Source::Unavailable));
    }
    let failed = bench.limiter.try_check(&EXACT, "ada").await.expect_err("nobody is asked");
    assert_eq!(failed.kind(), ErrorKind::Shutdown);
}
