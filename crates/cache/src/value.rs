//! Values on their way to the store and back.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redstart_connection::Timestamp;
use redstart_keys::Ttl;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{self, Codec, CodecError, Compression},
    header::Header,
    tag::Tags,
};

/// A value in this process: decoded, with what is known of it.
#[derive(Debug)]
pub(crate) struct Held<V> {
    /// Nothing, when the entry says that there is none.
    pub(crate) value: Option<Arc<V>>,
    pub(crate) as_of: u64,
    /// When it was loaded, and for how long it is fresh and then shown as old; unknown for what other
    /// programs wrote.
    pub(crate) life: Option<Life>,
    pub(crate) tags: Tags,
    /// What its source knows this state of it by.
    pub(crate) validator: Option<Arc<str>>,
}

/// How long a value lives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Life {
    pub(crate) created: Timestamp,
    pub(crate) fresh_for: Duration,
    pub(crate) stale_for: Duration,
    pub(crate) load_time: Duration,
}

impl Life {
    /// When it stops being fresh.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.created.saturating_add(self.fresh_for)
    }

    /// How long the store keeps it.
    pub(crate) fn ttl(&self) -> Ttl {
        Ttl::new(self.fresh_for.saturating_add(self.stale_for)).unwrap_or(Ttl::MAX)
    }

    /// When it may not be shown at all any more.
    pub(crate) fn ends_at(&self) -> Timestamp {
        self.expires_at().saturating_add(self.stale_for)
    }
}

impl<V> Clone for Held<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            as_of: self.as_of,
            life: self.life,
            tags: self.tags.clone(),
            validator: self.validator.clone(),
        }
    }
}

impl<V> Held<V> {
    /// Whether it is shown although it is not fresh any more.
    pub(crate) fn is_stale(&self, now: Timestamp) -> bool {
        self.life.is_some_and(|life| !life.stale_for.is_zero() && life.expires_at() <= now)
    }

    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.life.is_none_or(|life| now < life.expires_at())
    }

    /// Whether it may be shown, be it as an old value.
    pub(crate) fn is_shown(&self, now: Timestamp) -> bool {
        self.life.is_none_or(|life| now < life.ends_at())
    }

    /// Whether it stopped being fresh less than `window` ago, and may still be shown.
    pub(crate) fn is_stale_within(&self, window: Duration, now: Timestamp) -> bool {
        let past = |life: Life| now.since(life.expires_at());
        self.is_shown(now) && self.life.is_some_and(|life| past(life) < window)
    }
}

/// How values of one cache are stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// With a header.
    Own(Codec, Compression),
    /// Plain JSON, shared with other programs.
    Plain,
}

impl Form {
    /// The bytes to store; none for what this form cannot say.
    pub(crate) fn encode<V: Serialize>(self, entry: &Entry<'_, V>) -> Result<Option<Bytes>, CodecError> {
        let Entry { value, as_of, life, tags, validator } = *entry;
        let Self::Own(codec, compression) = self else {
            // Plain JSON has no way to say that there is nothing which another program would not misread.
            let bytes = value.map(|value| codec::write(Codec::Json, Compression::None, value)).transpose()?;
            return Ok(bytes.map(|(bytes, _)| Bytes::from(bytes)));
        };
        let (payload, form) = match value {
            Some(value) => codec::write(codec, compression, value)?,
            None => (Vec::new(), 0),
        };
        let Life { created, fresh_for, stale_for, load_time } = life;
        let mut bytes = Vec::with_capacity(64 + payload.len());
        Header {
            absent: value.is_none(),
            as_of,
            form,
            created,
            fresh_for,
            stale_for,
            load_time,
            tags: tags.clone(),
            validator: validator.cloned(),
        }
        .write(&mut bytes);
        bytes.extend_from_slice(&payload);
        Ok(Some(Bytes::from(bytes)))
    }

    /// The value in stored bytes; fails when they make no sense.
    pub(crate) fn decode<V: DeserializeOwned>(self, bytes: &Bytes) -> Result<Held<V>, CodecError> {
        if self == Self::Plain {
            let value = codec::read(0, bytes)?;
            let (value, tags) = (Some(Arc::new(value)), Tags::default());
            return Ok(Held { value, as_of: 0, life: None, tags, validator: None });
        }
        let (header, payload) = Header::read(bytes).ok_or_else(CodecError::no_header)?;
        let value = match header.absent {
            true => None,
            false => Some(Arc::new(codec::read(header.form, payload)?)),
        };
        let Header { as_of, created, fresh_for, stale_for, load_time, tags, validator, .. } = header;
        let life = Some(Life { created, fresh_for, stale_for, load_time });
        Ok(Held { value, as_of, life, tags, validator })
    }
}

/// What is to be stored of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a, V> {
    pub(crate) value: Option<&'a V>,
    pub(crate) as_of: u64,
    pub(crate) life: Life,
    pub(crate) tags: &'a Tags,
    pub(crate) validator: Option<&'a Arc<str>>,
}
