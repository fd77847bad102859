mod outages;

use std::{net::IpAddr, time::Duration};

use proptest::prelude::*;
use redstart_connection::{Clock, Store, Timestamp};

use super::Limiter;
use crate::{Decision, Policy, Source, Subject, Verdict};

const EXACT: Policy = Policy::per("exact", 5, Duration::from_secs(10));
const WIDE: Policy = Policy::per("wide", 1_000, Duration::from_secs(64));
const STEADY: Policy = Policy::per("steady", 10, Duration::from_secs(10)).burst(3);

struct Bench {
    clock: Clock,
    limiter: Limiter,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let limiter = Limiter::new(Store::memory_with(clock.clone()));
        Self { clock, limiter }
    }

    /// Asks so often at once; answers how many were admitted.
    async fn admitted(&self, policy: &Policy, calls: u32) -> u32 {
        let mut admitted = 0;
        for _ in 0..calls {
            admitted += u32::from(self.limiter.check(policy, "ada").await.is_allowed());
        }
        admitted
    }

    fn advance(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts").block_on(work)
}

fn summary(decision: &Decision) -> (bool, u32, u32, Duration, Option<Duration>) {
    (
        decision.is_allowed(),
        decision.limit(),
        decision.remaining(),
        decision.reset_after(),
        decision.retry_after(),
    )
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test]
async fn window_tells_what_is_left_and_when_to_come_back() {
    let bench = Bench::new();
    let first = bench.limiter.check(&EXACT, "ada").await;
    assert_eq!(summary(&first), (true, 5, 4, millis(10_000), None));
    assert_eq!(first.source(), Source::Memory);
    bench.advance(4_000);
    assert_eq!(bench.admitted(&EXACT, 4).await, 4);
    let refused = bench.limiter.check(&EXACT, "ada").await;
    assert_eq!(summary(&refused), (false, 5, 0, millis(10_000), Some(millis(6_000))));
    assert_eq!(refused.refused_by(), Some("exact"));
    bench.advance(5_999);
    assert!(!bench.limiter.check(&EXACT, "ada").await.is_allowed());
    bench.advance(1);
    assert_eq!(bench.admitted(&EXACT, 2).await, 1);
}

#[tokio::test]
async fn burst_is_taken_at_once_and_comes_back_steadily() {
    let bench = Bench::new();
    assert_eq!(bench.admitted(&STEADY, 5).await, 3);
    let refused = bench.limiter.check(&STEADY, "ada").await;
    assert_eq!(summary(&refused), (false, 3, 0, millis(3_000), Some(millis(1_000))));
    bench.advance(1_000);
    assert_eq!(bench.admitted(&STEADY, 2).await, 1);
    bench.advance(60_000);
    assert_eq!(bench.admitted(&STEADY, 5).await, 3);
}

#[tokio::test]
async fn subjects_and_policies_are_counted_apart() {
    let bench = Bench::new();
    assert_eq!(bench.admitted(&EXACT, 9).await, 5);
    assert!(bench.limiter.check(&EXACT, "bob").await.is_allowed());
    assert!(bench.limiter.check(&STEADY, "ada").await.is_allowed());
}

#[tokio::test]
async fn cost_is_charged_as_a_whole_or_not_at_all() {
    let bench = Bench::new();
    for policy in [EXACT, STEADY.burst(5)] {
        assert_eq!(bench.limiter.check_cost(&policy, 1, 3).await.remaining(), 2);
        let refused = bench.limiter.check_cost(&policy, 1, 3).await;
        assert_eq!((refused.verdict(), refused.remaining()), (Verdict::Refused, 2));
        assert_eq!(bench.limiter.check_cost(&policy, 1, 2).await.remaining(), 0);
    }
}

#[tokio::test]
async fn cost_above_the_limit_is_told_apart_and_charged_nowhere() {
    let bench = Bench::new();
    for (policy, cost) in [(EXACT, 6), (STEADY, 4), (EXACT.with_limit(0), 1), (STEADY.with_limit(0), 1)] {
        let decision = bench.limiter.check_cost(&policy, 1, cost).await;
        assert_eq!((decision.verdict(), decision.retry_after()), (Verdict::TooLarge, None));
        assert_eq!(decision.source(), Source::Policy);
        assert_eq!(decision.refused_by(), Some(policy.name()));
    }
    assert_eq!(bench.limiter.peek(&EXACT, 1).await.remaining(), 5);
}

#[tokio::test]
async fn cost_of_zero_and_peek_charge_nothing() {
    let bench = Bench::new();
    for policy in [EXACT, STEADY, WIDE] {
        let full = bench.limiter.peek(&policy, 1).await;
        assert_eq!(
            (full.is_allowed(), full.remaining(), full.reset_after()),
            (true, full.limit(), millis(0))
        );
        assert_eq!(bench.limiter.check_cost(&policy, 1, 0).await.remaining(), full.limit());
        bench.limiter.check_cost(&policy, 1, full.limit()).await.or_err().expect("it is all there");
        assert!(!bench.limiter.peek(&policy, 1).await.is_allowed());
    }
}

#[tokio::test]
async fn reset_forgets_what_was_counted() {
    let bench = Bench::new();
    assert_eq!(bench.admitted(&EXACT, 9).await, 5);
    bench.limiter.reset(&EXACT, "ada").await.expect("memory answers");
    assert_eq!(bench.admitted(&EXACT, 9).await, 5);
}

#[tokio::test]
async fn refusal_as_error_says_which_limit_and_for_how_long() {
    let bench = Bench::new();
    bench.limiter.check_cost(&EXACT, 1, 5).await.or_err().expect("it is all there");
    let refused = bench.limiter.check_or_err(&EXACT, 1).await.expect_err("it is used up");
    assert_eq!(refused.to_string(), "limit exact of 5: used up for another 10s");
    assert_eq!(refused.into_decision().remaining(), 0);
}

#[tokio::test]
async fn refusal_by_one_limit_charges_none() {
    let bench = Bench::new();
    let limits =
        [(&STEADY, Subject::from("ada")), (&EXACT, Subject::from("10.0.0.1")), (&WIDE, Subject::from(7))];
    for _ in 0..3 {
        assert!(bench.limiter.check_all(&limits).await.is_allowed());
    }
    for _ in 0..5 {
        let refused = bench.limiter.check_all(&limits).await;
        assert_eq!(refused.refused_by(), Some("steady"));
        assert_eq!(refused.retry_after(), Some(millis(1_000)));
        let left: Vec<u32> = refused.limits().iter().map(|limit| limit.remaining).collect();
        assert_eq!(left, [0, 2, 997]);
    }
    assert_eq!(bench.limiter.peek(&EXACT, "10.0.0.1").await.remaining(), 2);
    assert_eq!(bench.limiter.peek(&WIDE, 7).await.remaining(), 997);
}

#[tokio::test]
async fn of_several_refusals_the_longest_wait_governs() {
    let bench = Bench::new();
    let limits = [(&STEADY, Subject::from("ada")), (&EXACT, Subject::from("ada"))];
    assert_eq!(bench.admitted(&STEADY, 3).await, 3);
    assert_eq!(bench.admitted(&EXACT, 5).await, 5);
    let refused = bench.limiter.check_all(&limits).await;
    assert_eq!((refused.refused_by(), refused.retry_after()), (Some("exact"), Some(millis(10_000))));
}

#[tokio::test]
async fn limit_that_comes_twice_is_charged_twice() {
    let bench = Bench::new();
    let twice = [(&EXACT, Subject::from("ada")), (&EXACT, Subject::from("ada"))];
    assert_eq!(bench.limiter.check_all(&twice).await.remaining(), 3);
    assert_eq!(bench.limiter.check_all(&twice).await.remaining(), 1);
    let refused = bench.limiter.check_all(&twice).await;
    assert_eq!((refused.is_allowed(), refused.remaining()), (false, 1));

    // Another rule under the same name: still one count.
    let lower = EXACT.with_limit(2);
    let mixed = [(&EXACT, Subject::from("bob")), (&lower, Subject::from("bob"))];
    assert!(bench.limiter.check_all(&mixed).await.is_allowed());
    assert_eq!(bench.limiter.peek(&EXACT, "bob").await.remaining(), 3);
    assert_eq!(bench.limiter.check_all(&mixed).await.refused_by(), Some("exact"));
    assert_eq!(bench.limiter.peek(&EXACT, "bob").await.remaining(), 3);
}

#[tokio::test]
async fn limit_that_comes_twice_among_a_great_many_is_charged_twice() {
    let bench = Bench::new();
    let mut many: Vec<_> = (0..40).map(|nth| (&EXACT, Subject::from(nth))).collect();
    many.extend([(&EXACT, Subject::from(7)), (&STEADY, Subject::from(7))]);
    let decision = bench.limiter.check_all(&many).await;
    assert_eq!(decision.limits().len(), 42);
    let left = async |subject| bench.limiter.peek(&EXACT, subject).await.remaining();
    let whole = left(100).await;
    assert_eq!((left(6).await, left(7).await), (whole - 1, whole - 2));
}

#[tokio::test]
async fn too_many_of_one_limit_in_a_call_never_fit() {
    let bench = Bench::new();
    let lower = EXACT.with_limit(1);
    let twice = [(&STEADY, Subject::from(1)), (&lower, Subject::from(1)), (&lower, Subject::from(1))];
    let refused = bench.limiter.check_all(&twice).await;
    assert_eq!((refused.verdict(), refused.refused_by()), (Verdict::TooLarge, Some("exact")));
    assert_eq!(bench.limiter.peek(&STEADY, 1).await.remaining(), 3);
}

#[tokio::test]
async fn no_limits_allow() {
    let decision = Bench::new().limiter.check_all(&[]).await;
    assert_eq!((decision.is_allowed(), decision.remaining()), (true, u32::MAX));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousand_concurrent_checks_admit_exactly_the_limit() {
    for policy in [
        Policy::per_hour("hundred", 100),
        Policy::per_hour("wide", 400),
        Policy::per_hour("burst", 1).burst(50),
    ] {
        let limiter = Limiter::new(Store::memory());
        let mut checks = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let limiter = limiter.clone();
            checks.spawn(async move { limiter.check(&policy, "ada").await.is_allowed() });
        }
        let admitted = checks.join_all().await.into_iter().filter(|&allowed| allowed).count();
        let most = policy.stated_burst().unwrap_or_else(|| policy.limit());
        assert_eq!(admitted, usize::try_from(most).expect("it fits"), "{}", policy.name());
    }
}

#[tokio::test]
async fn addresses_of_one_network_share_a_limit() {
    let bench = Bench::new();
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let once = EXACT.with_limit(1);
    for (first, second, together) in [
        ("2001:db8::1", "2001:db8::2", true),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("10.0.0.2", "10.0.0.3", false),
    ] {
        assert!(bench.limiter.check(&once, address(first)).await.is_allowed());
        let second = bench.limiter.check(&once, address(second)).await;
        assert_eq!(!second.is_allowed(), together, "{first}");
        bench.advance(10_000);
    }
}

#[tokio::test]
async fn long_subjects_share_by_their_beginning_and_never_with_a_proper_one() {
    let bench = Bench::new();
    let once = EXACT.with_limit(1);
    let long = "ä".repeat(5_000);
    assert!(bench.limiter.check(&once, long.as_str()).await.is_allowed());
    assert!(!bench.limiter.check(&once, long.clone() + "!").await.is_allowed());
    assert!(bench.limiter.check(&once, "ä".repeat(128)).await.is_allowed());
    assert!(bench.limiter.check(&once, "").await.is_allowed());
}

/// What was admitted, and when.
type History = Vec<(u64, u32)>;

fn admitted_within(history: &History, from: u64, length: u64) -> u32 {
    history.iter().filter(|(at, _)| (from..from + length).contains(at)).map(|(_, cost)| cost).sum()
}

fn play(policy: Policy, steps: &[(u64, u32)]) -> History {
    run(async {
        let bench = Bench::new();
        let (mut history, mut now) = (Vec::new(), 0);
        for &(pause, cost) in steps {
            bench.clock.advance(Duration::from_micros(pause));
            now += pause;
            if bench.limiter.check_cost(&policy, 1, cost).await.is_allowed() {
                history.push((now, cost));
            }
        }
        history
    })
}

fn steps(longest_pause: u64, most: u32) -> impl Strategy<Value = Vec<(u64, u32)>> {
    let pause = prop_oneof![Just(0), 0..longest_pause / 50, 0..longest_pause];
    prop::collection::vec((pause, 1..=most), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exact_window_admits_as_the_reference(steps in steps(12_000_000, 3)) {
        let history = play(EXACT, &steps);
        let (mut reference, mut now) = (History::new(), 0_u64);
        for (pause, cost) in steps {
            now += pause;
            let used: u32 = reference.iter().filter(|(at, _)| now < at + 10_000_000).map(|(_, cost)| cost).sum();
            if used + cost <= 5 {
                reference.push((now, cost));
            }
        }
        prop_assert_eq!(history, reference);
    }

    #[test]
    fn no_window_holds_more_than_the_limit(
        limit in 1_u32..400,
        period in 1_000_u64..20_000_000,
        steps in steps(2_000_000, 60),
    ) {
        let policy = Policy::per("any", limit, Duration::from_micros(period));
        let history = play(policy, &steps);
        for &(at, _) in &history {
            prop_assert!(admitted_within(&history, at, period) <= limit);
        }
    }

    #[test]
    fn counter_gives_back_at_most_one_grain_late(used in 1_u32..=1_000, pause in 0_u64..64_000_000) {
        run(async {
            let bench = Bench::new();
            bench.clock.advance(Duration::from_micros(pause));
            assert_eq!(bench.limiter.check_cost(&WIDE, 1, used).await.remaining(), 1_000 - used);
            bench.advance(65_000);
            assert_eq!(bench.limiter.peek(&WIDE, 1).await.remaining(), 1_000);
        });
    }

    #[test]
    fn burst_admits_as_the_reference(
        limit in 1_u32..50,
        burst in 1_u32..20,
        steps in steps(3_000_000, 4),
    ) {
        let policy = Policy::per("any", limit, Duration::from_secs(10)).burst(burst);
        let history = play(policy, &steps);
        // A bucket of parts, of which a call costs `interval` and a microsecond brings one.
        let interval = 10_000_000_u128.div_ceil(u128::from(limit));
        let size = interval * u128::from(burst);
        let (mut bucket, mut now, mut reference) = (size, 0_u64, History::new());
        for (pause, cost) in steps {
            now += pause;
            bucket = size.min(bucket + u128::from(pause));
            if interval * u128::from(cost) <= bucket {
                bucket -= interval * u128::from(cost);
                reference.push((now, cost));
            }
        }
        prop_assert_eq!(&history, &reference);
        for (index, &(from, _)) in history.iter().enumerate() {
            for &(to, _) in &history[index..] {
                let rate_times_time = u128::from(to - from) * u128::from(limit) / 10_000_000;
                let most = rate_times_time + u128::from(burst);
                prop_assert!(u128::from(admitted_within(&history, from, to - from + 1)) <= most);
            }
        }
    }

    #[test]
    fn retry_after_is_the_first_moment_at_which_it_is_admitted(
        before in steps(3_000_000, 2),
        cost in 1_u32..=3,
        kind in 0..3_usize,
    ) {
        run(async {
            let policy = [EXACT, STEADY, EXACT.with_limit(130)][kind];
            let bench = Bench::new();
            for (pause, cost) in before {
                bench.clock.advance(Duration::from_micros(pause));
                drop(bench.limiter.check_cost(&policy, 1, cost).await);
            }
            let refused = bench.limiter.check_cost(&policy, 1, cost).await;
            if let Some(wait) = refused.retry_after() {
                bench.clock.advance(wait - Duration::from_micros(1));
                assert!(!bench.limiter.check_cost(&policy, 1, cost).await.is_allowed());
                bench.clock.advance(Duration::from_micros(1));
                assert!(bench.limiter.check_cost(&policy, 1, cost).await.is_allowed());
            }
        });
    }

    #[test]
    fn check_all_charges_every_limit_or_none(steps in steps(2_000_000, 3)) {
        run(async {
            let bench = Bench::new();
            let all = [EXACT, STEADY, WIDE.with_limit(200)];
            for (pause, pick) in steps {
                bench.clock.advance(Duration::from_micros(pause));
                let asked: Vec<(&Policy, Subject)> = all
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| u32::try_from(*index).expect("it fits") != pick)
                    .map(|(_, policy)| (policy, Subject::from(1)))
                    .collect();
                let mut before = Vec::new();
                for (policy, _) in &asked {
                    before.push(bench.limiter.peek(policy, 1).await);
                }
                let decision = bench.limiter.check_all(&asked).await;
                assert_eq!(decision.is_allowed(), before.iter().all(Decision::is_allowed));
                let cost = u32::from(decision.is_allowed());
                for (limit, before) in decision.limits().iter().zip(before) {
                    assert_eq!(limit.remaining, before.remaining() - cost);
                }
            }
        });
    }
}

#[tokio::test]
async fn times_beyond_every_clock_are_for_ever() {
    let bench = Bench::new();
    assert!(bench.limiter.wait(&EXACT, "ada", Duration::MAX).await.is_ok());
    assert!(bench.limiter.wait(&EXACT.with_limit(0), "ada", Duration::MAX).await.is_err());
    bench.limiter.block(&EXACT, "bob", Duration::MAX).await.expect("the memory answers");
    assert!(!bench.limiter.check(&EXACT, "bob").await.is_allowed());
    let lent = EXACT.lent_for(Duration::from_secs(100 * 365 * 24 * 60 * 60));
    assert!(crate::Leases::new(&bench.limiter).check(&lent, "eve").await.is_allowed());
}
