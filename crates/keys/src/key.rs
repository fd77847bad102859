use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Range,
};

use crate::{
    Category, DigestKey, Id, IdWriter, Prefix, digits::push_decimal, escape::push_escaped, scope::Scope,
};

/// What stands for an id that wrote nothing: braces around nothing would be no hash tag.
pub(crate) const NO_ID: &str = "%";

/// The name of one entry, without the prefix.
///
/// `Debug` and `Display` print the name, with `***` for a sensitive id.
///
/// ```
/// use redstart_keys::{Category, Entity, TextId, Ttl};
///
/// const LOGIN: Entity<TextId> =
///     Entity::new(Category::RateLimit, "login").ttl(Ttl::minutes(15)).sensitive();
///
/// let key = LOGIN.key(&TextId::new("bob@example.org")?);
/// assert_eq!(key.to_string(), "ratelimit:login:{***}");
/// # Ok::<(), redstart_keys::InvalidId>(())
/// ```
#[derive(Clone)]
pub struct Key {
    /// The name with the id in clear: `cache:user:{42}:g`.
    text: String,
    /// Where the id stands in the text; at its end for a key that has none.
    id: Range<usize>,
    category: Category,
    entity_name: &'static str,
    tag: Tag,
    sensitive: bool,
}

/// What decides the cluster slot.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Tag {
    /// The braces around the id.
    Id,
    /// The whole name: there are no braces, save around the name of a companion.
    Name,
}

impl Key {
    /// Makes a key without a declaration, for names that crates derive, such as a limit's.
    ///
    /// It is the key that a declaration of this category and name makes.
    /// A name that [`is_valid_name`](crate::is_valid_name) refuses is escaped.
    #[must_use]
    pub fn custom(category: Category, name: &'static str, id: &impl Id) -> Self {
        Self::build(String::new(), Scope::new(category, name), Tag::Id, false, id)
    }

    /// Makes a key that belongs to a declaration as a whole: `cache:user:#seq`.
    ///
    /// It never collides with the key of an id, in which `#` is escaped.
    #[must_use]
    pub fn namespace(category: Category, name: &'static str, part: &'static str) -> Self {
        let text = namespace_text(category, name, part);
        let id = text.len()..text.len();
        Self { text, id, category, entity_name: name, tag: Tag::Name, sensitive: false }
    }

    /// Makes a key that belongs to a declaration, one for each id: `cache:user:#t:{orders}`.
    #[must_use]
    pub fn namespace_id(category: Category, name: &'static str, part: &'static str, id: &impl Id) -> Self {
        let mut text = namespace_text(category, name, part);
        text.push_str(":{");
        let id = push_id(&mut text, id);
        text.push('}');
        Self { text, id, category, entity_name: name, tag: Tag::Id, sensitive: false }
    }

    /// Writes the name into `text`, which is empty.
    // Always, so that the key is put together where it stays: to move what has just been written stalls.
    #[inline(always)]
    pub(crate) fn build(mut text: String, scope: Scope, tag: Tag, sensitive: bool, id: &impl Id) -> Self {
        let Scope { category, name: entity_name, .. } = scope;
        // Room for the longest integer and a version, so that most keys are one allocation.
        text.reserve(category.name().len() + entity_name.len() + 32);
        scope.push_to(&mut text);
        if tag == Tag::Id {
            text.push('{');
        }
        let id = push_id(&mut text, id);
        if tag == Tag::Id {
            text.push('}');
        }
        Self { text, id, category, entity_name, tag, sensitive }
    }

    /// Makes a key beside this one, in the same cluster slot: `cache:user:{42}:g`.
    ///
    /// A plain key has no braces, so those of its companion hold its whole name.
    #[must_use]
    pub fn companion(&self, suffix: &'static str) -> Self {
        let mut text = String::with_capacity(self.text.len() + 1 + suffix.len());
        text.push_str(&self.text);
        text.push(':');
        push_escaped(&mut text, suffix);
        Self { text, id: self.id.clone(), ..*self }
    }

    /// Derives a numbered companion in the same cluster slot, such as one for each day.
    ///
    /// ```
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
    /// assert_eq!(VIEWS.key(&42).numbered("seen", 7).to_string(), "counter:views:{42}:seen:7");
    /// ```
    #[must_use]
    pub fn numbered(&self, suffix: &'static str, number: u64) -> Self {
        let mut companion = self.companion(suffix);
        companion.text.push(':');
        push_decimal(&mut companion.text, number);
        companion
    }

    /// The id as it stands in the name, escaped; none where it is sensitive, or the key has none.
    ///
    /// ```
    /// use redstart_keys::{Category, Entity, Ttl};
    ///
    /// const VIEWS: Entity<u64> = Entity::new(Category::Counter, "views").ttl(Ttl::hours(24));
    /// assert_eq!(VIEWS.key(&42).id(), Some("42"));
    /// assert_eq!(VIEWS.sensitive().key(&42).id(), None);
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        let (_, id, _) = self.parts();
        (!self.sensitive && !id.is_empty()).then_some(id)
    }

    /// Appends the name that the server sees.
    ///
    /// Instead of a sensitive id it holds 32 hexadecimal digits: the first half of the
    /// HMAC-SHA256 of `category:name:id`, where the id is escaped.
    pub fn render(&self, prefix: &Prefix, digest: &DigestKey, out: &mut Vec<u8>) {
        let braces = self.has_outer_braces();
        out.reserve(prefix.as_bytes().len() + self.text.len() + 34);
        if braces {
            out.push(b'{');
        }
        out.extend_from_slice(prefix.as_bytes());
        if !braces && !self.sensitive {
            out.extend_from_slice(self.text.as_bytes());
            return;
        }
        let (before, id, after) = self.parts();
        out.extend_from_slice(before.as_bytes());
        if self.sensitive {
            let category = self.category.name().as_bytes();
            digest.write(&[category, b":", self.entity_name.as_bytes(), b":", id.as_bytes()], out);
        } else {
            out.extend_from_slice(id.as_bytes());
        }
        if braces {
            out.push(b'}');
        }
        out.extend_from_slice(after.as_bytes());
    }

    /// Gives back the room of the name, for [`Entity::key_in`](crate::Entity::key_in); it is empty.
    #[must_use]
    #[inline]
    pub fn into_room(self) -> String {
        let mut room = self.text;
        room.clear();
        room
    }

    /// The category of the declaration.
    #[must_use]
    pub const fn category(&self) -> Category {
        self.category
    }

    /// The name of the declaration: `user`.
    #[must_use]
    pub const fn entity_name(&self) -> &'static str {
        self.entity_name
    }

    /// Tells whether the id is personal data, which only a digest of leaves the process.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// What stands before the id, the id, and what stands after it.
    fn parts(&self) -> (&str, &str, &str) {
        let Range { start, end } = self.id;
        (&self.text[..start], &self.text[start..end], &self.text[end..])
    }

    /// Only the companion of a key without braces has something after the id and no brace.
    fn has_outer_braces(&self) -> bool {
        self.tag == Tag::Name && self.id.end < self.text.len()
    }
}

impl Eq for Key {}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        // The rest follows from the text: names, ids and suffixes are parted in one way only.
        self.text == other.text && self.sensitive == other.sensitive
    }
}

/// By the name in clear, which every process sees alike.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.text, self.sensitive).cmp(&(&other.text, other.sensitive))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, id, after) = self.parts();
        let id = if self.sensitive { "***" } else { id };
        let (open, close) = if self.has_outer_braces() { ("{", "}") } else { ("", "") };
        write!(f, "{open}{before}{id}{close}{after}")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

fn namespace_text(category: Category, name: &'static str, part: &'static str) -> String {
    let mut text = String::with_capacity(category.name().len() + name.len() + part.len() + 32);
    Scope::new(category, name).push_to(&mut text);
    text.push('#');
    push_escaped(&mut text, part);
    text
}

/// Appends the id and tells where it stands.
fn push_id(text: &mut String, id: &impl Id) -> Range<usize> {
    let start = text.len();
    id.write(&mut IdWriter::new(text));
    if text.len() == start {
        text.push_str(NO_ID);
    }
    start..text.len()
}

#[cfg(test)]
mod tests;
