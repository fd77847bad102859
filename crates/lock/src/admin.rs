//! What operators and health checks ask.

use std::time::Duration;

use metrics::counter;
use redstart_connection::names;
use redstart_keys::Key;

use crate::{
    Fence, LockError, Locks,
    locks::{permits_of, readers_of},
    operations::{ForceRelease, Holding, Inspect, InspectShares, Keeping, Keeps, Next},
};

/// Who holds a lock.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Holder {
    /// The name that the process gave itself; what another program wrote stands here as it is.
    pub owner: String,
    /// Until the present lease ends, if nobody prolongs it; none if it never does.
    pub expires_in: Option<Duration>,
    /// How many processes wait for the lock.
    pub waiting: usize,
}

/// A lock that this process holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldLock {
    /// Which.
    pub lock: Key,
    /// Under which fence.
    pub fence: Fence,
    /// For how long by now.
    pub held_for: Duration,
    /// For how long it is certain, were it not renewed any more.
    pub valid_for: Duration,
}

impl Locks {
    /// Whether anybody holds the lock.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn is_locked(&self, key: &Key) -> Result<bool, LockError> {
        Ok(self.run(&Inspect::new(key)).await? != Holding::Free)
    }

    /// Time until the present lease ends, if nobody prolongs it; none if nobody holds the lock.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn remaining(&self, key: &Key) -> Result<Option<Duration>, LockError> {
        Ok(match self.run(&Inspect::new(key)).await? {
            Holding::Free => None,
            Holding::Held { expires_in, .. } => Some(expires_in.unwrap_or(Duration::MAX)),
        })
    }

    /// Who holds the lock, if anybody does.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn holder(&self, key: &Key) -> Result<Option<Holder>, LockError> {
        Ok(match self.run(&Inspect::new(key)).await? {
            Holding::Free => None,
            Holding::Held { holder, expires_in, waiting } => {
                Some(Holder { owner: holder.owner().to_owned(), expires_in, waiting })
            }
        })
    }

    /// Who holds a permit of the key, those first whose lease ends first.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn permit_holders(&self, key: &Key) -> Result<Vec<String>, LockError> {
        self.sharers(&permits_of(key)).await
    }

    /// Who reads or writes under the key, those first whose lease ends first.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn readers(&self, key: &Key) -> Result<Vec<String>, LockError> {
        self.sharers(&readers_of(key)).await
    }

    async fn sharers(&self, key: &Key) -> Result<Vec<String>, LockError> {
        let tokens = self.run(&InspectShares::new(key)).await?;
        Ok(tokens.into_iter().map(|token| token.owner().to_owned()).collect())
    }

    /// Takes the lock from whoever holds it; answers who that was.
    ///
    /// The holder learns of it when its lease is renewed next, so its work may go on for a third of the
    /// TTL: this is for operators who know that the holder is gone. It is logged as a warning and counted.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn force_release(&self, key: &Key) -> Result<Option<String>, LockError> {
        let forced = self.run(&ForceRelease::new(key)).await?;
        let Some(holder) = forced.holder else { return Ok(None) };
        tracing::warn!(lock = %key, owner = holder.owner(), by = self.name(), "a lock was taken from its holder");
        counter!(names::LOCK_FORCED, "lock" => key.entity_name()).increment(1);
        if let Some(token) = forced.next {
            self.0.inbox.tell(&Next { token, fence: None });
        }
        Ok(Some(holder.owner().to_owned()))
    }

    /// Whether the server keeps what it grants, or may throw locks out when its memory is full.
    ///
    /// The first acquire looks as well, and logs a warning.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn keeping(&self) -> Result<Keeping, LockError> {
        self.run(&Keeps::default()).await
    }

    /// The locks that this process holds, those it has held longest first.
    #[must_use]
    pub fn held(&self) -> Vec<HeldLock> {
        let now = self.0.store.clock().instant();
        let mut held: Vec<HeldLock> = self
            .0
            .held()
            .values()
            .map(|held| HeldLock {
                lock: Key::clone(&held.claim.lock),
                fence: held.fence,
                held_for: now.saturating_duration_since(held.since),
                valid_for: held.kept.validity().valid_for(),
            })
            .collect();
        held.sort_by_key(|held| std::cmp::Reverse(held.held_for));
        held
    }

    /// The locks that this process waits for, and how many of its tasks wait for each.
    #[must_use]
    pub fn waiting(&self) -> Vec<(Key, usize)> {
        self.0.queues.waiting()
    }

    /// How many dropped locks have not been given back yet.
    #[must_use]
    pub fn pending_releases(&self) -> usize {
        self.0.janitor.pending()
    }
}
