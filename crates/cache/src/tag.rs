//! What values are tagged with, so that many can be invalidated at once.

use std::{fmt, sync::Arc};

use redstart_keys::{Id, IdWriter, InvalidId, Key, TextId};

/// A mark on values, by which all that bear it are invalidated in one step.
///
/// It is part of a key's name, so whoever reads the server sees it: personal data does not belong in it.
///
/// ```
/// use redstart_cache::Tag;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const SELLER: Entity<u64> = Entity::new(Category::Cache, "seller").ttl(Ttl::hours(1));
///
/// # fn main() -> Result<(), redstart_keys::InvalidId> {
/// assert_eq!(Tag::new("season:winter")?.as_str(), "season:winter");
/// assert_eq!(Tag::of(&SELLER.key(&7)).as_str(), "cache:seller:{7}");
/// # Ok(()) }
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tag(Arc<str>);

/// The tags of one value; mostly none, which costs nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tags(Option<Arc<[Tag]>>);

impl Tag {
    /// A tag of any text.
    ///
    /// # Errors
    ///
    /// Fails when the text is empty, longer than 256 bytes, or holds a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
        TextId::new(text).map(|text| Self(Arc::from(text.as_str())))
    }

    /// The tag of everything that depends on what `key` names.
    ///
    /// A sensitive id does not show: all such ids of one entity share a tag.
    #[must_use]
    pub fn of(key: &Key) -> Self {
        Self(Arc::from(key.to_string()))
    }

    /// The tag that a stored value names.
    pub(crate) fn stored(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Id for Tag {
    fn write(&self, out: &mut IdWriter<'_>) {
        out.text(&self.0);
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:?})", &*self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tags {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter().flat_map(|tags| tags.iter())
    }
}

impl FromIterator<Tag> for Tags {
    /// Each tag once.
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        let mut tags: Vec<Tag> = tags.into_iter().collect();
        tags.sort_unstable();
        tags.dedup();
        Self((!tags.is_empty()).then(|| tags.into()))
    }
}
