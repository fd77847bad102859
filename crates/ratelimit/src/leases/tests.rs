use proptest::prelude::*;
use redstart_connection::{Clock, Store, Timestamp};

use super::*;

const LENT: Duration = Duration::from_millis(500);
const WINDOW: Policy = Policy::per("window", 80, Duration::from_secs(10)).lent_for(LENT);
const BURST: Policy = Policy::per("burst", 80, Duration::from_secs(10)).burst(40).lent_for(LENT);

/// Two processes on one store.
struct Fleet {
    clock: Clock,
    limiter: Limiter,
    leases: [Leases; 2],
}

impl Fleet {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let limiter = Limiter::new(Store::memory_with(clock.clone()));
        let leases = [0, 1].map(|_| Leases::new(&limiter));
        Self { clock, limiter, leases }
    }

    /// Ends what has ended, as the background task would.
    async fn sweep(&self) {
        for Leases(inner) in &self.leases {
            inner.give_back(inner.sweep(self.clock.instant())).await;
        }
    }
}

#[tokio::test]
async fn lease_grows_while_it_is_used_up_and_saves_round_trips() {
    let fleet = Fleet::new();
    let mut asked = 0;
    for _ in 0..40 {
        let decision = fleet.leases[0].check(&WINDOW, 1).await;
        assert!(decision.is_allowed());
        asked += u32::from(decision.source() != Source::Lease);
    }
    // 1 alone, then leases of 2, 4, 8, 10, 10 and 10.
    assert_eq!(asked, 7);
    assert_eq!(fleet.limiter.peek(&WINDOW, 1).await.remaining(), 80 - 45);
}

#[tokio::test]
async fn unused_tokens_are_given_back_at_the_end() {
    let fleet = Fleet::new();
    for _ in 0..8 {
        assert!(fleet.leases[0].check(&WINDOW, 1).await.is_allowed());
    }
    assert_eq!(fleet.limiter.peek(&WINDOW, 1).await.remaining(), 80 - 15);
    fleet.clock.advance(LENT);
    fleet.sweep().await;
    assert_eq!(fleet.limiter.peek(&WINDOW, 1).await.remaining(), 80 - 8);
}

#[tokio::test]
async fn lease_that_has_ended_is_not_spent() {
    let fleet = Fleet::new();
    for _ in 0..8 {
        assert!(fleet.leases[0].check(&WINDOW, 1).await.is_allowed());
    }
    fleet.clock.advance(LENT);
    assert_ne!(fleet.leases[0].check(&WINDOW, 1).await.source(), Source::Lease);
}

#[tokio::test]
async fn idle_subjects_are_forgotten() {
    let fleet = Fleet::new();
    for subject in 0..100 {
        assert!(fleet.leases[0].check(&WINDOW, subject).await.is_allowed());
    }
    for _ in 0..3 {
        fleet.clock.advance(LENT);
        fleet.sweep().await;
    }
    assert!(fleet.leases[0].0.held().by_subject.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_window_holds_more_than_the_limit_whoever_spends_when(
        steps in prop::collection::vec((0_u64..700, 0_usize..2, 1_usize..60, any::<bool>()), 1..60),
        bursts in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
        runtime.block_on(async {
            let policy = if bursts { BURST } else { WINDOW };
            let (fleet, mut admitted, mut now) = (Fleet::new(), Vec::new(), 0);
            for (pause, process, calls, is_swept) in steps {
                fleet.clock.advance(Duration::from_millis(pause));
                now += pause;
                if is_swept {
                    fleet.sweep().await;
                }
                for _ in 0..calls {
                    if fleet.leases[process].check(&policy, 1).await.is_allowed() {
                        admitted.push(now);
                    }
                }
            }
            for (index, from) in admitted.iter().enumerate() {
                for (count, to) in (1_u64..).zip(&admitted[index..]) {
                    let time = to - from;
                    // 8 a second, and 40 at once; or 80 in less than 10 s.
                    assert!(!bursts || count <= 40 + time * 8 / 1_000, "{count} within {time} ms");
                    assert!(bursts || count <= 80 || 10_000 <= time, "{count} within {time} ms");
                }
            }
        });
    }
}
