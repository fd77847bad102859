//! Entries as the server tells them.

use super::Entry;
use crate::{Error, Result, Value};

/// The field of an entry that carries no news: it gives an empty stream a place to stand at.
pub(super) const MARK: &[u8] = b"@mark";

/// Whether an entry carries no news.
pub(super) fn is_mark(entry: &Entry) -> bool {
    matches!(entry.fields.as_slice(), [(name, _)] if name.as_ref() == MARK)
}

pub(super) fn parse_all(value: Value) -> Result<Vec<Entry>> {
    value.into_array()?.into_iter().map(parse).collect()
}

/// Reads `[id, [name, value, …]]`.
pub(super) fn parse(value: Value) -> Result<Entry> {
    let mut parts = value.into_array()?.into_iter();
    let (Some(id), Some(fields)) = (parts.next(), parts.next()) else { return Err(odd()) };
    let cursor = id.into_text()?.parse().map_err(|_| odd())?;
    let mut flat = fields.into_array()?.into_iter();
    let mut fields = Vec::with_capacity(flat.len() / 2);
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        fields.push((name.into_bytes()?, value.into_bytes()?));
    }
    Ok(Entry { cursor, fields })
}

pub(super) fn odd() -> Error {
    Error::protocol("a stream's entry makes no sense")
}
