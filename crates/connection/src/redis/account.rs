//! The account of one attempt: what is known of everything that it sent.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicU8, AtomicU64, Ordering},
};

use crate::{Certainty, Result};

/// One of the connections to a server, from the moment it came up until it is lost.
///
/// Whatever travels over the same one reaches the same server in the order in which it was sent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Carrier(NonZeroU64);

/// What is known of all commands of an attempt, the worst of each.
///
/// Whatever an operation makes of the answers, what the server may have done stays on the account: an
/// error that the operation picks out or makes up can't call it undone.
#[derive(Default)]
pub(super) struct Account {
    worst: AtomicU8,
    /// The number of the connection that carried the last command, or 0.
    carrier: AtomicU64,
}

/// A command on its way; dropped without an answer, it may have been carried out.
#[must_use = "an answer that is not entered counts as none"]
pub(super) struct Sent<'a> {
    account: &'a Account,
    /// What is to be entered when this is dropped.
    entry: Certainty,
}

impl Carrier {
    /// A new one.
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let last = LAST.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::MIN.saturating_add(last))
    }
}

impl Account {
    /// Opens the entry of a command about to be handed over to this connection.
    pub(super) fn open_over(&self, carrier: Carrier) -> Sent<'_> {
        self.carrier.store(carrier.0.get(), Ordering::Relaxed);
        self.open()
    }

    /// Which connection carried the last command.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        NonZeroU64::new(self.carrier.load(Ordering::Relaxed)).map(Carrier)
    }

    /// Opens the entry of a command about to be handed over.
    pub(super) const fn open(&self) -> Sent<'_> {
        Sent { account: self, entry: Certainty::Unknown }
    }

    pub(super) fn certainty(&self) -> Certainty {
        const ALL: [Certainty; 4] =
            [Certainty::NotSent, Certainty::Refused, Certainty::Failed, Certainty::Unknown];
        ALL[usize::from(self.worst.load(Ordering::Relaxed))]
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
        self.account.worst.fetch_max(self.entry as u8, Ordering::Relaxed);
    }
}

/// Work that was done is work that must not be called undone.
fn worth<T>(answer: &Result<T>) -> Certainty {
    answer.as_ref().map_or_else(crate::Error::certainty, |_| Certainty::Unknown)
}
