//! All sessions of an owner, and sessions that pass to another id.

use std::cmp::Reverse;

use serde::{Serialize, de::DeserializeOwned};

use super::{Change, Session, SessionError, SessionId, Sessions, write};
use crate::{
    Digest,
    operations::{CreateSession, Created, DepartSession, EndSessions, ListSessions, Listed, Place, Version},
    secret::{Secret, owner_id, unique},
};

impl<T: Serialize + DeserializeOwned + Sync> Sessions<T> {
    /// Gives a session another id, with the value as it is in `session`; the old id opens nothing any more.
    ///
    /// For whoever gains rights in a session: an id that was planted or overheard before is worth nothing
    /// then. It is one step: of several at the same time one is done, and a session that has ended stays so.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value can't be written.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the old id may be void, and nobody has the new one.
    pub async fn renew(&self, session: &Session<T>) -> Result<Change<Session<T>>, SessionError>
    where
        T: Clone,
    {
        let id = SessionId(session.id.0.beside());
        let version = Version(unique());
        let (place, value) = (self.place(&id), write(&session.value)?);
        let create = CreateSession::new(place, version.clone(), value, self.term, self.most)
            .in_place_of(session.id.digest(), session.version.clone());
        Ok(match self.store.run(&create).await? {
            Created::Open { ends_at } => {
                Change::Done(Session { id, value: session.value.clone(), version, ends_at })
            }
            Created::Taken => Change::Conflict,
            Created::Gone => Change::Gone,
        })
    }

    /// Gives a session of somebody unknown to an owner, under another id: the login.
    ///
    /// The old id ends first, then the new one is opened: whatever happens between, nobody has both. If
    /// the store fails in between, both are gone, and the login has to be repeated.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value can't be written.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the session may have ended.
    pub async fn renew_for(
        &self,
        owner: &str,
        session: &Session<T>,
    ) -> Result<Change<Session<T>>, SessionError>
    where
        T: Clone,
    {
        let id = SessionId(Secret::at(owner));
        if id.0.place() == session.id.0.place() {
            return self.renew(session).await;
        }
        let departure =
            DepartSession::new(self.place(&session.id), session.version.clone(), Version(unique()));
        match self.store.run(&departure).await? {
            Some(true) => self.create(id, session.value.clone()).await.map(Change::Done),
            Some(false) => Ok(Change::Conflict),
            None => Ok(Change::Gone),
        }
    }

    /// The sessions of an owner, those that were seen last first. Nothing in them opens a session.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn of_owner(&self, owner: &str) -> Result<Vec<Listed>, SessionError> {
        let mut listed =
            self.store.run(&ListSessions::new(self.entity.key(&owner_id(owner)), self.outage)).await?;
        listed.sort_by_key(|listed| Reverse(listed.seen_at));
        Ok(listed)
    }

    /// Ends one session of an owner, as it is [listed](Self::of_owner); answers whether there was one.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn end_listed(&self, owner: &str, digest: &Digest) -> Result<bool, SessionError> {
        let owner = self.entity.key(&owner_id(owner));
        let place = Place { owner, digest: *digest, outage: self.outage };
        Ok(self.store.run(&EndSessions::one(&place)).await? > 0)
    }

    /// Ends all sessions of an owner; answers how many there were.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn end_all(&self, owner: &str) -> Result<u64, SessionError> {
        let owner = self.entity.key(&owner_id(owner));
        Ok(self.store.run(&EndSessions::all(owner, self.outage)).await?)
    }

    /// Ends all other sessions of whoever has this one; answers how many there were.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn end_others(&self, id: &SessionId) -> Result<u64, SessionError> {
        Ok(self.store.run(&EndSessions::all_but(&self.place(id))).await?)
    }
}
