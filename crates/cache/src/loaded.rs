//! What a loader brings.

use redstart_keys::Ttl;

use crate::tag::Tag;

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
/// let seller = Tag::of(&SELLER.key(&7));
/// let load = || async { Ok::<_, std::io::Error>(Loaded::new("lamp".to_owned()).tag(seller.clone())) };
///
/// products.get_or_load(&1, load).await?;
/// products.invalidate_tag(&seller).await?;
/// assert!(products.get(&1).await?.is_none());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Loaded<V> {
    pub(crate) value: Option<V>,
    pub(crate) ttl: Option<Ttl>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) is_kept: bool,
}

impl<V> Loaded<V> {
    /// A value.
    #[must_use]
    pub const fn new(value: V) -> Self {
        Self { value: Some(value), ttl: None, tags: Vec::new(), is_kept: true }
    }

    /// There is nothing; remembered as the cache says of absence.
    #[must_use]
    pub const fn absent() -> Self {
        Self { value: None, ttl: None, tags: Vec::new(), is_kept: true }
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

    /// Hands it out and keeps it nowhere.
    #[must_use]
    pub const fn unkept(mut self) -> Self {
        self.is_kept = false;
        self
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
