//! Fences: numbers by which a resource tells an old holder from a new one.

use std::fmt;

use redstart_connection::{Error, Result};

/// A number that is larger for each grant of a lock than for all grants before.
///
/// A resource that keeps the largest fence it has seen, and refuses work under a smaller one, is safe
/// even from a holder that was paused and does not know yet that its lease is over:
/// `UPDATE account SET … , fence = $1 WHERE id = $2 AND fence <= $1`.
///
/// It is the server's time in microseconds, or one more than the last. So it rises even when the
/// server has lost what it knew, as long as its clock does not step back further than that.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fence(u64);

impl Fence {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn parse(number: i64) -> Result<Self> {
        let number =
            u64::try_from(number).map_err(|_| Error::protocol("expected a fence, got less than none"))?;
        Ok(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
