use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use redstart_keys::Ttl;
use tokio::{
    sync::{oneshot, watch},
    task::yield_now,
    time::timeout,
};

use super::{Kept, Loss, Renewal, Renewer};
use crate::{Clock, Tasks, Timestamp};

const TTL: Ttl = Ttl::seconds(30);
/// What a deadlocked test waits for, far above what any of them takes.
const GUARD: Duration = Duration::from_secs(10);

struct Bench {
    clock: Clock,
    tasks: Tasks,
    renewer: Renewer,
    renewals: watch::Sender<usize>,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_micros(1_000_000));
        let tasks = Tasks::new();
        let renewer = Renewer::new(tasks.clone(), clock.clone());
        Self { clock, tasks, renewer, renewals: watch::Sender::new(0) }
    }

    /// A lease whose renewals get these answers, the last one again and again.
    fn keep(&self, answers: &[Renewal]) -> Kept {
        self.keep_for(TTL, answers)
    }

    fn keep_for(&self, ttl: Ttl, answers: &[Renewal]) -> Kept {
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
        let renewals = self.renewals.clone();
        self.renewer.keep(ttl, self.clock.instant(), move || {
            let mut answers = answers.lock().expect("nobody panics");
            let answer = if 1 < answers.len() { answers.pop_front() } else { answers.front().copied() };
            renewals.send_modify(|renewals| *renewals += 1);
            Box::pin(async move { answer.expect("there is an answer") })
        })
    }

    async fn renewed(&self, times: usize) {
        let mut renewals = self.renewals.subscribe();
        let reached = renewals.wait_for(|renewals| *renewals == times);
        timeout(GUARD, reached).await.expect("it is renewed").expect("the bench lives");
    }
}

/// Waits until a lease is as valid as one that was renewed just now.
async fn fresh(kept: &Kept) {
    let mut standing = kept.standing.subscribe();
    let renewed = standing.wait_for(|_| kept.validity().valid_for() == Duration::from_millis(29_698));
    timeout(GUARD, renewed).await.expect("it is renewed").expect("the lease lives");
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn validity_ends_a_hundredth_and_2_ms_early() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Unknown]);
    assert_eq!(kept.validity().valid_for(), Duration::from_millis(30_000 - 300 - 2));
}

#[tokio::test]
async fn lease_is_renewed_after_a_third_and_measured_from_before_the_send() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(seconds(10));
    bench.renewed(1).await;
    fresh(&kept).await;
    bench.clock.advance(seconds(10));
    bench.renewed(2).await;
    fresh(&kept).await;
}

#[tokio::test]
async fn unanswered_renewal_is_tried_again_until_the_validity_ends() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Unknown, Renewal::Unknown, Renewal::Kept]);
    bench.clock.advance(seconds(10));
    bench.renewed(1).await;
    bench.clock.advance(seconds(3));
    bench.renewed(2).await;
    bench.clock.advance(seconds(3));
    bench.renewed(3).await;
    fresh(&kept).await;

    let kept = bench.keep(&[Renewal::Unknown]);
    let validity = kept.validity();
    let mut lost = std::pin::pin!(validity.lost());
    assert!(timeout(Duration::from_millis(5), &mut lost).await.is_err());
    bench.clock.advance(Duration::from_millis(29_698));
    assert!(!validity.is_valid());
    assert_eq!(timeout(GUARD, lost).await.expect("it is told"), Loss::Expired);
}

#[tokio::test]
async fn lost_lease_is_told_at_once() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Lost]);
    let validity = kept.validity();
    bench.clock.advance(seconds(10));
    let loss = timeout(GUARD, validity.lost()).await.expect("it is told");
    assert_eq!(loss, Loss::Gone);
    assert_eq!(validity.valid_for(), Duration::ZERO);
}

#[tokio::test]
async fn dropped_lease_is_neither_renewed_nor_valid() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Kept]);
    let validity = kept.validity();
    drop(kept);
    assert_eq!(validity.lost().await, Loss::Released);
    let other = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(seconds(10));
    bench.renewed(1).await;
    assert!(other.validity().is_valid());
    assert_eq!(*bench.renewals.borrow(), 1);
}

#[tokio::test]
async fn expired_lease_is_not_renewed_behind_its_holder() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(seconds(30));
    assert_eq!(kept.validity().lost().await, Loss::Expired);
    let other = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(seconds(10));
    bench.renewed(1).await;
    assert!(!kept.validity().is_valid());
    assert!(other.validity().is_valid());
    assert_eq!(*bench.renewals.borrow(), 1);
}

#[tokio::test]
async fn thousand_leases_need_one_task() {
    let bench = Bench::new();
    let kept: Vec<Kept> = (0..1_000).map(|_| bench.keep(&[Renewal::Kept])).collect();
    assert_eq!(bench.tasks.running(), 1);
    bench.clock.advance(seconds(10));
    bench.renewed(1_000).await;
    for kept in &kept {
        fresh(kept).await;
    }
}

#[test]
fn lease_of_another_runtime_outlives_the_one_that_renewed_it() {
    let bench = Bench::new();
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let (first, second) = (runtime().expect("a runtime"), runtime().expect("a runtime"));
    // The task starts on the first runtime, and renews this lease as well.
    let theirs = first.block_on(async { bench.keep(&[Renewal::Kept]) });
    let ours = second.block_on(async { bench.keep(&[Renewal::Kept]) });
    drop(first);
    bench.clock.advance(seconds(15));
    second.block_on(bench.renewed(2));
    assert!(ours.validity().is_valid() && theirs.validity().is_valid());
    drop(second);
    bench.clock.advance(seconds(60));
    assert_eq!(ours.validity().loss(), Some(Loss::Expired));
}

#[test]
fn renewal_goes_on_in_the_next_runtime() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let bench = Bench::new();
    let (started, was_started) = oneshot::channel();
    let started = Mutex::new(Some(started));
    // Its first renewal never ends, so the first runtime dies under it.
    let stuck = bench.renewals.clone();
    let first = runtime();
    let kept = first.block_on(async {
        let kept = bench.renewer.keep(TTL, bench.clock.instant(), move || {
            let started = started.lock().expect("nobody panics").take();
            let is_first = started.is_some();
            if let Some(started) = started {
                started.send(()).expect("the test waits for it");
            } else {
                stuck.send_modify(|renewals| *renewals += 1);
            }
            Box::pin(async move { if is_first { std::future::pending().await } else { Renewal::Kept } })
        });
        bench.clock.advance(seconds(10));
        was_started.await.expect("it is renewed");
        kept
    });
    drop(first);

    runtime().block_on(async {
        let _other = bench.keep(&[Renewal::Kept]);
        bench.renewed(1).await;
        fresh(&kept).await;
    });
}

/// A lock that is held for a moment, again and again, would else cost its process a wake-up each time.
#[tokio::test]
async fn leases_that_end_at_once_wake_the_task_only_once() {
    let bench = Bench::new();
    let first_due = bench.clock.instant() + seconds(10);
    for _ in 0..3 {
        drop(bench.keep(&[Renewal::Kept]));
        // The task looks, and finds nothing to renew.
        yield_now().await;
        assert_eq!(bench.renewer.0.leases().wakes_at, Some(first_due));
        bench.clock.advance(seconds(1));
    }
}

#[tokio::test]
async fn lease_that_follows_one_that_ended_at_once_is_renewed_in_time() {
    let bench = Bench::new();
    drop(bench.keep(&[Renewal::Kept]));
    yield_now().await;
    bench.clock.advance(seconds(3));
    let kept = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(seconds(10));
    bench.renewed(1).await;
    fresh(&kept).await;
}

#[tokio::test]
async fn shorter_lease_wakes_the_task_that_sleeps_for_a_longer_one() {
    let bench = Bench::new();
    let longer = bench.keep(&[Renewal::Kept]);
    // The task sleeps until the longer one is due.
    yield_now().await;
    let _shorter = bench.keep_for(Ttl::seconds(3), &[Renewal::Kept]);
    bench.clock.advance(seconds(1));
    bench.renewed(1).await;
    assert!(longer.validity().valid_for() < seconds(29), "it is the shorter one that was renewed");
}

#[tokio::test]
async fn task_ends_with_the_renewer() {
    let Bench { clock, tasks, renewer, .. } = Bench::new();
    drop(renewer.keep(TTL, clock.instant(), || Box::pin(async { Renewal::Kept })));
    drop(renewer);
    let ended = async {
        while 0 < tasks.running() {
            yield_now().await;
        }
    };
    timeout(GUARD, ended).await.expect("it ends");
}

#[tokio::test]
async fn lease_is_over_at_its_limit_however_often_it_is_renewed() {
    let bench = Bench::new();
    let kept = bench.keep(&[Renewal::Kept]);
    kept.limit(bench.clock.instant() + Duration::from_secs(25));
    bench.clock.advance(Duration::from_secs(10));
    bench.renewed(1).await;
    let validity = kept.validity();
    assert!(validity.valid_for() <= Duration::from_secs(15), "the limit counts, not the lease");
    bench.clock.advance(Duration::from_secs(15));
    assert_eq!(validity.lost().await, Loss::HeldTooLong);
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(*bench.renewals.borrow(), 1, "it is not renewed any more");
}

#[tokio::test]
async fn leases_that_are_due_soon_go_along_with_the_one_that_is_due() {
    let bench = Bench::new();
    let first = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(Duration::from_secs(1));
    let second = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(Duration::from_secs(4));
    let later = bench.keep(&[Renewal::Kept]);
    bench.clock.advance(Duration::from_secs(5));
    bench.renewed(2).await;
    fresh(&first).await;
    fresh(&second).await;
    assert!(later.validity().valid_for() < Duration::from_secs(29), "what is due much later waits");
}
