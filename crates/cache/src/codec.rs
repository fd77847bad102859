//! How values are written: the format, and whether they are compressed.

use std::{error::Error, fmt};

use serde::{Serialize, de::DeserializeOwned};

/// The most bytes that a compressed value may grow to.
#[cfg(any(feature = "lz4", feature = "zstd"))]
const MAX_UNPACKED: usize = 64 << 20;

/// The format of the values of a cache.
///
/// Every value says how it was written, so processes that write differently read each other's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Codec {
    /// JSON: for people, and for every program.
    #[default]
    Json,
    /// MessagePack with the names of fields: smaller, and as forgiving when types change.
    #[cfg(feature = "messagepack")]
    MessagePack,
    /// Postcard: the smallest and fastest, without names. A changed type needs a new schema version.
    #[cfg(feature = "postcard")]
    Postcard,
}

/// Whether values are compressed.
///
/// A value that does not become at least a tenth smaller is stored as it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Never.
    #[default]
    None,
    /// Zstandard, level 1, from so many bytes on.
    #[cfg(feature = "zstd")]
    Zstd {
        /// Shorter values are left alone.
        above: usize,
    },
    /// LZ4, from so many bytes on: faster than Zstandard, and less small.
    #[cfg(feature = "lz4")]
    Lz4 {
        /// Shorter values are left alone.
        above: usize,
    },
}

/// A value that can't be written, or bytes that can't be read.
#[derive(Debug)]
pub(crate) struct CodecError(String);

impl CodecError {
    fn new(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }

    /// Bytes of another make.
    pub(crate) fn no_header() -> Self {
        Self("there is no header that this version knows".to_owned())
    }
}

impl Codec {
    const fn number(self) -> u8 {
        match self {
            Self::Json => 0,
            #[cfg(feature = "messagepack")]
            Self::MessagePack => 1,
            #[cfg(feature = "postcard")]
            Self::Postcard => 2,
        }
    }

    fn numbered(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Json),
            #[cfg(feature = "messagepack")]
            1 => Some(Self::MessagePack),
            #[cfg(feature = "postcard")]
            2 => Some(Self::Postcard),
            _ => None,
        }
    }

    fn write<V: Serialize>(self, value: &V) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Json => serde_json::to_vec(value).map_err(CodecError::new),
            #[cfg(feature = "messagepack")]
            Self::MessagePack => rmp_serde::to_vec_named(value).map_err(CodecError::new),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::to_stdvec(value).map_err(CodecError::new),
        }
    }

    fn read<V: DeserializeOwned>(self, bytes: &[u8]) -> Result<V, CodecError> {
        match self {
            Self::Json => serde_json::from_slice(bytes).map_err(CodecError::new),
            #[cfg(feature = "messagepack")]
            Self::MessagePack => rmp_serde::from_slice(bytes).map_err(CodecError::new),
            #[cfg(feature = "postcard")]
            Self::Postcard => postcard::from_bytes(bytes).map_err(CodecError::new),
        }
    }
}

/// Writes a value; answers its bytes, and how they are to be read again.
pub(crate) fn write<V: Serialize>(
    codec: Codec,
    compression: Compression,
    value: &V,
) -> Result<(Vec<u8>, u8), CodecError> {
    let bytes = codec.write(value)?;
    let (packed, number): (Option<Vec<u8>>, u8) = match compression {
        Compression::None => (None, 0),
        #[cfg(feature = "zstd")]
        Compression::Zstd { above } if bytes.len() >= above => {
            (Some(zstd::bulk::compress(&bytes, 1).map_err(CodecError::new)?), 1)
        }
        #[cfg(feature = "lz4")]
        Compression::Lz4 { above } if bytes.len() >= above => {
            (Some(lz4_flex::block::compress_prepend_size(&bytes)), 2)
        }
        #[cfg(any(feature = "lz4", feature = "zstd"))]
        _ => (None, 0),
    };
    Ok(match packed.filter(|packed| packed.len() + bytes.len() / 10 <= bytes.len()) {
        Some(packed) => (packed, number << 4 | codec.number()),
        None => (bytes, codec.number()),
    })
}

/// Reads what was written in `form`.
pub(crate) fn read<V: DeserializeOwned>(form: u8, bytes: &[u8]) -> Result<V, CodecError> {
    let unknown = || CodecError::new(format!("form {form:#04x} is not known to this build"));
    let codec = Codec::numbered(form & 0x0F).ok_or_else(unknown)?;
    match form >> 4 {
        0 => codec.read(bytes),
        #[cfg(feature = "zstd")]
        1 => codec.read(&unzstd(bytes)?),
        #[cfg(feature = "lz4")]
        2 => codec.read(&unlz4(bytes)?),
        _ => Err(unknown()),
    }
}

#[cfg(feature = "zstd")]
fn unzstd(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let claimed = zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten();
    let size = claimed.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= MAX_UNPACKED);
    let size =
        size.ok_or_else(|| CodecError::new("the compressed value names no size, or too great a one"))?;
    zstd::bulk::decompress(bytes, size).map_err(CodecError::new)
}

#[cfg(feature = "lz4")]
fn unlz4(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let (size, _) = lz4_flex::block::uncompressed_size(bytes).map_err(CodecError::new)?;
    if size > MAX_UNPACKED {
        return Err(CodecError::new("the compressed value names too great a size"));
    }
    lz4_flex::block::decompress_size_prepended(bytes).map_err(CodecError::new)
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for CodecError {}

#[cfg(test)]
mod tests;
