use std::{fmt, marker::PhantomData};

use crate::{Category, Id, Key, Lifetime, Persistence, Ttl, is_valid_name, key::Tag, scope::Scope};

/// A declaration: what is stored under one name, for which ids, and for how long.
///
/// ```
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const ASSET: Entity<(u64, u32)> = Entity::new(Category::Cache, "asset")
///     .ttl(Ttl::minutes(30))
///     .version(2)
///     .describe("Asset of a project: (project, number).");
///
/// assert_eq!(ASSET.key(&(7, 1)).to_string(), "cache:asset:v2:{7|1}");
/// assert_eq!(ASSET.ttl(), Some(Ttl::minutes(30)));
/// ```
///
/// There is no key before the lifetime is said:
///
/// ```compile_fail,E0599
/// use redstart_keys::{Category, Entity, Undated};
///
/// const USER: Undated<u64> = Entity::new(Category::Cache, "user");
/// let key = USER.key(&42);
/// ```
///
/// And a name that cannot stand in a key does not compile:
///
/// ```compile_fail,E0080
/// use redstart_keys::{Category, Entity, Ttl};
///
/// const USER: Entity<u64> = Entity::new(Category::Cache, "User:Profile").ttl(Ttl::hours(1));
/// ```
pub struct Entity<I> {
    scope: Scope,
    lifetime: Lifetime,
    persistence: Persistence,
    tag: Tag,
    sensitive: bool,
    description: &'static str,
    owners: &'static [&'static str],
    id: PhantomData<fn(I)>,
}

/// A declaration that does not say yet how long its entries live.
#[must_use = "say the lifetime: `.ttl(…)` or `.persistent()`"]
pub struct Undated<I> {
    scope: Scope,
    id: PhantomData<fn(I)>,
}

impl<I> Undated<I> {
    /// Gives every entry this TTL.
    #[must_use]
    pub const fn ttl(self, ttl: Ttl) -> Entity<I> {
        let persistence = match self.scope.category {
            Category::Cache => Persistence::Evictable,
            _ => Persistence::Required,
        };
        self.living(Lifetime::Expires(ttl), persistence)
    }

    /// Lets entries stay until they are deleted.
    #[must_use]
    pub const fn persistent(self) -> Entity<I> {
        self.living(Lifetime::Persistent, Persistence::Persistent)
    }

    const fn living(self, lifetime: Lifetime, persistence: Persistence) -> Entity<I> {
        let Self { scope, id } = self;
        Entity {
            scope,
            lifetime,
            persistence,
            tag: Tag::Id,
            sensitive: false,
            description: "",
            owners: &[],
            id,
        }
    }
}

impl<I> Entity<I> {
    /// Begins a declaration; `.ttl(…)` or `.persistent()` completes it.
    ///
    /// # Panics
    ///
    /// Panics when [`is_valid_name`] refuses the name; in a constant the compiler says so.
    #[expect(clippy::new_ret_no_self, reason = "a declaration without a lifetime is none yet")]
    pub const fn new(category: Category, name: &'static str) -> Undated<I> {
        assert!(is_valid_name(name), "a name is 1 to 48 of a-z, 0-9 and '-', and not like \"v2\"");
        // The name has just been found valid.
        Undated { scope: Scope { category, name, version: 1, is_valid: true }, id: PhantomData }
    }

    /// Says what is stored, for the catalogue. Defaults to nothing, which the catalogue reports.
    #[must_use]
    pub const fn describe(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// Names the entities with whose values those of this one fall. Defaults to none.
    ///
    /// A user's projects fall with the user: `falls_with(&["user"])`. What is cached of a project then
    /// says which user it belongs to.
    #[must_use]
    pub const fn falls_with(self, owners: &'static [&'static str]) -> Self {
        Self { owners, ..self }
    }

    /// Sets the version of the stored form. Defaults to 1.
    ///
    /// Raising it makes old entries invisible, with no flush.
    ///
    /// # Panics
    ///
    /// Panics on zero; in a constant the compiler says so.
    #[must_use]
    pub const fn version(self, version: u16) -> Self {
        assert!(version > 0, "versions begin at 1");
        let Scope { category, name, is_valid, .. } = self.scope;
        Self { scope: Scope { category, name, version, is_valid }, ..self }
    }

    /// Declares ids to be personal data: they leave the process only as a keyed digest.
    #[must_use]
    pub const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    /// Declares keys that other programs share: no braces, and the value has no header.
    ///
    /// `cache:user:42`; the id is escaped as ever, which leaves numbers, UUIDs, e-mail
    /// addresses and the like as they are.
    #[must_use]
    pub const fn plain(self) -> Self {
        Self { tag: Tag::Name, ..self }
    }

    /// Sets what the server may do to entries. Defaults to evictable for a cache, else required.
    ///
    /// # Panics
    ///
    /// Panics on [`Persistence::Persistent`] beside a TTL; in a constant the compiler says so.
    #[must_use]
    pub const fn persistence(self, persistence: Persistence) -> Self {
        let contradicts =
            matches!((self.lifetime, persistence), (Lifetime::Expires(_), Persistence::Persistent));
        assert!(!contradicts, "what has a TTL is not persistent; declare it with `.persistent()`");
        Self { persistence, ..self }
    }

    /// The category.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.scope.category
    }

    /// The name: `user`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.scope.name
    }

    /// How long entries live.
    #[must_use]
    pub const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// The TTL of entries; none if they are persistent.
    #[must_use]
    pub const fn ttl(&self) -> Option<Ttl> {
        self.lifetime.ttl()
    }

    /// What the server may do to entries.
    #[must_use]
    pub const fn persistence_class(&self) -> Persistence {
        self.persistence
    }

    /// The version of the stored form.
    #[must_use]
    pub const fn schema_version(&self) -> u16 {
        self.scope.version
    }

    /// Tells whether keys have no braces and values no header.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        matches!(self.tag, Tag::Name)
    }

    /// Tells whether ids are personal data.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// The entities with whose values those of this one fall.
    #[must_use]
    pub const fn owners(&self) -> &'static [&'static str] {
        self.owners
    }

    /// What is stored, in a sentence.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.description
    }
}

impl<I: Id> Entity<I> {
    /// Makes the key of this id.
    #[must_use]
    pub fn key(&self, id: &I) -> Key {
        self.key_in(String::new(), id)
    }

    /// Makes the key of this id in room that another key has left; what stood there is gone.
    ///
    /// Keys that are only looked for, one after the other, need no memory of their own so.
    ///
    /// ```
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    ///
    /// let room = USER.key(&42).into_room();
    /// assert_eq!(USER.key_in(room, &7), USER.key(&7));
    /// ```
    #[must_use]
    #[inline]
    pub fn key_in(&self, mut room: String, id: &I) -> Key {
        room.clear();
        Key::build(room, self.scope, self.tag, self.sensitive, id)
    }
}

impl<I> Clone for Entity<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Entity<I> {}

impl<I> fmt::Debug for Entity<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entity({}, {})", self.pattern(), self.lifetime)
    }
}

impl<I> fmt::Debug for Undated<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { category, name, .. } = self.scope;
        write!(f, "Undated({category}:{name})")
    }
}

mod names;
#[cfg(test)]
mod tests;
