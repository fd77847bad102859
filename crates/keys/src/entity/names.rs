use crate::{
    Entity, Id, IdWriter, Pattern, TextId, escape,
    key::{NO_ID, Tag},
    unescape,
};

/// From names back to the declaration: which names are its keys, and which ids they hold.
impl<I> Entity<I> {
    /// Matches the keys of all ids, and nothing else: `cache:user:{*}`.
    ///
    /// For a plain declaration it is `cache:user:[^#]*`, which also matches later versions.
    #[must_use]
    pub const fn pattern(&self) -> Pattern {
        Pattern::of_scope(self.scope, if self.is_plain() { "[^#]*" } else { "{*}" })
    }

    /// Matches the keys of the ids that begin with this text: `cache:city:{94*}`.
    ///
    /// Every character of the text is meant literally.
    /// Where ids are sensitive, no key shows how its id begins, and the pattern matches none.
    #[must_use]
    pub fn pattern_starting(&self, prefix: &str) -> Pattern {
        if prefix.is_empty() {
            return self.pattern();
        }
        self.starting(&escape(prefix))
    }

    /// Reads the id back from a key's name without the prefix; it is still escaped.
    ///
    /// None if the name is not a key of this declaration, or the id is sensitive.
    ///
    /// ```
    /// # use redstart_keys::{Category, Entity, Ttl};
    /// const USER: Entity<u64> = Entity::new(Category::Cache, "user").ttl(Ttl::hours(1));
    /// assert_eq!(USER.escaped_id(b"cache:user:{42}"), Some("42"));
    /// assert_eq!(USER.escaped_id(b"cache:user:{42}:g"), None);
    /// ```
    #[must_use]
    pub fn escaped_id<'a>(&self, name_without_prefix: &'a [u8]) -> Option<&'a str> {
        let rest = str::from_utf8(self.scope.strip(name_without_prefix)?).ok()?;
        let id = match self.tag {
            Tag::Id => rest.strip_prefix('{')?.strip_suffix('}')?,
            Tag::Name => rest,
        };
        let is_id = id == NO_ID || (!id.is_empty() && id.split('|').all(|part| unescape(part).is_some()));
        (is_id && !self.sensitive).then_some(if id == NO_ID { "" } else { id })
    }

    fn starting(&self, escaped: &str) -> Pattern {
        if self.sensitive {
            // No id is empty, so nothing ends here.
            return Pattern::of_scope(self.scope, if self.is_plain() { "" } else { "{}" });
        }
        Pattern::starting(self.scope, self.is_plain(), escaped)
    }
}

impl Entity<TextId> {
    /// Reads the id back from a key's name without the prefix.
    ///
    /// None if the name is not a key of this declaration, or the id is sensitive.
    #[must_use]
    pub fn parse_id(&self, name_without_prefix: &[u8]) -> Option<TextId> {
        TextId::new(unescape(self.escaped_id(name_without_prefix)?)?).ok()
    }
}

impl<A: Id, B> Entity<(A, B)> {
    /// Matches the keys of the ids that have this first part: `cache:asset:{7|*}`.
    ///
    /// Where ids are sensitive, no key shows its parts, and the pattern matches none.
    #[must_use]
    pub fn pattern_within(&self, first: &A) -> Pattern {
        let mut text = String::new();
        let mut out = IdWriter::new(&mut text);
        first.write(&mut out);
        out.next_part();
        self.starting(&text)
    }
}
