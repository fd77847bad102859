//! Values on their way to the store and back.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    codec::{self, Codec, CodecError, Compression},
    header::Header,
    held::{About, Held, Life},
    tag::Tags,
};

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
            let about = About { as_of: 0, life: None, tags: Tags::default(), validator: None };
            return Ok(Held::new(Some(Arc::new(value)), about));
        }
        let (header, payload) = Header::read(bytes).ok_or_else(CodecError::no_header)?;
        let value = match header.absent {
            true => None,
            false => Some(Arc::new(codec::read(header.form, payload)?)),
        };
        let Header { as_of, created, fresh_for, stale_for, load_time, tags, validator, .. } = header;
        let life = Some(Life { created, fresh_for, stale_for, load_time });
        Ok(Held::new(value, About { as_of, life, tags, validator }))
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
