//! The header before every stored value.

use std::time::Duration;

use redstart_connection::Timestamp;

const MAGIC: u8 = 0xC5;
const VERSION: u8 = 1;
const ABSENT: u8 = 1;
/// How long a header is; `put.lua` knows this and where the stamp stands.
const LENGTH: usize = 31;

/// What a stored value says of itself.
///
/// Layout, numbers big-endian so that a script can compare stamps as bytes: magic, version, flags,
/// stamp (8), created (8), fresh for (8, µs), load time (4, µs).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    /// Whether this entry says that there is nothing.
    pub(crate) absent: bool,
    /// The sequencer when the load behind this value began.
    pub(crate) as_of: u64,
    pub(crate) created: Timestamp,
    pub(crate) fresh_for: Duration,
    pub(crate) load_time: Duration,
}

impl Header {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[MAGIC, VERSION, if self.absent { ABSENT } else { 0 }]);
        out.extend_from_slice(&self.as_of.to_be_bytes());
        out.extend_from_slice(&self.created.as_micros().to_be_bytes());
        out.extend_from_slice(&micros(self.fresh_for).to_be_bytes());
        out.extend_from_slice(&u32::try_from(self.load_time.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
    }

    /// The header and what follows it; none when the bytes are of another make.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, payload) = bytes.split_at_checked(LENGTH)?;
        let &[MAGIC, VERSION, flags, ref rest @ ..] = head else { return None };
        let number = |at: usize| rest.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        let load_time = u32::from_be_bytes(rest.get(24..28)?.try_into().ok()?);
        let header = Self {
            absent: flags & ABSENT != 0,
            as_of: number(0)?,
            created: Timestamp::from_micros(number(8)?),
            fresh_for: Duration::from_micros(number(16)?),
            load_time: Duration::from_micros(u64::from(load_time)),
        };
        Some((header, payload))
    }

    /// When the value stops being fresh.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.created.saturating_add(self.fresh_for)
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
