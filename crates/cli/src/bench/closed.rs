//! So many callers, each of which asks again as soon as it is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use redstart_connection::Clock;
use tokio::task::JoinSet;

use crate::load::{Answer, Choice, Spread, Work, histogram};

/// What the callers brought together.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// The first failure.
    pub(super) example: Option<String>,
    pub(super) elapsed: Duration,
    pub(super) times: Histogram<u64>,
}

impl Closed {
    pub(super) fn per_second(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    pub(super) fn spread(&self) -> Spread {
        Spread::of(&self.times)
    }
}

/// What one caller makes of its number and that of its call.
pub(super) type Next = fn(caller: u64, call: u64) -> Choice;

/// Lets `callers` call for so long, each its own sequence.
pub(super) async fn closed<W: Work>(work: &Arc<W>, callers: u64, lasts: Duration, next: Next) -> Closed {
    let is_over = Arc::new(AtomicBool::new(false));
    let clock = Clock::system();
    let begun = clock.instant();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (work, is_over) = (Arc::clone(work), Arc::clone(&is_over));
        tasks.spawn(async move { call_on(&*work, caller, &is_over, next).await });
    }
    tokio::time::sleep(lasts).await;
    is_over.store(true, Ordering::Relaxed);
    let mut sum = Closed {
        calls: 0,
        failed: 0,
        example: None,
        elapsed: clock.instant().duration_since(begun),
        times: histogram(),
    };
    while let Some(done) = tasks.join_next().await {
        let Ok(one) = done else { continue };
        sum.calls += one.calls;
        sum.failed += one.failed;
        sum.example = sum.example.or(one.example);
        // Both have the same bounds, so nothing can be out of them.
        let added = sum.times.add(&one.times);
        debug_assert!(added.is_ok(), "histograms of different bounds");
    }
    sum
}

async fn call_on<W: Work>(work: &W, caller: u64, is_over: &AtomicBool, next: Next) -> Closed {
    let clock = Clock::system();
    let mut own = Closed { calls: 0, failed: 0, example: None, elapsed: Duration::ZERO, times: histogram() };
    for call in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let begun = clock.instant();
        let answer = work.call(next(caller, call)).await;
        let took = clock.instant().duration_since(begun).as_micros();
        own.times.saturating_record(u64::try_from(took).unwrap_or(u64::MAX).max(1));
        own.calls += 1;
        if let Answer::Failed { text, .. } = answer {
            own.failed += 1;
            own.example.get_or_insert(text);
        }
        // A call that never waits would keep the others from their turns.
        if call % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    own
}
