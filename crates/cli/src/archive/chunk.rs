//! Chunks: records, compressed together, and where to go on after them.

use std::io;

use bytes::{Buf as _, Bytes};

use super::{Position, Record};

const LEVEL: i32 = 3;
/// No chunk is longer before compression.
const LONGEST: usize = 1 << 30;

/// Records on their way into the file.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    raw: Vec<u8>,
    pub(super) keys: u64,
    pub(super) bytes: u64,
}

impl Chunk {
    pub(super) fn push(&mut self, record: &Record) {
        record.write(&mut self.raw);
        self.keys += 1;
        self.bytes += record.len() as u64;
    }

    pub(super) const fn len(&self) -> usize {
        self.raw.len()
    }

    /// The body of the frame: the length of the records, that of the position, the position, the records.
    pub(super) fn body(&self, position: &Position) -> io::Result<Vec<u8>> {
        let length = u32::try_from(self.raw.len()).ok().filter(|_| self.raw.len() <= LONGEST);
        let length = length.ok_or_else(|| io::Error::other("the records of a chunk take more than 1 GiB"))?;
        let position = serde_json::to_vec(position)?;
        let mut body = length.to_le_bytes().to_vec();
        body.extend_from_slice(&u32::try_from(position.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&position);
        body.extend_from_slice(&zstd::bulk::compress(&self.raw, LEVEL)?);
        Ok(body)
    }

    pub(super) fn clear(&mut self) {
        self.raw.clear();
        (self.keys, self.bytes) = (0, 0);
    }
}

/// Where to go on after a chunk.
pub(super) fn position(body: Vec<u8>) -> Option<Position> {
    serde_json::from_slice(&parts(body)?.1).ok()
}

/// The records of a chunk; none when it is not as it was written.
pub(super) fn records(body: Vec<u8>) -> Option<Vec<Record>> {
    let (length, _, compressed) = parts(body)?;
    let mut raw = Bytes::from(zstd::bulk::decompress(&compressed, length).ok()?);
    if raw.len() != length {
        return None;
    }
    let mut records = Vec::new();
    while raw.has_remaining() {
        records.push(Record::read(&mut raw)?);
    }
    Some(records)
}

fn parts(body: Vec<u8>) -> Option<(usize, Bytes, Bytes)> {
    let mut body = Bytes::from(body);
    let length = body.try_get_u32_le().ok()? as usize;
    let position = body.try_get_u32_le().ok()? as usize;
    let is_right = length <= LONGEST && position <= body.len();
    is_right.then(|| (length, body.split_to(position), body))
}
