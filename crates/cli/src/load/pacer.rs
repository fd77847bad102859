//! The thread that starts calls when they are due.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use redstart_connection::Clock;

use super::stage::Plan;

/// The longest sleep, after which it is looked whether to stop.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// How long after its planned end the last call may still be started.
const GRACE: Duration = Duration::from_secs(1);

/// What became of the plan.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Paced {
    /// Calls that were due, and for which nobody had time before the end.
    pub(super) not_started: u64,
}

/// Starts every call of `plan` when it is due, counted from `begin`, until `is_over`.
///
/// It runs on a thread of its own: the timer of an asynchronous runtime ticks in milliseconds, which would
/// add half of one to every median. Calls that are late are started at once, one after the other.
pub(super) fn pace(
    plan: &Plan,
    clock: &Clock,
    begin: Instant,
    is_over: &AtomicBool,
    mut start: impl FnMut(Instant),
) -> Paced {
    let end = begin + plan.lasts() + GRACE;
    let mut all = plan.due();
    while let Some(due) = all.next() {
        let due = begin + due;
        let mut now = clock.instant();
        while now < due {
            if is_over.load(Ordering::Relaxed) {
                return Paced::default();
            }
            thread::sleep(due.duration_since(now).min(LONGEST_SLEEP));
            now = clock.instant();
        }
        if is_over.load(Ordering::Relaxed) {
            return Paced::default();
        }
        if end < now {
            let left = u64::try_from(all.count()).unwrap_or(u64::MAX);
            return Paced { not_started: left.saturating_add(1) };
        }
        start(due);
    }
    Paced::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::stage::Stage;

    #[test]
    fn every_call_is_started_and_none_before_its_time() {
        let plan = Plan::new(&[Stage::steady(500.0, Duration::from_millis(100))]);
        let clock = Clock::system();
        let begin = clock.instant();
        let mut started = Vec::new();
        let paced = pace(&plan, &clock, begin, &AtomicBool::new(false), |due| {
            assert!(due <= clock.instant());
            started.push(due.duration_since(begin));
        });
        assert_eq!((paced, started), (Paced::default(), plan.due().collect()));
    }

    #[test]
    fn a_stopped_load_starts_nothing_more() {
        let plan = Plan::new(&[Stage::steady(1.0, Duration::from_secs(3_600))]);
        let (clock, is_over) = (Clock::system(), AtomicBool::new(false));
        let mut started = 0;
        let paced = pace(&plan, &clock, clock.instant(), &is_over, |_| {
            started += 1;
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!((paced, started), (Paced::default(), 1));
    }

    #[test]
    fn what_is_due_long_after_the_end_is_not_started_and_counted() {
        let plan = Plan::new(&[Stage::steady(1_000.0, Duration::from_millis(10))]);
        let clock = Clock::system();
        let Some(begin) = clock.instant().checked_sub(Duration::from_secs(2)) else { return };
        let paced = pace(&plan, &clock, begin, &AtomicBool::new(false), |_| panic!("nothing is in time"));
        assert_eq!(paced, Paced { not_started: 10 });
    }
}
