//! Values on their way to the store and back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redstart_connection::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::header::Header;

/// A value in this process: decoded, with what is known of it.
#[derive(Debug)]
pub(crate) struct Held<V> {
    /// Nothing, when the entry says that there is none.
    pub(crate) value: Option<Arc<V>>,
    pub(crate) as_of: u64,
    /// When it was loaded; unknown for what other programs wrote.
    pub(crate) created: Option<Timestamp>,
    /// When it stops being fresh; unknown for what other programs wrote.
    pub(crate) expires_at: Option<Timestamp>,
}

impl<V> Clone for Held<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            as_of: self.as_of,
            created: self.created,
            expires_at: self.expires_at,
        }
    }
}

impl<V> Held<V> {
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

/// What a value will be stored as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Birth {
    pub(crate) as_of: u64,
    pub(crate) created: Timestamp,
    pub(crate) fresh_for: Duration,
    pub(crate) load_time: Duration,
}

/// How values of one cache are stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// With a header.
    Own,
    /// Plain JSON, shared with other programs.
    Plain,
}

impl Form {
    /// The bytes to store; none for what this form cannot say.
    pub(crate) fn encode<V: Serialize>(
        self,
        value: Option<&V>,
        birth: &Birth,
    ) -> Result<Option<Vec<u8>>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(256);
        if self == Self::Own {
            let Birth { as_of, created, fresh_for, load_time } = *birth;
            Header { absent: value.is_none(), as_of, created, fresh_for, load_time }.write(&mut bytes);
        } else if value.is_none() {
            // Plain JSON has no way to say that there is nothing which another program would not misread.
            return Ok(None);
        }
        if let Some(value) = value {
            serde_json::to_writer(&mut bytes, value)?;
        }
        Ok(Some(bytes))
    }

    /// The value in stored bytes; none when they make no sense.
    pub(crate) fn decode<V: DeserializeOwned>(self, bytes: &Bytes) -> Option<Held<V>> {
        if self == Self::Plain {
            let value = serde_json::from_slice(bytes).ok()?;
            return Some(Held { value: Some(Arc::new(value)), as_of: 0, created: None, expires_at: None });
        }
        let (header, payload) = Header::read(bytes)?;
        let value = if header.absent { None } else { Some(Arc::new(serde_json::from_slice(payload).ok()?)) };
        let (created, expires_at) = (Some(header.created), Some(header.expires_at()));
        Some(Held { value, as_of: header.as_of, created, expires_at })
    }
}
