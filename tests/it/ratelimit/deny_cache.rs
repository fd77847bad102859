//! What deny caches of other limiters get wrong, each as a test.
//!
//! That they grow under a flood of strangers is in `flood`.

use std::time::Duration;

use redstart_ratelimit::{Limiter, Policy, Source};

use super::defects::{ALL, on_server};

/// Uses a limit up and has the refusal remembered.
async fn use_up(limiter: &Limiter, policy: &Policy) {
    while limiter.check(policy, 1).await.is_allowed() {}
}

#[test]
fn repeated_refusal_says_what_the_server_would_say() {
    on_server(async |world, asking| {
        let caching = Limiter::new(world.redis.clone());
        for policy in ALL {
            use_up(&caching, &policy).await;
            for millis in [0, 1, 499, 400] {
                world.advance(Duration::from_millis(millis));
                let repeated = caching.check(&policy, 1).await;
                assert_eq!(repeated.source(), Source::DenyCache, "{} after {millis} ms", policy.name());
                assert_eq!(repeated.limits(), asking.check(&policy, 1).await.limits(), "{}", policy.name());
            }
            // A second has gone by, and it asks again.
            world.advance(Duration::from_millis(100));
            assert_eq!(caching.check(&policy, 1).await.source(), Source::Redis, "{}", policy.name());
        }
    });
}

#[test]
fn refusal_ends_when_it_said_it_would() {
    on_server(async |world, _| {
        let limiter = Limiter::new(world.redis.clone());
        let window = Policy::per("short", 2, Duration::from_millis(600));
        for policy in [window, window.burst(2), window.fixed_window(), window.bucket(2)] {
            limiter.reset(&policy, 1).await.unwrap();
            use_up(&limiter, &policy).await;
            let wait = limiter.check(&policy, 1).await.retry_after().unwrap();
            world.advance(wait - Duration::from_micros(1));
            assert_eq!(limiter.check(&policy, 1).await.source(), Source::DenyCache);
            world.advance(Duration::from_micros(1));
            assert!(limiter.check(&policy, 1).await.is_allowed());
        }
    });
}

#[test]
fn refund_is_seen_at_once() {
    on_server(async |world, _| {
        let limiter = Limiter::new(world.redis.clone());
        for policy in ALL {
            let all = limiter.peek(&policy, 1).await.remaining();
            let charged = limiter.check_cost(&policy, 1, all).await;
            use_up(&limiter, &policy).await;
            assert_eq!(limiter.check(&policy, 1).await.source(), Source::DenyCache);
            limiter.refund(&policy, 1, &charged).await.unwrap();
            assert!(limiter.check(&policy, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn dear_call_does_not_shut_out_a_cheap_one() {
    on_server(async |world, _| {
        let limiter = Limiter::new(world.redis.clone());
        for policy in ALL {
            let all = limiter.peek(&policy, 1).await.remaining();
            assert!(limiter.check_cost(&policy, 1, all - 2).await.is_allowed());
            for source in [Source::Redis, Source::DenyCache] {
                assert_eq!(limiter.check_cost(&policy, 1, 3).await.source(), source);
            }
            assert!(limiter.check_cost(&policy, 1, 2).await.is_allowed(), "{}", policy.name());
        }
    });
}
