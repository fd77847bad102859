//! Shares of a lock: readers beside each other, a writer alone, one of some permits.

mod acquire;
mod extend;
mod inspect;
mod release;

pub use self::{acquire::AcquireShare, extend::ExtendShare, inspect::InspectShares, release::GiveBackShare};

use redstart_connection::{Timestamp, Tx};
use redstart_keys::Key;

use super::Token;

/// What is shared, and how.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth kind")]
pub enum Share {
    /// Beside other readers, but no writer.
    Read,
    /// Alone.
    Write,
    /// One of so many.
    Permit {
        /// How many there are; who asks for another number goes by that.
        of: u32,
    },
}

impl Share {
    const fn letter(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::Permit { .. } => "p",
        }
    }

    const fn most(self) -> u32 {
        match self {
            Self::Read => u32::MAX,
            Self::Write => 1,
            Self::Permit { of } => of,
        }
    }

    /// Whether there is room beside those who hold a share.
    fn fits(self, shares: &[Held]) -> bool {
        match self {
            Self::Read => shares.iter().all(|held| held.letter == "r"),
            Self::Write => shares.is_empty(),
            Self::Permit { of } => shares.len() < usize::try_from(of).unwrap_or(usize::MAX),
        }
    }

    /// What stands for a holder on the server.
    fn member(self, token: &Token) -> String {
        format!("{} {}", self.letter(), token.as_str())
    }
}

/// What the embedded store keeps: who holds a share, and until when.
#[derive(Clone, Default)]
struct Shares(Vec<Held>);

#[derive(Clone)]
struct Held {
    letter: &'static str,
    token: Token,
    ends: Timestamp,
}

impl Shares {
    /// The shares that have not ended.
    fn of(tx: &Tx<'_>, key: &Key) -> Self {
        let now = tx.now();
        let mut shares = tx.get::<Self>(key).map(|shares| (*shares).clone()).unwrap_or_default();
        shares.0.retain(|held| now < held.ends);
        shares
    }

    fn position(&self, share: Share, token: &Token) -> Option<usize> {
        self.0.iter().position(|held| held.letter == share.letter() && held.token == *token)
    }

    fn next_end(&self) -> Option<Timestamp> {
        self.0.iter().map(|held| held.ends).min()
    }

    fn put(self, tx: &mut Tx<'_>, key: &Key) -> redstart_connection::Result<()> {
        match self.0.iter().map(|held| held.ends).max() {
            Some(last) => tx.put(key, self, last),
            None => {
                tx.remove(key);
                Ok(())
            }
        }
    }
}
