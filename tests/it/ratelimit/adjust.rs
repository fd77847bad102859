//! Refunds, penalties, blocks, resets and waits, through the limiter and on a server.

use std::time::Duration;

use redstart_connection::Store;
use redstart_ratelimit::{Leases, Limiter, Policy, Source, Subject, Verdict};
use redstart_testkit::shared;

use crate::support::{config, store};

const ALL: [Policy; 5] = [
    Policy::per_hour("log", 10),
    Policy::per_hour("counter", 200),
    Policy::per_hour("burst", 3_600_000).burst(10),
    Policy::per_hour("fixed", 10).fixed_window(),
    Policy::per_hour("bucket", 10).bucket(10),
];

#[tokio::test]
async fn refund_gives_back_what_was_charged_and_nothing_of_a_refusal() {
    let limiter = Limiter::new(store());
    for policy in [ALL[0], ALL[1], ALL[3], ALL[4]] {
        let before = limiter.peek(&policy, 1).await.remaining();
        let charged = limiter.check_cost(&policy, 1, 4).await;
        assert_eq!(charged.charged(), 4);
        limiter.refund(&policy, 1, &charged).await.unwrap();
        assert_eq!(limiter.peek(&policy, 1).await.remaining(), before, "{}", policy.name());

        limiter.check_cost(&policy, 1, before).await.or_err().unwrap();
        let refused = limiter.check(&policy, 1).await;
        limiter.refund(&policy, 1, &refused).await.unwrap();
        assert_eq!(limiter.peek(&policy, 1).await.remaining(), 0, "{}", policy.name());
    }
}

#[tokio::test]
async fn refund_of_several_limits_reaches_each() {
    let limiter = Limiter::new(store());
    let limits = [(&ALL[0], Subject::from(1)), (&ALL[3], Subject::from(2))];
    let decision = limiter.check_all(&limits).await;
    limiter.refund_all(&limits, &decision).await.unwrap();
    assert_eq!(limiter.peek(&ALL[0], 1).await.remaining(), 10);
    assert_eq!(limiter.peek(&ALL[3], 2).await.remaining(), 10);
}

#[tokio::test]
async fn as_much_is_taken_as_there_is_and_a_penalty_takes_no_more() {
    let limiter = Limiter::new(store());
    for policy in [ALL[0], ALL[3], ALL[4]] {
        assert_eq!(limiter.check_up_to(&policy, 1, 7).await.charged(), 7);
        let rest = limiter.check_up_to(&policy, 1, 7).await;
        assert_eq!((rest.is_allowed(), rest.charged(), rest.remaining()), (true, 3, 0));
        let none = limiter.check_up_to(&policy, 1, 7).await;
        assert_eq!((none.verdict(), none.charged()), (Verdict::Refused, 0));
        assert!(none.retry_after().is_some());

        limiter.reset(&policy, 1).await.unwrap();
        assert_eq!(limiter.penalize(&policy, 1, 4).await.unwrap().remaining(), 6);
        assert_eq!(limiter.penalize(&policy, 1, u32::MAX).await.unwrap().remaining(), 0);
    }
}

#[tokio::test]
async fn block_refuses_whatever_is_left_until_it_is_reset() {
    let limiter = Limiter::new(store());
    for policy in ALL {
        assert!(limiter.check(&policy, 1).await.is_allowed());
        limiter.block(&policy, 1, Duration::from_secs(600)).await.unwrap();
        // A shorter one changes nothing.
        limiter.block(&policy, 1, Duration::from_secs(1)).await.unwrap();
        let refused = limiter.check(&policy, 1).await;
        assert_eq!((refused.is_allowed(), refused.remaining()), (false, 0), "{}", policy.name());
        let wait = refused.retry_after().unwrap();
        assert!(Duration::from_secs(500) < wait && wait <= Duration::from_secs(600), "{wait:?}");
        assert!(limiter.check(&policy, 2).await.is_allowed());
        let both = [(&policy, Subject::from(1)), (&policy, Subject::from(3))];
        assert!(!limiter.check_all(&both).await.is_allowed());
        limiter.reset(&policy, 1).await.unwrap();
        assert!(limiter.check(&policy, 1).await.is_allowed());
    }
}

#[tokio::test]
async fn blocked_limiter_counts_on_when_the_block_ends() {
    let limiter = Limiter::new(store()).without_deny_cache();
    for policy in ALL {
        let spent = limiter.check_cost(&policy, 1, 9).await;
        assert!(spent.is_allowed());
        limiter.block(&policy, 1, Duration::from_millis(1)).await.unwrap();
        let decision = limiter.wait(&policy, 1, Duration::from_secs(10)).await.unwrap();
        if policy.stated_burst().is_none() {
            assert_eq!(decision.remaining() + 1, spent.remaining(), "{}", policy.name());
        }
    }
}

#[tokio::test]
async fn wait_ends_when_a_place_comes_free_and_does_not_begin_in_vain() {
    let limiter = Limiter::new(store());
    let quick = Policy::per("quick", 1, Duration::from_millis(200));
    for _ in 0..3 {
        assert!(limiter.wait(&quick, 1, Duration::from_secs(10)).await.unwrap().is_allowed());
    }
    let slow = Policy::per_hour("slow", 1);
    assert!(limiter.check(&slow, 1).await.is_allowed());
    // It would have to wait for an hour, and says so at once.
    let refused = limiter.wait(&slow, 1, Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(refused.decision().refused_by(), Some("slow"));
}

#[tokio::test]
async fn refusals_are_repeated_without_asking_until_a_reset_or_a_higher_limit() {
    let limiter = Limiter::new(store());
    let policy = Policy::per_hour("narrow", 5);
    limiter.check_cost(&policy, 1, 3).await.or_err().unwrap();
    assert_eq!(limiter.check_cost(&policy, 1, 3).await.source(), Source::Redis);
    assert_eq!(limiter.check_cost(&policy, 1, 3).await.source(), Source::DenyCache);
    assert_eq!(limiter.check_cost(&policy, 1, 4).await.source(), Source::DenyCache);
    // Less may well be left, and another limit is another matter.
    assert!(limiter.check_cost(&policy, 1, 2).await.is_allowed());
    assert!(limiter.check_cost(&policy.with_limit(50), 1, 3).await.is_allowed());
    limiter.reset(&policy, 1).await.unwrap();
    let fresh = limiter.check_cost(&policy, 1, 3).await;
    assert_eq!((fresh.is_allowed(), fresh.source()), (true, Source::Redis));
}

#[tokio::test]
async fn limit_on_trial_refuses_nobody_and_says_what_it_would() {
    let limiter = Limiter::new(store());
    let trial = Policy::per_hour("trial", 1).on_trial();
    let limits = [(&trial, Subject::from(1)), (&ALL[0], Subject::from(1))];
    let mut would = Vec::new();
    for _ in 0..3 {
        let decision = limiter.check_all(&limits).await;
        assert!(decision.is_allowed());
        would.push(decision.would_be_refused_by());
    }
    assert_eq!(would, [None, Some("trial"), Some("trial")]);
    let alone = limiter.check(&trial, 1).await;
    assert_eq!((alone.is_allowed(), alone.would_be_refused_by()), (true, Some("trial")));
    assert_eq!(limiter.violations().of(&trial, 1)[0].refused, 3);
}

#[tokio::test]
async fn leases_of_two_processes_together_admit_exactly_the_limit() {
    let config = config();
    let policy = Policy::per_hour("lent", 400).lent_for(Duration::from_secs(60));
    let fleet = [0, 1].map(|_| {
        let store = Store::lazy(&config).unwrap();
        (store.clone(), Leases::new(&Limiter::new(store)))
    });
    let (mut admitted, mut asked) = (0, 0);
    for turn in 0..1_000 {
        let decision = fleet[turn % 2].1.check(&policy, "ada").await;
        admitted += usize::from(decision.is_allowed());
        asked += usize::from(decision.source() == Source::Redis);
    }
    assert_eq!(admitted, 400);
    assert!(asked < 100, "{asked} round trips");
    for (store, _) in &fleet {
        assert!(store.shutdown(Duration::from_secs(5)).await.is_clean());
    }
    assert!(shared().raw().keys_without_ttl(fleet[0].0.prefix().as_str()).is_empty());
}
