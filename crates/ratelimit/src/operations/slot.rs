//! Where a limiter's state lies in the embedded store.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redstart_connection::{Result, Timestamp, Tx};
use redstart_keys::Key;

use crate::account::{Account, State};

/// How much longer than its meaning a state is kept, so that not every charge has to put it anew.
const SPARE: Duration = Duration::from_secs(1);

/// The place of one limiter, for the length of a step.
#[derive(Debug)]
pub(super) struct Slot(Option<(Arc<Kept>, Timestamp)>);

/// A state that is changed in place: putting an entry costs ten times as much as finding it.
///
/// The step's own lock keeps everybody else away; this one is never waited for.
#[derive(Debug)]
struct Kept(Mutex<State>);

impl Slot {
    pub(super) fn find(tx: &Tx<'_>, key: &Key) -> Self {
        let found = tx.get_with_end::<Kept>(key);
        Self(found.and_then(|(kept, ends_at)| Some((kept, ends_at?))))
    }

    pub(super) fn state(&self) -> Option<State> {
        let (kept, _) = self.0.as_ref()?;
        Some(kept.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Keeps what `account` has become.
    ///
    /// # Errors
    ///
    /// Fails when the store is full and this limiter new to it.
    pub(super) fn keep(&self, tx: &mut Tx<'_>, key: &Key, account: Account) -> Result<()> {
        // No least TTL here: the embedded store keeps hardly anything longer than it means something.
        let (state, expires_at) = account.close();
        match &self.0 {
            Some((kept, ends_at)) if expires_at <= *ends_at => {
                *kept.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
                Ok(())
            }
            _ => tx.put(key, Kept(Mutex::new(state)), expires_at.saturating_add(SPARE)),
        }
    }
}

/// What is kept under `key`.
pub(super) fn load(tx: &Tx<'_>, key: &Key) -> Option<State> {
    Slot::find(tx, key).state()
}

/// Keeps what `account` has become.
pub(super) fn store(tx: &mut Tx<'_>, key: &Key, account: Account) -> Result<()> {
    Slot::find(tx, key).keep(tx, key, account)
}
