//! What a loader brings.

use std::sync::Arc;

use redstart_keys::{Entity, Id, Ttl};

use crate::{held::Held, tag::Tag};

/// What a loader brings: a value or nothing, and how it is to be kept.
///
/// Loaders may also return the value itself, or an `Option` of it, which is kept as the cache says.
///
/// ```
/// use redstart_cache::{Cache, Loaded, Tag};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const PRODUCT: Entity<u64> = Entity::new(Category::Cache, "product").ttl(Ttl::hours(1));
/// const SELLER: Entity<u64> = Entity::new(Category::Cache, "seller").ttl(Ttl::hours(1));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let products = Cache::<u64, String>::new(&Store::memory(), &PRODUCT);
/// let load = || async { Ok::<_, std::io::Error>(Loaded::new("lamp".to_owned()).depends_on(&SELLER, &7)) };
///
/// products.get_or_load(&1, load).await?;
/// products.invalidate_tag(&Tag::of(&SELLER.key(&7))).await?;
/// assert!(products.get(&1).await?.is_none());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Loaded<V> {
    pub(crate) value: Option<Arc<V>>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) validator: Option<Arc<str>>,
    pub(crate) is_kept: bool,
}

/// The copy that a load is to replace.
///
/// A source that knows its states by entity tags can be asked whether there is a newer one.
///
/// ```
/// use redstart_cache::{Cache, Loaded};
/// use redstart_connection::Store;
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const PAGE: Entity<u64> = Entity::new(Category::Cache, "page").ttl(Ttl::minutes(5));
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pages = Cache::<u64, String>::new(&Store::memory(), &PAGE);
/// let page = pages.entry(&1).fetch(|present| async move {
///     match present {
///         // Asked with `If-None-Match: {present.validator()}`, the source says 304.
///         Some(present) => Ok::<_, std::io::Error>(present.unmodified()),
///         None => Ok(Loaded::new("text".to_owned()).validator("v1")),
///     }
/// });
/// assert_eq!(page.await?.as_deref().map(String::as_str), Some("text"));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Present<V> {
    value: Arc<V>,
    validator: Option<Arc<str>>,
    tags: Vec<Tag>,
}

impl<V> Loaded<V> {
    /// A value.
    #[must_use]
    pub fn new(value: V) -> Self {
        Self::of(Some(Arc::new(value)))
    }

    /// There is nothing; remembered as the cache says of absence.
    #[must_use]
    pub const fn absent() -> Self {
        Self::of(None)
    }

    const fn of(value: Option<Arc<V>>) -> Self {
        Self { value, ttl: None, tags: Vec::new(), validator: None, is_kept: true }
    }

    /// Keeps it for this time instead of the cache's own; shortened at random as all are.
    ///
    /// More than the cache's own counts as that.
    #[must_use]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Marks it, so that it can be invalidated with others. A value may bear 255 tags.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Marks it as showing something of another entity's value, with which it is to fall.
    ///
    /// The same as the tag [`Tag::of`] that value's key; see [`Cache::cascade`](crate::Cache::cascade).
    #[must_use]
    pub fn depends_on<I: Id>(self, entity: &Entity<I>, id: &I) -> Self {
        self.tag(Tag::of(&entity.key(id)))
    }

    /// What the source knows this state by, such as an entity tag; the next load is shown it.
    ///
    /// More than 65,535 bytes are not kept.
    #[must_use]
    pub fn validator(mut self, validator: impl Into<Arc<str>>) -> Self {
        self.validator = Some(validator.into()).filter(|validator| validator.len() <= usize::from(u16::MAX));
        self
    }

    /// Hands it out and keeps it nowhere.
    #[must_use]
    pub const fn unkept(mut self) -> Self {
        self.is_kept = false;
        self
    }
}

impl<V> Present<V> {
    /// None where the copy says that there is nothing.
    pub(crate) fn of(held: &Held<V>) -> Option<Self> {
        let value = Arc::clone(held.value()?);
        Some(Self { value, validator: held.validator.clone(), tags: held.tags.iter().cloned().collect() })
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &Arc<V> {
        &self.value
    }

    /// What the source knows this state by, where the load that brought it said so.
    #[must_use]
    pub fn validator(&self) -> Option<&str> {
        self.validator.as_deref()
    }

    /// The same state again, for the source says that there is no newer one.
    #[must_use]
    pub fn unmodified(self) -> Loaded<V> {
        let Self { value, validator, tags } = self;
        Loaded { tags, validator, ..Loaded::of(Some(value)) }
    }
}

impl<V> Clone for Loaded<V> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            ttl: self.ttl,
            tags: self.tags.clone(),
            validator: self.validator.clone(),
            is_kept: self.is_kept,
        }
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        value.map_or_else(Self::absent, Self::new)
    }
}
