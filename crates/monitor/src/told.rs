//! Answers that a server may refuse to give.

use redstart_connection::{ErrorKind, Result};
use serde::Serialize;

/// What came of a question that the server may refuse.
///
/// Managed services forbid many commands, and so do the rules of a careful user: that a question may not be
/// asked here is a fact like any other, and never an error.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "answer", content = "value", rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "whoever shows an answer must know what to show without one")]
pub enum Told<T> {
    /// The answer.
    Known(T),
    /// The user of this connection may not ask.
    NotAllowed,
    /// The server does not know the question, or has nothing of the kind.
    NotOffered,
    /// No answer came in time.
    NoAnswer,
    /// Nobody has asked yet.
    #[default]
    NotAsked,
}

impl<T> Told<T> {
    /// The answer, where there is one.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(answer) => Some(answer),
            _ => None,
        }
    }

    /// The same with another answer; what is no answer stays what it is.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Known(answer) => Told::Known(change(answer)),
            Self::NotAllowed => Told::NotAllowed,
            Self::NotOffered => Told::NotOffered,
            Self::NoAnswer => Told::NoAnswer,
            Self::NotAsked => Told::NotAsked,
        }
    }

    pub(crate) fn of(result: Result<T>) -> Self {
        match result {
            Ok(answer) => Self::Known(answer),
            Err(error) if error.kind() == ErrorKind::Permission => Self::NotAllowed,
            Err(error) if Self::is_refusal(error.kind()) => Self::NotOffered,
            Err(_) => Self::NoAnswer,
        }
    }

    /// What came of a question that tells refusals itself.
    pub(crate) fn asked(result: Result<Self>) -> Self {
        result.unwrap_or(Self::NoAnswer)
    }

    /// Whether an error says that there is no answer here, now and later.
    pub(crate) const fn is_refusal(kind: ErrorKind) -> bool {
        // Unknown commands and subcommands, and what this kind of server does not have.
        matches!(
            kind,
            ErrorKind::Permission | ErrorKind::Unsupported | ErrorKind::Server | ErrorKind::Protocol
        )
    }
}

#[cfg(test)]
mod tests;
