//! Why an attempt at a job failed.

use std::{error::Error, fmt};

/// Why an attempt at a job failed, and whether another one makes sense.
///
/// Every error turns into one that is tried again:
///
/// ```
/// use redstart_jobs::Failure;
///
/// fn amount(text: &str) -> Result<u64, Failure> {
///     if text.is_empty() {
///         return Err(Failure::for_good("there is no amount"));
///     }
///     Ok(text.parse()?)
/// }
///
/// assert!(amount("").unwrap_err().is_final());
/// assert!(!amount("7 €").unwrap_err().is_final());
/// ```
///
/// The reason is kept on the server and shown to operators: put no secret into it.
// It is no `Error` itself, since everything that is one turns into it.
#[derive(Debug)]
pub struct Failure {
    reason: String,
    is_final: bool,
}

impl Failure {
    /// The attempt failed; the job is tried again as its [`Retry`](crate::Retry) says.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_final: false }
    }

    /// The job can't succeed, and becomes a dead letter at once.
    #[must_use]
    pub fn for_good(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_final: true }
    }

    /// Whether the job is not tried again.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.is_final
    }

    /// What happened.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        Self::new(reason)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}
