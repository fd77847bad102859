//! The account of one attempt: what is known of everything that it sent.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::{Certainty, Result};

/// What is known of all commands of an attempt, the worst of each.
///
/// Whatever an operation makes of the answers, what the server may have done stays on the account: an
/// error that the operation picks out or makes up can't call it undone.
#[derive(Default)]
pub(super) struct Account(AtomicU8);

/// A command on its way; dropped without an answer, it may have been carried out.
#[must_use = "an answer that is not entered counts as none"]
pub(super) struct Sent<'a> {
    account: &'a Account,
    /// What is to be entered when this is dropped.
    entry: Certainty,
}

impl Account {
    /// Opens the entry of a command about to be handed over.
    pub(super) const fn open(&self) -> Sent<'_> {
        Sent { account: self, entry: Certainty::Unknown }
    }

    pub(super) fn certainty(&self) -> Certainty {
        const ALL: [Certainty; 4] =
            [Certainty::NotSent, Certainty::Refused, Certainty::Failed, Certainty::Unknown];
        ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

impl Sent<'_> {
    /// Enters the answer of one command.
    pub(super) fn settle<T>(mut self, answer: Result<T>) -> Result<T> {
        self.entry = worth(&answer);
        answer
    }

    /// Enters the answers of several commands that travelled together.
    pub(super) fn settle_all<T>(mut self, answers: Result<Vec<Result<T>>>) -> Result<Vec<Result<T>>> {
        self.entry = match &answers {
            Ok(answers) => answers.iter().map(worth).max().unwrap_or(Certainty::NotSent),
            Err(error) => error.certainty(),
        };
        answers
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.account.0.fetch_max(self.entry as u8, Ordering::Relaxed);
    }
}

/// Work that was done is work that must not be called undone.
fn worth<T>(answer: &Result<T>) -> Certainty {
    answer.as_ref().map_or_else(crate::Error::certainty, |_| Certainty::Unknown)
}
