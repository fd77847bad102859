//! What other limiters get wrong, each as a test.
//!
//! Elsewhere: charges of limits beside one that refused (`refusal_by_one_limit_charges_none`), deny caches
//! that know no cost (`refusals_are_repeated_…`), two rules with one counter (`PolicyTable`), keys of two
//! slots (`slots`), forgotten scripts and servers that never answer (`fault/limits.rs`), believed headers
//! and IPv6 addresses one by one (`crates/http`).

use std::time::Duration;

use redstart_ratelimit::{Limiter, Policy};

use crate::conformance::World;

const ALL: [Policy; 5] = [
    Policy::per("log", 10, Duration::from_secs(60)),
    Policy::per("counter", 200, Duration::from_secs(64)),
    Policy::per("burst", 10, Duration::from_secs(60)).burst(10),
    Policy::per("fixed", 10, Duration::from_secs(60)).fixed_window(),
    Policy::per("bucket", 10, Duration::from_secs(60)).bucket(10),
];

/// A limiter on a real server whose time the test moves.
fn on_server(test: impl AsyncFnOnce(&World, &Limiter)) {
    let world = World::new();
    let limiter = Limiter::new(world.redis.clone()).without_deny_cache();
    world.block_on(test(&world, &limiter));
}

#[test]
fn refused_cost_is_not_charged() {
    on_server(async |_, limiter| {
        for policy in ALL {
            let all = limiter.peek(&policy, 1).await.remaining();
            assert!(limiter.check_cost(&policy, 1, all - 1).await.is_allowed());
            for _ in 0..5 {
                assert!(!limiter.check_cost(&policy, 1, 5).await.is_allowed());
            }
            assert!(limiter.check(&policy, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn who_goes_on_asking_is_not_locked_out_for_longer() {
    on_server(async |world, limiter| {
        for policy in ALL {
            while limiter.check(&policy, 1).await.is_allowed() {}
            let wait = limiter.peek(&policy, 1).await.retry_after().unwrap();
            for _ in 0..50 {
                assert!(!limiter.check(&policy, 1).await.is_allowed());
            }
            world.advance(wait);
            assert!(limiter.check(&policy, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn period_below_a_second_ends() {
    on_server(async |world, limiter| {
        let millis = Duration::from_millis(250);
        let window = Policy::per("short", 1, millis);
        for policy in [window, window.burst(1), window.fixed_window(), window.bucket(1)] {
            limiter.reset(&policy, 1).await.unwrap();
            assert!(limiter.check(&policy, 1).await.is_allowed());
            let wait = limiter.check(&policy, 1).await.retry_after();
            assert_eq!(wait, Some(millis));
            world.advance(millis);
            assert!(limiter.check(&policy, 1).await.is_allowed());
        }
    });
}

#[test]
fn limit_of_one_admits_one() {
    on_server(async |_, limiter| {
        for policy in ALL {
            let one = match policy.stated_burst() {
                Some(_) => policy.burst(1),
                None if policy.name() == "bucket" => policy.bucket(1),
                None => policy.with_limit(1),
            };
            assert!(limiter.check(&one, 1).await.is_allowed(), "{}", policy.name());
            assert!(!limiter.check(&one, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn hits_of_one_microsecond_are_all_counted() {
    on_server(async |_, limiter| {
        for policy in ALL {
            let all = limiter.peek(&policy, 1).await.remaining();
            let mut admitted = 0;
            for _ in 0..=all {
                admitted += u32::from(limiter.check(&policy, 1).await.is_allowed());
            }
            assert_eq!(admitted, all, "{}", policy.name());
        }
    });
}

#[test]
fn failover_to_a_clock_that_is_behind_locks_nobody_out() {
    on_server(async |world, limiter| {
        for policy in ALL {
            while limiter.check(&policy, 1).await.is_allowed() {}
            world.step_back(Duration::from_secs(3_600));
            let wait = limiter.check(&policy, 1).await.retry_after().unwrap();
            assert!(wait <= Duration::from_secs(65), "{}: {wait:?}", policy.name());
            world.advance(wait);
            assert!(limiter.check(&policy, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn whole_ones_are_taken_where_less_than_asked_is_left() {
    on_server(async |world, limiter| {
        let slow = Policy::per("slow", 10, Duration::from_secs(100)).burst(10);
        assert!(limiter.check_cost(&slow, 1, 7).await.is_allowed());
        // 3.7 are there.
        world.advance(Duration::from_secs(7));
        let some = limiter.check_up_to(&slow, 1, 5).await;
        assert_eq!((some.charged(), some.remaining()), (3, 0));
        // The 0.7 are still there: it takes 3 s and not 10 until there is one more.
        world.advance(Duration::from_secs(3));
        assert!(limiter.check(&slow, 1).await.is_allowed());
    });
}

#[test]
fn refund_of_an_old_charge_gives_nothing_away() {
    on_server(async |world, limiter| {
        for policy in ALL {
            let old = limiter.check_cost(&policy, 1, 5).await;
            world.advance(Duration::from_secs(600));
            while limiter.check(&policy, 1).await.is_allowed() {}
            limiter.refund(&policy, 1, &old).await.unwrap();
            assert!(!limiter.check(&policy, 1).await.is_allowed(), "{}", policy.name());
        }
    });
}

#[test]
fn every_key_has_a_ttl_after_every_step_and_a_reset_leaves_none() {
    // `World` looks for keys without a TTL when it ends.
    on_server(async |_, limiter| {
        for policy in ALL {
            let charged = limiter.check_cost(&policy, 1, 2).await;
            limiter.refund(&policy, 1, &charged).await.unwrap();
            limiter.block(&policy, 2, Duration::from_secs(60)).await.unwrap();
            limiter.penalize(&policy, 3, 100).await.unwrap();
            drop(limiter.peek(&policy, 4).await);
        }
    });
}
