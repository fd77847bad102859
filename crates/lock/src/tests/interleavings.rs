//! Every order in which two who want a lock can ask, go on, give back and go away, up to a depth.
//!
//! Guards, line, janitor and renewer are the real ones. Each step is one poll, one drop, or a turn of the
//! background tasks, so what can happen between two awaits of a caller happens in some history.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{Guard, LockError, Release};

use super::{Bench, TTL, key};

/// Steps of a history.
const DEPTH: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The caller asks, or goes on with what is under way.
    GoOn(usize),
    /// The caller begins to give the lock back.
    Release(usize),
    /// The caller is dropped where it stands, with what it holds.
    Drop(usize),
    /// The background tasks have a turn.
    Turn,
    /// A lease goes by.
    Advance,
}

const STEPS: [Step; 8] = [
    Step::GoOn(0),
    Step::GoOn(1),
    Step::Release(0),
    Step::Release(1),
    Step::Drop(0),
    Step::Drop(1),
    Step::Turn,
    Step::Advance,
];

type Underway<T> = Pin<Box<dyn Future<Output = Result<T, LockError>>>>;

enum Caller {
    Idle,
    Asking(Underway<Guard>),
    Holding(Guard),
    Releasing(Underway<Release>),
}

fn poll<T>(work: &mut Underway<T>) -> Poll<Result<T, LockError>> {
    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

impl Caller {
    fn go_on(self, bench: &Bench) -> Self {
        match self {
            Self::Idle => {
                let request = bench.lock();
                Self::Asking(Box::pin(async move { request.acquire().await })).go_on(bench)
            }
            Self::Asking(mut asking) => match poll(&mut asking) {
                Poll::Ready(Ok(guard)) => Self::Holding(guard),
                // A grant that came too late is given back by itself.
                Poll::Ready(Err(_)) => Self::Idle,
                Poll::Pending => Self::Asking(asking),
            },
            Self::Releasing(mut releasing) => match poll(&mut releasing) {
                Poll::Ready(_) => Self::Idle,
                Poll::Pending => Self::Releasing(releasing),
            },
            holding @ Self::Holding(_) => holding,
        }
    }

    fn release(self, bench: &Bench) -> Self {
        match self {
            Self::Holding(guard) => Self::Releasing(Box::pin(guard.release())).go_on(bench),
            other => other,
        }
    }

    fn is_valid(&self) -> bool {
        matches!(self, Self::Holding(guard) if !guard.valid_for().is_zero())
    }
}

/// Lets everything run that is ready; the time of the runtime is paused, so no time goes by.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(3)).await;
}

#[expect(clippy::future_not_send, reason = "every order is driven on one thread")]
async fn run(history: &[Step]) {
    let bench = Bench::new();
    let mut callers = [Caller::Idle, Caller::Idle];
    for &step in history {
        match step {
            Step::GoOn(who) => {
                callers[who] = std::mem::replace(&mut callers[who], Caller::Idle).go_on(&bench);
            }
            Step::Release(who) => {
                callers[who] = std::mem::replace(&mut callers[who], Caller::Idle).release(&bench);
            }
            Step::Drop(who) => callers[who] = Caller::Idle,
            Step::Turn => settle().await,
            Step::Advance => bench.clock.advance(TTL.as_duration()),
        }
        let valid = callers.iter().filter(|caller| caller.is_valid()).count();
        assert!(valid <= 1, "two hold the lock after {history:?}");
    }
    // Whoever is left goes away where it stands.
    drop(callers);
    settle().await;
    let locks = &bench.locks;
    assert!(bench.is_free().await, "the lock is left behind by {history:?}");
    assert!(locks.held().is_empty() && locks.waiting().is_empty(), "something is left by {history:?}");
    assert_eq!(locks.pending_releases(), 0, "something is left by {history:?}");
    let next = locks.lock(&key()).ttl(TTL).try_acquire().await.expect("memory answers");
    assert!(next.is_some(), "nobody gets it after {history:?}");
}

#[test]
fn nothing_stays_locked_in_any_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    let count = STEPS.len().pow(u32::try_from(DEPTH).expect("a small number"));
    for number in 0..count {
        let digits = std::iter::successors(Some(number), |rest| Some(rest / STEPS.len()));
        let history: Vec<Step> = digits.take(DEPTH).map(|rest| STEPS[rest % STEPS.len()]).collect();
        runtime.block_on(run(&history));
    }
}
