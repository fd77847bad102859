//! The store of `tower-sessions`.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use metrics::counter;
use redstart_connection::{Outage, Store, names};
use redstart_keys::{Entity, TextId, Ttl};
use time::OffsetDateTime;
use tower_sessions_core::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{
    operations::{
        CreateSession, Created, EndSessions, LoadSession, Place, SaveSession, Saved, Term, Version,
    },
    secret::{Secret, unique},
};

/// Sessions of `tower-sessions`, kept in a store.
///
/// The server sees a digest of an id and never the id. A save never brings back a session that was deleted:
/// such a save is dropped, since the trait has no answer for it, and counted. The trait knows no versions
/// either, so of two requests that save at the same time the later one wins; [`Sessions`](crate::Sessions)
/// has what the trait leaves out.
///
/// While the store does not answer, every call fails.
#[derive(Clone)]
pub struct TowerSessions {
    store: Store,
    entity: Entity<TextId>,
}

impl TowerSessions {
    /// Sessions kept in `store` under the keys of `entity`; how long is said by each session.
    #[must_use]
    pub fn new(store: &Store, entity: &Entity<TextId>) -> Self {
        Self { store: store.clone(), entity: *entity }
    }

    fn place(&self, id: Id) -> Place {
        let secret = Secret::from_number(id.0.cast_unsigned());
        let owner = self.entity.key(&secret.place());
        Place { owner, digest: secret.digest(), outage: Outage::Fail }
    }

    /// How long a record lives from now on; none if it has ended.
    fn term(&self, record: &Record) -> Option<Term> {
        let now = u64::try_from(record.expiry_date.unix_timestamp_nanos() / 1_000).ok()?;
        let left = now.checked_sub(self.store.clock().now().as_micros())?;
        Some(Term { ttl: Ttl::new(Duration::from_micros(left))?, at_most: None })
    }
}

#[async_trait]
impl SessionStore for TowerSessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let value = write(record)?;
        let Some(term) = self.term(record) else { return Ok(()) };
        loop {
            let create = CreateSession::new(self.place(record.id), Version(unique()), value.clone(), term, 1);
            match self.store.run(&create).await.map_err(backend)? {
                Created::Open { .. } => return Ok(()),
                Created::Taken | Created::Gone => record.id = Id::default(),
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let Some(term) = self.term(record) else { return self.delete(&record.id).await };
        let save = SaveSession::new(self.place(record.id), Version(unique()), write(record)?);
        if self.store.run(&save.prolonged(term)).await.map_err(backend)? == Saved::Gone {
            counter!(names::SESSION_DROPPED_SAVES).increment(1);
            tracing::debug!("a save came after the end of its session, and was dropped");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let load = LoadSession::new(self.place(*id));
        let Some(loaded) = self.store.run(&load).await.map_err(backend)? else { return Ok(None) };
        let data = serde_json::from_slice(&loaded.value).map_err(|error| Error::Decode(error.to_string()))?;
        let nanos = i128::from(loaded.ends_at.as_micros()) * 1_000;
        let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.store.run(&EndSessions::one(&self.place(*id))).await.map(drop).map_err(backend)
    }
}

fn write(record: &Record) -> Result<bytes::Bytes> {
    serde_json::to_vec(&record.data).map(Into::into).map_err(|error| Error::Encode(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors, which are handed over")]
fn backend(error: redstart_connection::Error) -> Error {
    Error::Backend(error.to_string())
}

impl fmt::Debug for TowerSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TowerSessions({:?})", self.entity)
    }
}
