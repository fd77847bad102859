//! How it went: the exit codes, and the failures that lead to them.

use std::{borrow::Cow, io, process::ExitCode};

use redstart_connection::{ConfigError, Error, ErrorKind};

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Exit {
    /// All is well.
    Fine,
    /// Something is wrong with what was looked at: an issue, a missed threshold, a no-go.
    Found,
    /// The question is wrong: the arguments, the environment or the configuration.
    Usage,
    /// The server can't be reached, or does not let us in.
    Unreachable,
    /// Ended by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Fine, Self::Found, Self::Usage, Self::Unreachable, Self::Interrupted];

    /// What the shell sees.
    ///
    /// ```
    /// assert_eq!(redstart_cli::Exit::Unreachable.code(), 3);
    /// ```
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Interrupted => 130,
        }
    }

    /// What it says, for the help.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "all is well",
            Self::Found => "something was found: an issue, a missed threshold, a no-go",
            Self::Usage => "the question is wrong: arguments, environment or configuration",
            Self::Unreachable => "the server can't be reached, or does not let us in",
            Self::Interrupted => "ended by Ctrl-C",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    exit: Exit,
    what: String,
    remedy: Option<Cow<'static, str>>,
    source: Option<Error>,
}

impl Failure {
    /// A question that makes no sense; the text names the input, what is wrong and what would be right.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Work that was begun and could not be done, with the server at hand.
    #[must_use]
    pub fn found(what: impl Into<String>) -> Self {
        Self::new(Exit::Found, what)
    }

    /// A failure that ends with `exit`.
    #[must_use]
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), remedy: None, source: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// How the command ends by it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
            .with_remedy("see docs/guide/configuration.md for every variable and field")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (exit, remedy) = match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Connection => (
                Exit::Unreachable,
                Some(
                    "check that the server runs and that --url, or the environment, names it (redstart ping)",
                ),
            ),
            ErrorKind::Auth => (
                Exit::Unreachable,
                Some("set REDIS_USERNAME and REDIS_PASSWORD to those of a user of this server"),
            ),
            ErrorKind::Loading | ErrorKind::ReadOnly | ErrorKind::Overloaded | ErrorKind::Shutdown => {
                (Exit::Unreachable, None)
            }
            ErrorKind::Config | ErrorKind::Unsupported => (Exit::Usage, None),
            ErrorKind::Permission => {
                (Exit::Found, Some("give this user the command, or use one that has it (ACL SETUSER)"))
            }
            _ => (Exit::Found, None),
        };
        Self { exit, what: error.to_string(), remedy: remedy.map(Cow::Borrowed), source: Some(error) }
    }
}
