//! What became of every call of one kind of work.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use redstart_connection::ErrorKind;

use crate::clock::now;

/// Room for more calls than a cell makes, so that recording allocates nothing.
const CALLS: usize = 1 << 17;
/// So many successes in a row are a recovery.
const IN_A_ROW: usize = 20;

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    Done,
    /// The store answered: an earlier lease still stands.
    Busy,
    /// The lease was over before the grant came.
    Lost,
    Failed(ErrorKind),
}

#[derive(Clone, Copy, Debug)]
struct Call {
    ended: Duration,
    took: Duration,
    mark: Mark,
}

/// All calls in the order in which they ended.
#[derive(Debug)]
pub(crate) struct Record(Mutex<Vec<Call>>);

impl Mark {
    fn is_answer(self) -> bool {
        matches!(self, Self::Done | Self::Busy)
    }
}

impl Record {
    pub(crate) const RESERVED: usize = CALLS * size_of::<Call>();

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Vec::with_capacity(CALLS)))
    }

    /// Writes down a call that began at `began` and ends now.
    pub(crate) fn note(&self, began: Duration, mark: Mark) {
        let took = now() - began;
        let mut calls = self.calls();
        if calls.len() < CALLS {
            calls.push(Call { ended: began + took, took, mark });
        }
    }

    /// Forgets all calls.
    pub(crate) fn clear(&self) {
        self.calls().clear();
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.calls().len()
    }

    /// The longest call, and when it began.
    pub(crate) fn longest(&self) -> (Duration, Duration) {
        let calls = self.calls();
        let longest = calls.iter().max_by_key(|call| call.took);
        longest.map_or_else(Default::default, |call| (call.took, call.ended - call.took))
    }

    /// The time within which 99 of 100 calls ended that began between two times; none if there were none.
    pub(crate) fn p99(&self, from: Duration, to: Duration) -> Option<Duration> {
        let calls = self.calls();
        let within = calls.iter().filter(|call| (from..to).contains(&(call.ended - call.took)));
        let mut took: Vec<_> = within.map(|call| call.took).collect();
        took.sort_unstable();
        took.get(took.len().saturating_sub(1) * 99 / 100).copied()
    }

    /// Failures by kind.
    pub(crate) fn errors(&self) -> BTreeMap<String, usize> {
        let mut errors = BTreeMap::new();
        for call in self.calls().iter() {
            let kind = match call.mark {
                Mark::Done => continue,
                Mark::Busy => "busy".to_owned(),
                Mark::Lost => "lost".to_owned(),
                Mark::Failed(kind) => format!("{kind:?}").to_lowercase(),
            };
            *errors.entry(kind).or_default() += 1;
        }
        errors
    }

    /// Whether a call that ended after `since` failed.
    pub(crate) fn noticed(&self, since: Duration) -> bool {
        self.calls().iter().any(|call| since <= call.ended && !call.mark.is_answer())
    }

    /// When, after `since`, the first of many answers in a row came.
    ///
    /// Answers before the first failure count only when none is to be waited for.
    pub(crate) fn recovered(&self, since: Duration, after_failure: bool) -> Option<Duration> {
        let calls = self.calls();
        let later = calls.iter().filter(|call| since <= call.ended);
        let mut row = Vec::with_capacity(IN_A_ROW);
        let mut waits = after_failure;
        for call in later {
            if !call.mark.is_answer() {
                waits = false;
                row.clear();
            } else if !waits {
                row.push(call.ended);
                if row.len() == IN_A_ROW {
                    return Some(row[0] - since);
                }
            }
        }
        None
    }

    /// How long after `since` the last call failed.
    pub(crate) fn last_failure(&self, since: Duration) -> Option<Duration> {
        let calls = self.calls();
        let last = calls.iter().rfind(|call| since <= call.ended && !call.mark.is_answer());
        last.map(|call| call.ended - since)
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
