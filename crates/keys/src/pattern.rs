use std::{borrow::Cow, error, fmt, str::FromStr};

use crate::{Category, Prefix, escape, glob, scope::Scope};

/// A glob of Redis over key names, without the prefix.
///
/// Declarations make patterns from ids, in which nothing can be a glob character; operators
/// type theirs.
///
/// ```
/// use redstart_keys::{Category, Entity, Pattern, Ttl};
///
/// const CITY: Entity<u32> = Entity::new(Category::Cache, "city").ttl(Ttl::days(1));
///
/// assert_eq!(CITY.pattern().to_string(), "cache:city:{*}");
/// assert!(CITY.pattern().matches(b"cache:city:{94110}"));
/// assert!(Pattern::parse("cache:*:{941??}")?.matches(b"cache:city:{94110}"));
/// # Ok::<(), redstart_keys::InvalidPattern>(())
/// ```
#[derive(Clone)]
pub struct Pattern {
    /// Whether the name begins with a brace, as that of a plain key's companion.
    braced: bool,
    head: Head,
    /// The glob after the head.
    tail: Cow<'static, str>,
}

/// What the name begins with, literally; kept in parts so that constants can hold it.
#[derive(Clone, Copy)]
enum Head {
    Nothing,
    Category(Category),
    Scope(Scope),
}

/// Why a text cannot be a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidPattern(Reason);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Reason {
    Empty,
    TooLong { bytes: usize },
    Control { character: char, at: usize },
}

impl Pattern {
    /// The most bytes that a pattern of an operator may have.
    pub const MAX_BYTES: usize = 256;

    /// Takes a glob that an operator typed.
    ///
    /// It knows `*`, `?`, `[a-z]`, `[^x]`, and `\` before what is meant literally.
    ///
    /// # Errors
    ///
    /// Fails when the text is empty, longer than 256 bytes, or holds a control character.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern(Reason::Empty));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidPattern(Reason::TooLong { bytes: text.len() }));
        }
        if let Some((at, character)) = text.char_indices().find(|(_, character)| character.is_control()) {
            return Err(InvalidPattern(Reason::Control { character, at }));
        }
        let (braced, tail) = match text.strip_prefix('{') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Self { braced, head: Head::Nothing, tail: Cow::Owned(tail.to_owned()) })
    }

    /// Matches every key under the prefix, save the companions of plain keys.
    #[must_use]
    pub const fn all() -> Self {
        Self { braced: false, head: Head::Nothing, tail: Cow::Borrowed("*") }
    }

    pub(crate) const fn of_category(category: Category) -> Self {
        Self { braced: false, head: Head::Category(category), tail: Cow::Borrowed("*") }
    }

    pub(crate) const fn of_scope(scope: Scope, tail: &'static str) -> Self {
        Self { braced: false, head: Head::Scope(scope), tail: Cow::Borrowed(tail) }
    }

    /// The keys of a scope whose escaped ids begin with this text.
    pub(crate) fn starting(scope: Scope, plain: bool, start: &str) -> Self {
        let tail = if plain { format!("{start}*") } else { format!("{{{start}*}}") };
        Self { braced: false, head: Head::Scope(scope), tail: Cow::Owned(tail) }
    }

    /// Matches the [companions](crate::Key::companion) of the keys that this matches.
    ///
    /// What an operator typed is taken to mean keys in braces, which all but plain ones are.
    #[must_use]
    pub fn companions(&self, suffix: &'static str) -> Self {
        let Self { braced, head, ref tail } = *self;
        // Only the patterns of plain declarations have no brace at all.
        let whole = matches!(head, Head::Scope(_)) && !tail.contains('}');
        let close = if whole { "}" } else { "" };
        let tail = Cow::Owned(format!("{tail}{close}:{}", escape(suffix)));
        Self { braced: braced || whole, head, tail }
    }

    /// Tells whether a key's name, without the prefix, matches; exactly as the server would.
    ///
    /// Ranges that mix ASCII with other bytes are read as on x86-64.
    #[must_use]
    pub fn matches(&self, name_without_prefix: &[u8]) -> bool {
        // The server's `*` does not match a name that is empty from the start.
        if name_without_prefix.is_empty() {
            return false;
        }
        let name = match self.braced {
            true => name_without_prefix.strip_prefix(b"{"),
            false => Some(name_without_prefix),
        };
        name.and_then(|name| self.head.strip(name))
            .is_some_and(|rest| glob::matches(self.tail.as_bytes(), rest))
    }

    /// Appends the glob as the server is asked for it, with the prefix.
    pub fn render(&self, prefix: &Prefix, out: &mut Vec<u8>) {
        if self.braced {
            out.push(b'{');
        }
        // A prefix has no character that a glob could read as its own, so it needs no escape.
        out.extend_from_slice(prefix.as_bytes());
        out.extend_from_slice(self.head.to_text().as_bytes());
        out.extend_from_slice(self.tail.as_bytes());
    }
}

impl Head {
    fn strip<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Nothing => Some(name),
            Self::Category(category) => name.strip_prefix(category.name().as_bytes())?.strip_prefix(b":"),
            Self::Scope(scope) => scope.strip(name),
        }
    }

    fn to_text(self) -> String {
        let mut text = String::new();
        match self {
            Self::Nothing => {}
            Self::Category(category) => {
                text.push_str(category.name());
                text.push(':');
            }
            Self::Scope(scope) => scope.push_to(&mut text),
        }
        text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brace = if self.braced { "{" } else { "" };
        write!(f, "{brace}{}{}", self.head.to_text(), self.tail)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({self})")
    }
}

impl Eq for Pattern {}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse(text)
    }
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Pattern::MAX_BYTES;
        match self.0 {
            Reason::Empty => write!(f, "pattern is empty; give 1 to {most} bytes"),
            Reason::TooLong { bytes } => write!(f, "pattern has {bytes} bytes; at most {most} are allowed"),
            Reason::Control { character, at } => {
                write!(f, "pattern holds the control character U+{:04X} at byte {at}", u32::from(character))
            }
        }
    }
}

impl error::Error for InvalidPattern {}

#[cfg(test)]
mod tests;
