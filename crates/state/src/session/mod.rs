//! Sessions: what a service remembers of somebody for a while.

mod id;
mod owned;
#[cfg(test)]
mod tests;
#[cfg(feature = "tower-sessions")]
mod tower;

use std::{fmt, marker::PhantomData};

use redstart_connection::{Error, Outage, Store, Timestamp};
use redstart_keys::{Entity, TextId, Ttl};
use serde::{Serialize, de::DeserializeOwned};

pub use self::id::SessionId;
#[cfg(feature = "tower-sessions")]
pub use self::tower::TowerSessions;
use crate::{
    operations::{
        CreateSession, Created, EndSessions, LoadSession, Loaded, Place, SaveSession, Saved, Term,
        TouchSession, Version,
    },
    secret::{Secret, unique},
};

/// How often [`Sessions::update`] tries against others who save at the same time.
const TRIES: usize = 32;

/// What a service remembers of somebody for a while, as values of one type.
///
/// A session is opened for [anybody](Self::open) or for an [owner](Self::open_for), and found by its
/// [`SessionId`]. All sessions of an owner are kept together, so that they can be
/// [listed](Self::of_owner) and [ended](Self::end_all) as one step, on a cluster too.
///
/// - A save names what was read, so nobody's change is lost unseen; it never brings back a session that
///   has ended.
/// - A session ends when the TTL of its declaration is over, counted from when it was opened, last
///   [touched](Self::touch), or, when it [slides](Self::sliding), last read.
/// - Whoever gains rights gets [another id](Self::renew), so that an id known before is worth nothing.
///
/// While Redis is away nobody has a session, unless they may be [kept in memory](Self::with_standby)
/// meanwhile.
///
/// ```
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, TextId, Ttl};
/// use redstart_state::Sessions;
///
/// const WEB: Entity<TextId> = Entity::new(Category::Session, "web").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), redstart_state::SessionError> {
/// let sessions = Sessions::<Vec<String>>::new(&Store::memory(), &WEB);
/// let basket = sessions.open(vec!["lamp".to_owned()]).await?;
/// let cookie = basket.id().to_string();
///
/// let id = cookie.parse().unwrap_or_else(|_| unreachable!());
/// let basket = sessions.update(&id, |basket| basket.push("chair".to_owned())).await?;
/// assert_eq!(basket.map(|basket| basket.value().len()), Some(2));
/// assert!(sessions.end(&id).await?);
/// assert!(sessions.load(&id).await?.is_none());
/// # Ok(()) }
/// ```
pub struct Sessions<T> {
    store: Store,
    entity: Entity<TextId>,
    term: Term,
    slides: bool,
    most: u32,
    outage: Outage,
    value: PhantomData<fn(T) -> T>,
}

/// A session as it was read.
pub struct Session<T> {
    id: SessionId,
    value: T,
    version: Version,
    ends_at: Timestamp,
}

/// What came of saving a session, or of giving it another id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each; there is no fourth answer")]
pub enum Change<T> {
    /// It is done.
    Done(T),
    /// Another has saved since this was read: read it again.
    Conflict,
    /// The session has ended, and stays so.
    Gone,
}

/// Why there is no answer about a session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The store did not answer.
    #[error("the store did not answer about a session")]
    Unavailable(#[from] Error),
    /// The value can't be written, or not read as this type: raise the version of the declaration when
    /// the type changes.
    #[error("the value of a session is not of its type")]
    Value(#[source] serde_json::Error),
    /// Others saved at the same time, again and again.
    #[error("others saved the session at the same time, {TRIES} times")]
    Contended,
}

impl<T: Serialize + DeserializeOwned + Sync> Sessions<T> {
    /// Sessions kept in `store` under the keys of `entity`, for as long as its TTL says; one hour where
    /// it has none.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        let term = Term { ttl: entity.ttl().unwrap_or(Ttl::hours(1)), at_most: None };
        let (store, value) = (store.clone(), PhantomData);
        Self { store, entity: *entity, term, slides: false, most: 100, outage: Outage::Fail, value }
    }

    /// Prolongs a session whenever it is read. Defaults to a fixed end.
    ///
    /// Reading writes only once a tenth of the TTL has passed.
    #[must_use]
    pub const fn sliding(mut self) -> Self {
        self.slides = true;
        self
    }

    /// Ends a session this long after it was opened, however often it is prolonged. Defaults to no bound.
    #[must_use]
    pub const fn at_most(mut self, most: Ttl) -> Self {
        self.term.at_most = Some(most);
        self
    }

    /// How many sessions an owner may have; another ends the one that was seen the longest ago.
    /// Defaults to 100, and is at least 1.
    #[must_use]
    pub const fn most_of_an_owner(mut self, most: u32) -> Self {
        self.most = if most == 0 { 1 } else { most };
        self
    }

    /// Keeps sessions in this process's memory while Redis is away. Defaults to refusing.
    ///
    /// Who had a session before has none then, and what is opened meanwhile is forgotten when Redis is
    /// back.
    #[must_use]
    pub const fn with_standby(mut self) -> Self {
        self.outage = Outage::UseMemory;
        self
    }

    /// Opens a session for somebody of whom nothing is known.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value can't be written.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the session may be open; nobody has its id.
    pub async fn open(&self, value: T) -> Result<Session<T>, SessionError> {
        self.create(SessionId(Secret::anywhere()), value).await
    }

    /// Opens a session for an owner, such as a user.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open).
    pub async fn open_for(&self, owner: &str, value: T) -> Result<Session<T>, SessionError> {
        self.create(SessionId(Secret::at(owner)), value).await
    }

    /// Reads a session; none if there is none, or it has ended.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value is of another type.
    pub async fn load(&self, id: &SessionId) -> Result<Option<Session<T>>, SessionError> {
        let load = LoadSession::new(self.place(id));
        let load = if self.slides { load.sliding(self.term) } else { load };
        let Some(Loaded { version, value, ends_at, .. }) = self.store.run(&load).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&value).map_err(SessionError::Value)?;
        Ok(Some(Session { id: id.clone(), value, version, ends_at }))
    }

    /// Prolongs a session without reading or writing its value; answers whether there is one.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn touch(&self, id: &SessionId) -> Result<bool, SessionError> {
        let touched = self.store.run(&TouchSession::new(self.place(id), self.term)).await?;
        Ok(touched.is_some())
    }

    /// Writes the value of a session if nobody else has since it was read.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, or the value can't be written.
    pub async fn save(&self, session: &mut Session<T>) -> Result<Change<()>, SessionError> {
        let version = Version(unique());
        let save = SaveSession::new(self.place(&session.id), version.clone(), write(&session.value)?);
        Ok(match self.store.run(&save.if_still(session.version.clone())).await? {
            Saved::Written { ends_at } => {
                (session.version, session.ends_at) = (version, ends_at);
                Change::Done(())
            }
            Saved::Conflict => Change::Conflict,
            Saved::Gone => Change::Gone,
        })
    }

    /// Reads a session, changes it and saves it, again if another has saved meanwhile.
    ///
    /// Answers the session as it was saved; none if there is none.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer, the value is of another type, or others are always first.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway the change may be saved.
    pub async fn update(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut T),
    ) -> Result<Option<Session<T>>, SessionError> {
        for _ in 0..TRIES {
            let Some(mut session) = self.load(id).await? else { return Ok(None) };
            change(&mut session.value);
            match self.save(&mut session).await? {
                Change::Done(()) => return Ok(Some(session)),
                Change::Conflict => {}
                Change::Gone => return Ok(None),
            }
        }
        Err(SessionError::Contended)
    }

    /// Ends a session; answers whether there was one. A save that is under way does not bring it back.
    ///
    /// Of several who end it at the same time one is told that there was one; nobody may be, where an answer
    /// was lost and the step was sent again.
    ///
    /// # Errors
    ///
    /// Fails when the store does not answer.
    pub async fn end(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.store.run(&EndSessions::one(&self.place(id))).await? > 0)
    }

    async fn create(&self, id: SessionId, value: T) -> Result<Session<T>, SessionError> {
        let version = Version(unique());
        let create =
            CreateSession::new(self.place(&id), version.clone(), write(&value)?, self.term, self.most);
        match self.store.run(&create).await? {
            Created::Open { ends_at } => Ok(Session { id, value, version, ends_at }),
            Created::Taken | Created::Gone => {
                Err(Error::protocol("a session with the same 128 random bits is open").into())
            }
        }
    }

    fn place(&self, id: &SessionId) -> Place {
        let owner = self.entity.key(&id.0.place());
        Place { owner, digest: id.digest(), outage: self.outage }
    }
}

fn write(value: &impl Serialize) -> Result<bytes::Bytes, SessionError> {
    serde_json::to_vec(value).map(Into::into).map_err(SessionError::Value)
}

impl<T> Session<T> {
    /// What opens it.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// What is remembered.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// What is remembered, to be changed before a [save](Sessions::save).
    #[must_use]
    pub const fn value_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// What is remembered, alone.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// When it ends, unless it is prolonged.
    #[must_use]
    pub const fn ends_at(&self) -> Timestamp {
        self.ends_at
    }
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value may be personal data.
        write!(f, "Session(***, ends at {} µs)", self.ends_at.as_micros())
    }
}

impl<T> Clone for Sessions<T> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), ..*self }
    }
}

impl<T> fmt::Debug for Sessions<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entity, term, slides, .. } = self;
        let end = if *slides { "sliding" } else { "fixed" };
        write!(f, "Sessions({entity:?}, {end} {})", term.ttl)
    }
}
