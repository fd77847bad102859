//! One event.

use bytes::Bytes;
use redstart_connection::{Cursor, Entry};
use serde::de::DeserializeOwned;

use super::Inner;

/// The id of an event: greater than those of all events before it.
///
/// As text it is what the server calls it, such as `1700000000000-0`; a browser sends it back as
/// `Last-Event-ID`.
pub type EventId = Cursor;

/// The field that holds the event.
pub(super) const FIELD: &str = "v";

/// Something that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event<T> {
    id: EventId,
    value: T,
    times: u64,
}

impl<T> Event<T> {
    /// The id.
    #[must_use]
    pub const fn id(&self) -> EventId {
        self.id
    }

    /// What happened.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// Gives what happened.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// How often the event was given to a consumer of the group, this time included; 1 for a follower.
    ///
    /// One that is given again and again may be what kills those who get it.
    #[must_use]
    pub const fn times(&self) -> u64 {
        self.times
    }
}

impl<T: DeserializeOwned> Event<T> {
    /// Reads an entry; none, and said so, when another release or another program wrote it.
    pub(super) fn read(of: &Inner, entry: &Entry, times: u64) -> Option<Self> {
        let field =
            |(name, value): &(Bytes, Bytes)| (name.as_ref() == FIELD.as_bytes()).then(|| value.clone());
        let value = entry.fields.iter().find_map(field).unwrap_or_default();
        match serde_json::from_slice(&value) {
            Ok(value) => Some(Self { id: entry.cursor, value, times }),
            Err(error) => {
                tracing::warn!(stream = of.name, id = %entry.cursor, %error, "an event can't be read, and is left out");
                None
            }
        }
    }
}
