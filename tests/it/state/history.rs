//! Whether what several clients saw can have happened one after the other.
//!
//! Wing and Gong, "Testing and verifying concurrent objects", 1993, with the memory of Lowe, 2017: a history is
//! linearizable if its calls can be put in an order that keeps who ended before whom, in which the model gives
//! every answer that was given.

use std::collections::HashSet;

/// A call, and what it answered.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) step: Step,
}

/// What was asked and answered about one piece of work.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Begin { owner: u8, print: u8, answer: Seen },
    Complete { owner: u8, print: u8, is_ours: bool },
    Abandon { owner: u8, is_ours: bool },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Seen {
    New,
    /// Done, by this owner.
    Done(u8),
    Running,
    Mismatch,
}

/// A piece of work, whose leases do not end within a history.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Work {
    Untouched,
    Begun { owner: u8, print: u8 },
    Done { owner: u8, print: u8 },
}

impl Work {
    /// The work after a step; none if it would have been answered otherwise.
    fn after(self, step: &Step) -> Option<Self> {
        match (*step).clone() {
            Step::Begin { owner, print, answer } => {
                let (expected, next) = match self {
                    Self::Untouched => (Seen::New, Self::Begun { owner, print }),
                    Self::Begun { print: other, .. } | Self::Done { print: other, .. } if other != print => {
                        (Seen::Mismatch, self)
                    }
                    Self::Begun { owner: other, .. } if other == owner => (Seen::New, self),
                    Self::Begun { .. } => (Seen::Running, self),
                    Self::Done { owner: by, .. } => (Seen::Done(by), self),
                };
                (answer == expected).then_some(next)
            }
            Step::Complete { owner, print, is_ours } => {
                let (expected, next) = match self {
                    Self::Untouched => (true, Self::Done { owner, print }),
                    Self::Begun { owner: other, .. } if other == owner => (true, Self::Done { owner, print }),
                    Self::Done { owner: other, .. } if other == owner => (true, self),
                    Self::Begun { .. } | Self::Done { .. } => (false, self),
                };
                (is_ours == expected).then_some(next)
            }
            Step::Abandon { owner, is_ours } => {
                let (expected, next) = match self {
                    Self::Begun { owner: other, .. } if other == owner => (true, Self::Untouched),
                    _ => (false, self),
                };
                (is_ours == expected).then_some(next)
            }
        }
    }
}

/// Whether the history, of at most 64 calls, can have happened one after the other.
pub(crate) fn is_linearizable(calls: &[Call]) -> bool {
    assert!(calls.len() <= 64, "a set of calls is a number");
    search(calls, 0, Work::Untouched, &mut HashSet::new())
}

fn search(calls: &[Call], done: u64, work: Work, tried: &mut HashSet<(u64, Work)>) -> bool {
    if done.count_ones() as usize == calls.len() {
        return true;
    }
    if !tried.insert((done, work)) {
        return false;
    }
    let open = || calls.iter().enumerate().filter(|(place, _)| done & (1 << place) == 0);
    // What has to come first: no call that began after another ended comes before it.
    let first_end = open().map(|(_, call)| call.ended).min().unwrap_or(u64::MAX);
    open().filter(|(_, call)| call.began <= first_end).any(|(place, call)| {
        work.after(&call.step).is_some_and(|next| search(calls, done | 1 << place, next, tried))
    })
}

#[test]
fn possible_histories_are_told_from_impossible_ones() {
    let begin =
        |owner, answer, began, ended| Call { began, ended, step: Step::Begin { owner, print: 0, answer } };
    let complete =
        |owner, began, ended| Call { began, ended, step: Step::Complete { owner, print: 0, is_ours: true } };
    assert!(is_linearizable(&[begin(1, Seen::New, 0, 5), begin(2, Seen::Running, 1, 4)]));
    assert!(!is_linearizable(&[begin(1, Seen::New, 0, 5), begin(2, Seen::New, 1, 4)]), "two begin");
    assert!(is_linearizable(&[begin(2, Seen::Running, 0, 9), begin(1, Seen::New, 1, 4)]), "side by side");
    assert!(!is_linearizable(&[begin(2, Seen::Running, 0, 1), begin(1, Seen::New, 2, 4)]), "of the future");
    let done = [begin(1, Seen::New, 0, 1), complete(1, 2, 3), begin(2, Seen::Done(1), 4, 5)];
    assert!(is_linearizable(&done));
    let stale = [begin(1, Seen::New, 0, 1), complete(1, 2, 3), begin(2, Seen::Running, 4, 5)];
    assert!(!is_linearizable(&stale), "an answer was forgotten");
}
