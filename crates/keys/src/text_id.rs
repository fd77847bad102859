use std::{error, fmt, str::FromStr};

use crate::{Id, IdWriter};

/// A text from outside that may stand as an id: 1 to 256 bytes, no control characters.
///
/// It may hold colons, braces and glob characters; they are escaped in the key.
///
/// ```
/// use redstart_keys::TextId;
///
/// let id = TextId::new("bob@example.org")?;
/// assert_eq!(id.as_ref(), "bob@example.org");
/// assert_eq!(TextId::new("").unwrap_err().to_string(), "id is empty; give 1 to 256 bytes");
/// # Ok::<(), redstart_keys::InvalidId>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TextId(Box<str>);

/// Why a text cannot be an id; tells the reason and never the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidId(Reason);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Reason {
    Empty,
    TooLong { bytes: usize },
    Control { character: char, at: usize },
}

impl TextId {
    /// The most bytes that an id may have.
    pub const MAX_BYTES: usize = 256;

    /// Parses a text from outside.
    ///
    /// # Errors
    ///
    /// Fails when the text is empty, longer than 256 bytes, or holds a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidId> {
        let text = text.as_ref();
        check(text).map_err(InvalidId)?;
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Id for TextId {
    fn write(&self, out: &mut IdWriter<'_>) {
        out.text(&self.0);
    }
}

impl AsRef<str> for TextId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for TextId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<&str> for TextId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl TryFrom<String> for TextId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        check(&text).map_err(InvalidId)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = TextId::MAX_BYTES;
        match self.0 {
            Reason::Empty => write!(f, "id is empty; give 1 to {most} bytes"),
            Reason::TooLong { bytes } => write!(f, "id has {bytes} bytes; at most {most} are allowed"),
            Reason::Control { character, at } => {
                write!(f, "id holds the control character U+{:04X} at byte {at}", u32::from(character))
            }
        }
    }
}

impl error::Error for InvalidId {}

fn check(text: &str) -> Result<(), Reason> {
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    if text.len() > TextId::MAX_BYTES {
        return Err(Reason::TooLong { bytes: text.len() });
    }
    match text.char_indices().find(|(_, character)| character.is_control()) {
        Some((at, character)) => Err(Reason::Control { character, at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
