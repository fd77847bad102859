//! What is invalidated later, as the queues of all processes know it.

use bytes::Bytes;
use redstart_connection::{Result, Store};
use redstart_keys::Key;

use crate::{
    invalidation::Site,
    operations::{Due, Unlink, what_of},
    space::Space,
    tag::Tag,
};

/// What one of them concerns.
///
/// A value goes by the names that the server has for it and for its ticket, which any process can remove:
/// of a personal id they hold a digest.
#[derive(Debug)]
pub(super) enum Work {
    Value { value: Bytes, ticket: Bytes },
    Tag(Tag),
    Clear,
}

impl Work {
    /// The value under `key`.
    pub(super) fn of(store: &Store, key: &Key) -> Self {
        let unlink = Unlink::of(key, |key| store.name_of(key));
        let (value, ticket) = unlink.names();
        Self::Value { value: value.clone(), ticket: ticket.clone() }
    }

    pub(super) fn written(&self) -> Bytes {
        match self {
            Self::Value { value, ticket } => {
                let mut bytes = format!("v{}:", value.len()).into_bytes();
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(ticket);
                Bytes::from(bytes)
            }
            Self::Tag(tag) => Bytes::from(format!("t{tag}")),
            Self::Clear => Bytes::from_static(b"c"),
        }
    }

    /// What a queue has; none for what a later version of this crate has put in.
    fn read(what: &[u8]) -> Option<Self> {
        match what {
            [b'v', rest @ ..] => {
                let colon = rest.iter().position(|byte| *byte == b':')?;
                let length = std::str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
                let (value, ticket) = rest[colon + 1..].split_at_checked(length)?;
                let (value, ticket) = (Bytes::copy_from_slice(value), Bytes::copy_from_slice(ticket));
                Some(Self::Value { value, ticket })
            }
            [b't', tag @ ..] => Some(Self::Tag(Tag::stored(std::str::from_utf8(tag).ok()?))),
            b"c" => Some(Self::Clear),
            _ => None,
        }
    }
}

/// Invalidates what is due, by the protocol of every invalidation; answers whether everybody was told.
pub(super) async fn carry_out(store: &Store, space: &Space, due: &Due) -> Result<bool> {
    let Some(work) = what_of(&due.member).and_then(Work::read) else {
        tracing::debug!(cache = space.name(), "what is due was put off by a later version, which must do it");
        return Ok(false);
    };
    let site = Site::new(store, space);
    // Nobody uses the cache any more, so another process has to say how long its values live.
    let Some(judged_for) = space.judgement_ttl() else { return Ok(false) };
    let applied = match work {
        Work::Value { value, ticket } => {
            let unlink = Unlink::new(value.clone(), ticket, due.key.clone());
            site.value(&value, &unlink).await?.0
        }
        Work::Tag(tag) => site.tag(&tag, judged_for).await?,
        Work::Clear => site.clear(judged_for).await?,
    };
    Ok(applied.published || store.is_memory())
}

#[cfg(test)]
mod tests {
    use redstart_connection::Store;
    use redstart_keys::{Category, Entity, TextId, Ttl};

    use super::*;

    const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    const NOTE: Entity<u64> = USER.plain();
    const LOGIN: Entity<TextId> = Entity::new(Category::Cache, "login").ttl(Ttl::hours(1)).sensitive();

    #[test]
    fn what_is_written_is_read_again() {
        let store = Store::memory();
        let tag = Tag::new("v12:a tag: of any text").expect("a tag");
        let values = [USER.key(&42), NOTE.key(&42)].map(|key| Work::of(&store, &key));
        for work in values.into_iter().chain([Work::Tag(tag), Work::Clear]) {
            let read = Work::read(&work.written()).map(|read| format!("{read:?}"));
            assert_eq!(read, Some(format!("{work:?}")));
        }
    }

    #[test]
    fn what_makes_no_sense_is_left_alone() {
        for what in [&b""[..], b"x", b"cc", b"v", b"v3", b"v3:ab", b"v-1:ab", b"t\xff"] {
            assert!(Work::read(what).is_none(), "{}", what.escape_ascii());
        }
    }

    #[test]
    fn personal_id_is_written_by_its_digest() {
        let id = TextId::new("bob@example.org").expect("an id");
        let written = Work::of(&Store::memory(), &LOGIN.key(&id)).written();
        assert!(!written.escape_ascii().to_string().contains("bob"));
    }
}
