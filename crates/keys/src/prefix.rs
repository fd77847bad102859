use std::{borrow::Cow, error, fmt, str::FromStr};

/// What stands before every key of an environment: `prod:ecom`.
///
/// Two prefixes never share a key, but keep none inside another (`prod` and `prod:cache`):
/// a pattern over the outer one would reach the keys of the inner one.
///
/// ```
/// use redstart_keys::Prefix;
///
/// assert_eq!(Prefix::new("prod:ecom:")?.as_str(), "prod:ecom");
/// assert!(Prefix::new("prod ecom").is_err());
/// # Ok::<(), redstart_keys::InvalidPrefix>(())
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Prefix {
    /// With the colon that parts it from the key; empty if there is no prefix.
    text: Box<str>,
}

/// Why a text cannot be a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidPrefix(Reason);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Reason {
    TooLong { bytes: usize },
    Character { character: char, at: usize },
}

impl Prefix {
    /// The most bytes that a prefix may have.
    pub const MAX_BYTES: usize = 64;

    /// Parses a prefix; one trailing colon is dropped, and it may be empty.
    ///
    /// # Errors
    ///
    /// Fails when the text is longer than 64 bytes or holds anything but letters and digits
    /// of ASCII, `_`, `.`, `:` and `-`.
    pub fn new(text: &str) -> Result<Self, InvalidPrefix> {
        let text = text.strip_suffix(':').unwrap_or(text);
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidPrefix(Reason::TooLong { bytes: text.len() }));
        }
        let refused = |character: char| !character.is_ascii_alphanumeric() && !"_.:-".contains(character);
        if let Some((at, character)) = text.char_indices().find(|(_, character)| refused(*character)) {
            return Err(InvalidPrefix(Reason::Character { character, at }));
        }
        if text.is_empty() {
            return Ok(Self::none());
        }
        Ok(Self { text: format!("{text}:").into() })
    }

    /// No prefix: keys begin with their category.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The prefix without the colon that follows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.strip_suffix(':').unwrap_or(&self.text)
    }

    /// Tells whether there is no prefix.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes the prefix off a name that the server gave; none if it is not under this prefix.
    ///
    /// It owns the answer only for the companion of a plain key, which has the prefix inside
    /// its braces.
    #[must_use]
    pub fn strip<'a>(&self, wire: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if let Some(rest) = wire.strip_prefix(self.as_bytes()) {
            return Some(Cow::Borrowed(rest));
        }
        let inside = wire.strip_prefix(b"{")?.strip_prefix(self.as_bytes())?;
        Some(Cow::Owned([b"{", inside].concat()))
    }

    /// The prefix with its colon, ready to be put before a key.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Prefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        Self::new(text)
    }
}

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::TooLong { bytes } => {
                write!(f, "prefix has {bytes} bytes; at most {} are allowed", Prefix::MAX_BYTES)
            }
            Reason::Character { character, at } => write!(
                f,
                "prefix holds '{}' at byte {at}; letters, digits, '_', '.', ':' and '-' are allowed",
                character.escape_debug()
            ),
        }
    }
}

impl error::Error for InvalidPrefix {}

#[cfg(test)]
mod tests;
