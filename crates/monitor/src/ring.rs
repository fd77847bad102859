//! What was seen in the last minutes, to compare the present with.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How far back it reaches.
const SPAN: Duration = Duration::from_secs(300);
/// Samples closer together than this are not both kept.
const SPACING: Duration = Duration::from_secs(10);

/// Samples of the last five minutes, the oldest first.
#[derive(Debug)]
pub(crate) struct Ring<T> {
    kept: VecDeque<(Instant, T)>,
}

impl<T> Ring<T> {
    /// Forgets all samples, since what is counted has begun again.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    /// How many samples there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The newest sample.
    pub(crate) fn newest(&self) -> Option<&T> {
        self.kept.back().map(|(_, sample)| sample)
    }

    /// The oldest sample of the last five minutes, or the newest one before, and how long ago that was.
    pub(crate) fn oldest(&mut self, now: Instant) -> Option<(Duration, &T)> {
        let is_old = |at: Instant| now.saturating_duration_since(at) > SPAN;
        while self.kept.len() > 1 && self.kept.front().is_some_and(|(at, _)| is_old(*at)) {
            self.kept.pop_front();
        }
        self.kept.front().map(|(at, sample)| (now.saturating_duration_since(*at), sample))
    }

    /// The newest sample that is at least this old.
    pub(crate) fn before(&self, now: Instant, age: Duration) -> Option<&T> {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= age;
        self.kept.iter().rev().find(|(at, _)| is_old(*at)).map(|(_, sample)| sample)
    }

    /// Keeps a sample, unless one was kept just now.
    pub(crate) fn add(&mut self, now: Instant, sample: T) {
        let is_due = |at: Instant| now.saturating_duration_since(at) >= SPACING;
        if self.kept.back().is_none_or(|(at, _)| is_due(*at)) {
            self.kept.push_back((now, sample));
        }
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { kept: VecDeque::new() }
    }
}
