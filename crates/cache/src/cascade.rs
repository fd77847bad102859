//! Values that fall with those of another entity.

use std::hash::Hash;

use futures_util::future::try_join_all;
use redstart_connection::{Result, Store};
use redstart_keys::{Catalogue, Id};
use serde::{Serialize, de::DeserializeOwned};

use crate::{cache::Cache, invalidation::Applied, registry::Registry, tag::Tag};

/// What a cascade reached.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Cascaded {
    /// The value itself.
    pub own: Applied,
    /// The entities whose values fell with it, as far as they said that they depend on it.
    pub dependents: Vec<&'static str>,
}

impl<K, V> Cache<K, V>
where
    K: Id + Clone + Eq + Hash + Send + Sync + 'static,
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Removes a value, and with it what other caches hold that depends on it.
    ///
    /// One step for each entity that is declared to [fall with](redstart_keys::Entity::falls_with) this
    /// one, however many values there are. A value falls when its load said
    /// [what it depends on](crate::Loaded::depends_on); one that depends on several says so of each.
    /// A process knows the declarations of the entities that it has caches of, and what it was told
    /// with [`declare`].
    ///
    /// ```
    /// use redstart_cache::{Cache, Loaded};
    /// use redstart_connection::Store;
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    /// const PROJECT: Entity<u64> =
    ///     Entity::new(Category::Cache, "project").ttl(Ttl::minutes(30)).falls_with(&["user"]);
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let store = Store::memory();
    /// let users = Cache::<u64, String>::new(&store, &USER);
    /// let projects = Cache::<u64, String>::new(&store, &PROJECT);
    /// let load = || async { Ok::<_, std::io::Error>(Loaded::new("engine".to_owned()).depends_on(&USER, &42)) };
    ///
    /// projects.get_or_load(&7, load).await?;
    /// assert_eq!(users.cascade(&42).await?.dependents, ["project"]);
    /// assert!(projects.get(&7).await?.is_none());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Fails when the store does; then a part may have fallen, and to do it again is safe.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped midway a part may have fallen.
    pub async fn cascade(&self, id: &K) -> Result<Cascaded> {
        let inner = &*self.0;
        let own = self.invalidate(id).await?;
        let tag = Tag::of(&inner.place(id).key);
        let spaces = inner.registry.dependents(self.name());
        try_join_all(spaces.iter().map(|space| inner.raise_tag(space, &tag))).await?;
        Ok(Cascaded { own, dependents: spaces.iter().map(|space| space.name()).collect() })
    }
}

/// Tells the caches on `store` which entities fall with which, also those that this process has no cache of.
pub fn declare(store: &Store, catalogue: &Catalogue) {
    let registry = store.shared::<Registry>();
    for row in catalogue.rows() {
        registry.declare(row.category, row.name, row.falls_with);
    }
}
