//! What the processes tell each other of their changes.

use std::time::Duration;

use bytes::Bytes;
use redstart_connection::Entry;
use redstart_keys::{Category, Key};

use crate::tag::Tag;

pub(crate) const ENTITY: &[u8] = b"e";
const STAMP: &[u8] = b"s";
const KEY: &[u8] = b"k";
const TAG: &[u8] = b"t";
const CLEAR: &[u8] = b"c";
const FORGET: &[u8] = b"f";
const SETTLED: &[u8] = b"l";
pub(crate) const DUE: &[u8] = b"d";

/// A change that every process must hear of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Event {
    /// The entity, as `cache:user`; none for a change that concerns all of them.
    pub(crate) entity: Option<String>,
    pub(crate) change: Change,
    /// Its moment: values that are of a later one know of it. None when that can't be told.
    pub(crate) stamp: Option<u64>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// The value under this name, as the server knows it.
    Key(Bytes),
    Tag(Tag),
    /// Everything that is older.
    Clear,
    /// Everything that processes hold themselves; what the server has is right.
    Forget,
    /// Nothing changed: a load of the value under this name, for which others wait, has ended.
    Settled(Bytes),
    /// Nothing changed: an invalidation of the entity is due after so long, sooner than all that wait.
    Due(Duration),
}

/// The stream of all caches of a prefix.
pub(crate) fn stream() -> Key {
    Key::namespace(Category::Cache, "redstart", "inv")
}

impl Event {
    pub(crate) fn fields(&self) -> Vec<(&'static [u8], Bytes)> {
        let (kind, what) = match &self.change {
            Change::Key(name) => (KEY, name.clone()),
            Change::Tag(tag) => (TAG, Bytes::copy_from_slice(tag.as_str().as_bytes())),
            Change::Clear => (CLEAR, Bytes::new()),
            Change::Forget => (FORGET, Bytes::new()),
            Change::Settled(name) => (SETTLED, name.clone()),
            Change::Due(wait) => (DUE, Bytes::from(wait.as_micros().to_string())),
        };
        let entity = self.entity.as_ref().map(|entity| (ENTITY, Bytes::copy_from_slice(entity.as_bytes())));
        let stamp = self.stamp.map(|stamp| (STAMP, Bytes::from(stamp.to_string())));
        entity.into_iter().chain([(kind, what)]).chain(stamp).collect()
    }

    /// An entry of the stream; one that makes no sense concerns everything, since a later version of this
    /// crate may have written it.
    pub(crate) fn read(entry: &Entry) -> Self {
        let field =
            |name: &[u8]| entry.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let text = |name| field(name).and_then(|value| std::str::from_utf8(value).ok());
        let change = if let Some(name) = field(KEY) {
            Change::Key(name.clone())
        } else if let Some(tag) = text(TAG) {
            Change::Tag(Tag::stored(tag))
        } else if field(CLEAR).is_some() {
            Change::Clear
        } else if let Some(name) = field(SETTLED) {
            Change::Settled(name.clone())
        } else if let Some(wait) = text(DUE).and_then(|wait| wait.parse().ok()) {
            Change::Due(Duration::from_micros(wait))
        } else {
            Change::Forget
        };
        Self {
            entity: text(ENTITY).map(str::to_owned),
            change,
            stamp: text(STAMP).and_then(|stamp| stamp.parse().ok()),
        }
    }
}
