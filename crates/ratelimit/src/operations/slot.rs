//! Where a limiter's state lies in the embedded store.

use std::time::Duration;

use redstart_connection::{Result, Timestamp, Tx};
use redstart_keys::Key;

use crate::account::{Account, State};

/// How much longer than its meaning a state is kept, so that not every charge has to put it anew.
const SPARE: Duration = Duration::from_secs(1);

/// The state of one limiter, found once in a step and changed in place.
#[derive(Debug)]
pub(super) struct Slot<'a>(Option<(&'a mut State, Timestamp)>);

/// A state for which there is no entry that lives long enough, and when it has become meaningless.
#[derive(Debug)]
pub(super) struct Outlived(State, Timestamp);

impl<'a> Slot<'a> {
    #[inline]
    pub(super) fn find(tx: &'a mut Tx<'_>, key: &Key) -> Self {
        let found = tx.get_mut::<State>(key);
        Self(found.and_then(|(state, ends_at)| Some((state, ends_at?))))
    }

    #[inline]
    pub(super) fn state(&self) -> Option<&State> {
        self.0.as_ref().map(|(state, _)| &**state)
    }

    /// Keeps what `account` has become, or hands it back to be put.
    #[inline]
    pub(super) fn keep(self, account: Account) -> Result<(), Outlived> {
        let (state, expires_at) = account.close();
        match self.0 {
            Some((kept, ends_at)) if expires_at <= ends_at => {
                *kept = state;
                Ok(())
            }
            _ => Err(Outlived(state, expires_at)),
        }
    }
}

impl Outlived {
    /// Puts it into an entry of its own.
    ///
    /// # Errors
    ///
    /// Fails when the store is full and this limiter new to it.
    pub(super) fn put(self, tx: &mut Tx<'_>, key: &Key) -> Result<()> {
        // No least TTL here: the embedded store keeps hardly anything longer than it means something.
        let Self(state, expires_at) = self;
        tx.put_owned(key, state, expires_at.saturating_add(SPARE))
    }
}

/// What is kept under `key`.
pub(super) fn load(tx: &mut Tx<'_>, key: &Key) -> Option<State> {
    Slot::find(tx, key).state().cloned()
}

/// Keeps what `account` has become.
///
/// # Errors
///
/// As [`Outlived::put`].
pub(super) fn store(tx: &mut Tx<'_>, key: &Key, account: Account) -> Result<()> {
    Slot::find(tx, key).keep(account).or_else(|outlived| outlived.put(tx, key))
}
