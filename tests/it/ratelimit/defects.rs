//! What other limiters get wrong, each as a test.
//!
//! Elsewhere: charges of limits beside one that refused (`refusal_by_one_limit_charges_none`), deny caches
//! (`deny_cache`), errors that let everybody pass (`errors`), two rules with one counter (`PolicyTable`), keys
//! of two slots (`slots`), forgotten scripts and servers that never answer (`fault/limits.rs`), believed
//! headers and IPv6 addresses one by one (`crates/http`).

use std::{num::NonZeroU32, time::Duration};

use redstart_keys::Ttl;
use redstart_ratelimit::{
    Limiter, Policy, Source, Subject,
    operations::{Charge, Peek, Take},
};
use redstart_testkit::shared;

use crate::conformance::World;

pub(super) const ALL: [Policy; 5] = [
    Policy::per("log", 10, Duration::from_secs(60)),
    Policy::per("counter", 200, Duration::from_secs(64)),
    Policy::per("burst", 10, Duration::from_secs(60)).burst(10),
    Policy::per("fixed", 10, Duration::from_secs(60)).fixed_window(),
    Policy::per("bucket", 10, Duration::from_secs(60)).bucket(10),
];

/// A limiter on a real server whose time the test moves.
pub(super) fn on_server(test: impl AsyncFnOnce(&World, &Limiter)) {
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

#[test]
fn hits_do_not_move_the_end_of_a_fixed_window() {
    on_server(async |world, limiter| {
        let fixed = Policy::per("fixed", 3, Duration::from_secs(60)).fixed_window();
        assert!(limiter.check(&fixed, 1).await.is_allowed());
        for left in [40, 20] {
            world.advance(Duration::from_secs(20));
            let hit = limiter.check(&fixed, 1).await;
            assert_eq!((hit.is_allowed(), hit.reset_after()), (true, Duration::from_secs(left)));
        }
        world.advance(Duration::from_secs(20));
        assert_eq!(limiter.check(&fixed, 1).await.remaining(), 2);
    });
}

#[test]
fn burst_of_one_lets_calls_through_at_even_distances() {
    on_server(async |world, limiter| {
        let steady = Policy::per("steady", 10, Duration::from_secs(1)).burst(1);
        for _ in 0..30 {
            assert!(limiter.check(&steady, 1).await.is_allowed());
            world.advance(Duration::from_millis(99));
            assert!(!limiter.check(&steady, 1).await.is_allowed());
            world.advance(Duration::from_millis(1));
        }
    });
}

#[test]
fn reset_of_one_subject_leaves_all_others_and_what_is_no_limit() {
    on_server(async |world, limiter| {
        let prefix = world.redis.prefix().as_str().to_owned();
        let own = format!("{prefix}:of-the-service");
        shared().raw().command(&["SET", &own, "kept", "EX", "100"]);
        for policy in ALL {
            for subject in ["1", "10", "*"] {
                assert!(limiter.check(&policy, subject).await.is_allowed());
            }
            let before = shared().raw().keys(&prefix).len();
            limiter.reset(&policy, "*").await.unwrap();
            assert_eq!(shared().raw().keys(&prefix).len(), before - 1, "{}", policy.name());
        }
        assert_eq!(shared().raw().command(&["GET", &own]).text(), "kept");
    });
}

#[test]
fn more_limits_at_once_than_the_stack_of_lua_holds() {
    on_server(async |_, limiter| {
        let (all, subjects) = (ALL, (0..9_000_u64).map(Subject::from));
        let limits: Vec<_> = all.iter().cycle().zip(subjects).collect();
        let decision = limiter.check_all(&limits).await;
        assert_eq!((decision.is_allowed(), decision.source()), (true, Source::Redis));
        assert!(decision.limits().iter().all(|limit| limit.charged == 1));
        assert_eq!(decision.limits().len(), limits.len());
    });
}

#[test]
fn century_is_counted_to_the_microsecond() {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let window = Policy::per("ages", 3, century);
    let many = Policy::per("many", 1_000, century);
    for policy in [window, many, window.burst(2), window.fixed_window(), window.bucket(3)] {
        // Each from the present on: a Lua number tells microseconds until the year 2255.
        let world = World::new();
        let charge = Charge::new(&policy, &Subject::from(1), NonZeroU32::MIN).unwrap();
        for years in [0, 1, 29] {
            world.advance(Duration::from_micros(1));
            world.advance(Duration::from_secs(years * 365 * 24 * 60 * 60));
            // Server and memory must agree.
            let taken = world.agreed(&Take::new(charge.clone(), Ttl::hours(1)));
            let seen = world.agreed(&Peek::new(charge.clone()));
            assert_eq!((taken.remaining, taken.reset_after), (seen.remaining, seen.reset_after));
            assert!(taken.reset_after <= 3 * century / 2, "{:?}", taken.reset_after);
        }
    }
}
