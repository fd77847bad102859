//! The header before every stored value.

use std::{sync::Arc, time::Duration};

use redstart_connection::Timestamp;

use crate::tag::{Tag, Tags};

const MAGIC: u8 = 0xC5;
const VERSION: u8 = 3;
const ABSENT: u8 = 1;
const TAGGED: u8 = 1 << 1;
const VALIDATED: u8 = 1 << 2;
/// How long the fixed part of a header is; `put.lua` and `expire.lua` know this and where the numbers stand.
const LENGTH: usize = 40;

/// What a stored value says of itself.
///
/// Layout, numbers big-endian so that a script can compare stamps as bytes: magic, version, flags,
/// stamp (8), form of the payload (1), created (8), fresh for (8, µs), stale for (8, µs), load time (4, µs);
/// where the flags say so, the number of tags (1), and each with its length (2); and the validator with
/// its length (2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    /// Whether this entry says that there is nothing.
    pub(crate) absent: bool,
    /// The sequencer when the load behind this value began.
    pub(crate) as_of: u64,
    /// How the payload is written.
    pub(crate) form: u8,
    pub(crate) created: Timestamp,
    pub(crate) fresh_for: Duration,
    /// How long after that it may still be shown, as an old value.
    pub(crate) stale_for: Duration,
    pub(crate) load_time: Duration,
    pub(crate) tags: Tags,
    /// What the source knows this state of the value by, as an entity tag.
    pub(crate) validator: Option<Arc<str>>,
}

impl Header {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let tags: Vec<&Tag> = self.tags.iter().collect();
        let absent = if self.absent { ABSENT } else { 0 };
        let tagged = if tags.is_empty() { 0 } else { TAGGED };
        let validated = if self.validator.is_some() { VALIDATED } else { 0 };
        out.extend_from_slice(&[MAGIC, VERSION, absent | tagged | validated]);
        out.extend_from_slice(&self.as_of.to_be_bytes());
        out.push(self.form);
        out.extend_from_slice(&self.created.as_micros().to_be_bytes());
        out.extend_from_slice(&micros(self.fresh_for).to_be_bytes());
        out.extend_from_slice(&micros(self.stale_for).to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.load_time.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
        if let Ok(count @ 1..) = u8::try_from(tags.len()) {
            out.push(count);
            for tag in tags {
                // A tag is 256 bytes long at the most, or a key's name.
                write_text(tag.as_str(), out);
            }
        }
        if let Some(validator) = &self.validator {
            write_text(validator, out);
        }
    }

    /// The header and what follows it; none when the bytes are of another make.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = Reading(bytes);
        let [MAGIC, VERSION, flags] = rest.take()? else { return None };
        let mut header = Self {
            absent: flags & ABSENT != 0,
            as_of: u64::from_be_bytes(rest.take()?),
            form: u8::from_be_bytes(rest.take()?),
            created: Timestamp::from_micros(u64::from_be_bytes(rest.take()?)),
            fresh_for: Duration::from_micros(u64::from_be_bytes(rest.take()?)),
            stale_for: Duration::from_micros(u64::from_be_bytes(rest.take()?)),
            load_time: Duration::from_micros(u32::from_be_bytes(rest.take()?).into()),
            tags: Tags::default(),
            validator: None,
        };
        if flags & TAGGED != 0 {
            let [count] = rest.take()?;
            header.tags = (0..count).map(|_| rest.text().map(Tag::stored)).collect::<Option<_>>()?;
        }
        if flags & VALIDATED != 0 {
            header.validator = Some(rest.text()?.into());
        }
        Some((header, rest.0))
    }

    /// The stamp of stored bytes, where they have one; `put.lua` reads it the same way.
    pub(crate) fn stamp(bytes: &[u8]) -> Option<u64> {
        let mut rest = Reading(bytes);
        let [MAGIC, VERSION, _] = rest.take()? else { return None };
        if bytes.len() < LENGTH {
            return None;
        }
        rest.take().map(u64::from_be_bytes)
    }
}

/// What is left to read.
struct Reading<'a>(&'a [u8]);

impl<'a> Reading<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = u16::from_be_bytes(self.take()?);
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
