//! One key of a backup.

use bytes::{Buf as _, Bytes};

use super::Name;

const BRACED: u8 = 1;
const EXPIRES: u8 = 2;

/// One key with its value.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Its name.
    pub name: Name,
    /// When it ends, in milliseconds since 1970 by the clock of the machine that wrote the backup; never
    /// without it.
    pub expires_at: Option<u64>,
    /// What DUMP answered.
    pub payload: Bytes,
}

impl Record {
    /// Bytes of name and value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.name.rest().len() + self.payload.len()
    }

    /// Whether there is neither name nor value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends flags, name, end and value; lengths are of 32 bits and little-endian.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { name, expires_at, payload } = self;
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(flag(name.is_braced(), BRACED) | flag(expires_at.is_some(), EXPIRES));
        push(out, name.rest());
        if let Some(end) = expires_at {
            out.extend_from_slice(&end.to_le_bytes());
        }
        push(out, payload);
    }

    /// Takes a record off the front; none when it is not whole.
    pub(super) fn read(input: &mut Bytes) -> Option<Self> {
        let flags = input.try_get_u8().ok()?;
        let rest = take(input)?;
        let expires_at = match flags & EXPIRES {
            0 => None,
            _ => Some(input.try_get_u64_le().ok()?),
        };
        let payload = take(input)?;
        Some(Self { name: Name::new(flags & BRACED != 0, rest), expires_at, payload })
    }
}

fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    // No reply of a server is longer than 512 MB.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn take(input: &mut Bytes) -> Option<Bytes> {
    let length = input.try_get_u32_le().ok()? as usize;
    (length <= input.len()).then(|| input.split_to(length))
}
