//! What became of every call of one kind of work.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// More calls than a drill makes; what comes on top is not written down.
const CALLS: usize = 1 << 18;
/// So many good calls in a row are a recovery.
const IN_A_ROW: usize = 20;

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mark {
    /// Answered by the server, or as if by it.
    Served,
    /// Answered without the server.
    Fallback,
    /// Not answered, and why.
    Failed(&'static str),
}

/// One call; times are since the beginning of the drill.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) began: Duration,
    pub(super) ended: Duration,
    pub(super) mark: Mark,
}

/// All calls in the order in which they ended.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Vec<Call>>);

impl Record {
    pub(super) fn note(&self, call: Call) {
        let mut calls = self.calls();
        if calls.len() < CALLS {
            calls.push(call);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.calls().len()
    }

    pub(super) fn longest(&self) -> Duration {
        self.calls().iter().map(Call::took).max().unwrap_or_default()
    }

    /// The time within which 99 of 100 calls ended that began between two times.
    pub(super) fn p99(&self, from: Duration, to: Duration) -> Option<Duration> {
        let calls = self.calls();
        let mut took: Vec<_> =
            calls.iter().filter(|call| (from..to).contains(&call.began)).map(Call::took).collect();
        took.sort_unstable();
        took.get(took.len().saturating_sub(1) * 99 / 100).copied()
    }

    pub(super) fn fallbacks(&self) -> usize {
        self.calls().iter().filter(|call| call.mark == Mark::Fallback).count()
    }

    /// Failures by kind.
    pub(super) fn errors(&self) -> BTreeMap<&'static str, usize> {
        let mut errors = BTreeMap::new();
        for call in self.calls().iter() {
            if let Mark::Failed(kind) = call.mark {
                *errors.entry(kind).or_default() += 1;
            }
        }
        errors
    }

    /// How long after `since` the server answered well again, many times in a row; none if it has not.
    ///
    /// Good answers before the first trouble are no recovery: who felt nothing has recovered at once.
    pub(super) fn recovered(&self, struck: Duration, since: Duration) -> Option<Duration> {
        let calls = self.calls();
        let mut later = calls.iter().filter(|call| struck <= call.ended);
        let is_good = |call: &&Call| call.mark == Mark::Served;
        let Some(first) = later.position(|call| !is_good(&call)) else { return Some(Duration::ZERO) };
        let (mut row, mut begin) = (0, None);
        for call in calls.iter().filter(|call| struck <= call.ended).skip(first) {
            if call.mark != Mark::Served {
                (row, begin) = (0, None);
                continue;
            }
            row += 1;
            let began = *begin.get_or_insert(call.ended);
            if row >= IN_A_ROW && since <= call.ended {
                return Some(began.saturating_sub(since));
            }
        }
        None
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    fn took(&self) -> Duration {
        self.ended.saturating_sub(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(marks: &[(u64, Mark)]) -> Record {
        let record = Record::default();
        for (at, mark) in marks {
            let at = Duration::from_millis(*at);
            record.note(Call { began: at, ended: at, mark: *mark });
        }
        record
    }

    fn after(marks: &[(u64, Mark)], more: u64) -> Option<u128> {
        let mut marks = marks.to_vec();
        let from = marks.last().map_or(0, |(at, _)| at + 1);
        marks.extend((from..from + more).map(|at| (at, Mark::Served)));
        let ms = Duration::from_millis;
        record(&marks).recovered(ms(10), ms(50)).map(|recovered| recovered.as_millis())
    }

    #[test]
    fn recovery_is_many_good_answers_in_a_row() {
        let failed = Mark::Failed("timeout");
        assert_eq!(after(&[(5, failed)], 100), Some(0), "trouble before the fault is not of it");
        assert_eq!(after(&[(60, failed)], 100), Some(11));
        assert_eq!(after(&[(60, failed), (70, Mark::Served), (80, failed)], 100), Some(31));
        assert_eq!(
            after(&[(60, Mark::Fallback)], 100),
            Some(11),
            "an answer without the server is no recovery"
        );
        assert_eq!(after(&[(60, failed)], 10), None);
        assert_eq!(after(&[(20, failed)], 100), Some(0), "well again before the fault was taken away");
    }
}
