//! The error of the door: what went wrong, and whether the work may have been done.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{config::Address, standby::Away};

/// The result of everything that touches the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation.
///
/// [`Error::kind`] is for branching, [`Error::certainty`] says what is known of the work, the text is
/// for people. It never holds a value, an id that was declared sensitive, or a secret.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    certainty: Certainty,
    operation: &'static str,
    what: Cow<'static, str>,
    code: Option<Box<str>>,
    /// Where in a cluster the command belongs.
    redirect: Option<Redirect>,
    /// The server that was not reached, where nothing was sent.
    away: Option<Arc<Away>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No connection is up; the last attempt's cause is in the text.
    Unavailable,
    /// No answer came within the deadline.
    Timeout,
    /// Too much work is waiting, or the store is full.
    Overloaded,
    /// The connection broke under the call.
    Connection,
    /// The server is a replica.
    ReadOnly,
    /// The server is starting, or cannot serve yet.
    Loading,
    /// The server refused the credentials.
    Auth,
    /// The user may not do this.
    Permission,
    /// The configuration does not fit the server.
    Config,
    /// This store cannot do this.
    Unsupported,
    /// The answer was not of the expected form.
    Protocol,
    /// The key holds another type.
    WrongType,
    /// A script failed.
    Script,
    /// The server's memory is full.
    OutOfMemory,
    /// The server answered with another error.
    Server,
    /// The store was shut down.
    Shutdown,
}

/// What is known of the work behind a failed call.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "callers must decide for each; there is no fifth answer")]
pub enum Certainty {
    /// It never left the process.
    NotSent,
    /// The server answered that it did not do it.
    Refused,
    /// The server did it and failed; what came before the failure stands.
    Failed,
    /// It may have been done.
    Unknown,
}

/// A cluster's word on where a command belongs.
#[derive(Clone, Debug)]
pub(crate) struct Redirect {
    pub(crate) slot: u16,
    pub(crate) to: Address,
}

impl ErrorKind {
    /// The kind in one word, as the outcome of an operation in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::Connection => "connection",
            Self::Loading => "loading",
            Self::ReadOnly => "readonly",
            Self::OutOfMemory => "out_of_memory",
            Self::Auth => "auth",
            Self::Permission => "permission",
            _ => "error",
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, certainty: Certainty, what: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            certainty,
            operation: "",
            what: what.into(),
            code: None,
            redirect: None,
            away: None,
            source: None,
        }))
    }

    /// An answer that was not of the expected form; for authors of operations.
    #[must_use]
    pub fn protocol(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Protocol, Certainty::Failed, what)
    }

    /// Work refused because something bounded is full; for authors of operations.
    #[must_use]
    pub fn overloaded(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Overloaded, Certainty::NotSent, what)
    }

    /// Work that this store cannot do; for authors of operations.
    #[must_use]
    pub fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, Certainty::NotSent, what)
    }

    pub(crate) fn unavailable(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unavailable, Certainty::NotSent, what)
    }

    pub(crate) fn shutdown() -> Self {
        Self::new(ErrorKind::Shutdown, Certainty::NotSent, "the store was shut down")
    }

    pub(crate) fn timeout(within: Duration, certainty: Certainty) -> Self {
        Self::new(ErrorKind::Timeout, certainty, format!("no answer within {within:?}"))
    }

    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.0.code = Some(code.into());
        self
    }

    pub(crate) fn with_redirect(mut self, redirect: Option<Redirect>) -> Self {
        self.0.redirect = redirect;
        self
    }

    /// Where in a cluster the command belongs, when the server said so.
    pub(crate) fn redirect(&self) -> Option<&Redirect> {
        self.0.redirect.as_ref()
    }

    /// Names the server that was not reached.
    pub(crate) fn while_away(mut self, away: &Arc<Away>) -> Self {
        self.0.away = Some(Arc::clone(away));
        self
    }

    /// The server that was not reached, when nothing of the whole was sent.
    pub(crate) fn away(&self) -> Option<&Arc<Away>> {
        self.0.away.as_ref().filter(|_| self.0.certainty == Certainty::NotSent)
    }

    /// A redirection that leads nowhere: the nodes do not agree yet, and a moment later they may.
    pub(crate) fn not_settled(mut self) -> Self {
        if self.0.redirect.take().is_some() {
            self.0.kind = ErrorKind::Loading;
        }
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    pub(crate) fn in_operation(mut self, operation: &'static str) -> Self {
        self.0.operation = operation;
        self
    }

    /// Raises the certainty to what the attempt as a whole has done.
    pub(crate) fn at_least(mut self, certainty: Certainty) -> Self {
        self.0.certainty = self.0.certainty.max(certainty);
        self
    }

    /// A copy for another caller of the same work; the source stays with the first.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let Inner { kind, certainty, operation, what, code, redirect, away, source: _ } = &*self.0;
        Self(Box::new(Inner {
            kind: *kind,
            certainty: *certainty,
            operation,
            what: what.clone(),
            code: code.clone(),
            redirect: redirect.clone(),
            away: away.clone(),
            source: None,
        }))
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is known of the work.
    #[must_use]
    pub fn certainty(&self) -> Certainty {
        self.0.certainty
    }

    /// The name of the operation, empty before one is known.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// The server's error code, such as `READONLY`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use ErrorKind::{Connection, Loading, OutOfMemory, Overloaded, ReadOnly, Timeout, Unavailable};
        matches!(
            self.0.kind,
            Unavailable | Timeout | Overloaded | Connection | ReadOnly | Loading | OutOfMemory
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.operation.is_empty() {
            write!(f, "{}: ", self.0.operation)?;
        }
        f.write_str(&self.0.what)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, certainty, operation, what, code, redirect: _, away: _, source } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("certainty", certainty)
            .field("operation", operation)
            .field("what", what)
            .field("code", code)
            .field("source", source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
