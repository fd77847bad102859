//! Names without the prefix, which another environment may replace by its own.

use std::borrow::Cow;

use bytes::Bytes;
use redstart_keys::{Category, Prefix};

/// The name of a key without the prefix.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Name {
    /// Whether the prefix stands inside the brace with which the name begins, as that of a plain key's
    /// companion does.
    braced: bool,
    /// What follows the prefix.
    rest: Bytes,
}

impl Name {
    /// Takes the prefix off a name as the server has it; none if it is not under this prefix.
    #[must_use]
    pub fn of(prefix: &Prefix, wire: &[u8]) -> Option<Self> {
        match prefix.strip(wire)? {
            // Without a prefix nothing stands between the brace and the category.
            Cow::Borrowed([b'{', rest @ ..]) if prefix.is_empty() && Category::of(rest).is_some() => {
                Some(Self { braced: true, rest: Bytes::copy_from_slice(rest) })
            }
            Cow::Borrowed(rest) => Some(Self { braced: false, rest: Bytes::copy_from_slice(rest) }),
            Cow::Owned(name) => Some(Self { braced: true, rest: Bytes::copy_from_slice(name.get(1..)?) }),
        }
    }

    pub(super) const fn new(braced: bool, rest: Bytes) -> Self {
        Self { braced, rest }
    }

    /// The name under a prefix, as a server has it.
    #[must_use]
    pub fn under(&self, prefix: &Prefix) -> Vec<u8> {
        let mut wire = Vec::with_capacity(prefix.as_str().len() + self.rest.len() + 2);
        if self.braced {
            wire.push(b'{');
        }
        if !prefix.is_empty() {
            wire.extend_from_slice(prefix.as_str().as_bytes());
            wire.push(b':');
        }
        wire.extend_from_slice(&self.rest);
        wire
    }

    /// The name as patterns see it.
    #[must_use]
    pub fn plain(&self) -> Vec<u8> {
        self.under(&Prefix::none())
    }

    /// The category that it belongs to.
    #[must_use]
    pub fn category(&self) -> Option<Category> {
        Category::of(&self.rest)
    }

    pub(crate) const fn is_braced(&self) -> bool {
        self.braced
    }

    pub(super) const fn rest(&self) -> &Bytes {
        &self.rest
    }
}
