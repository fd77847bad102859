//! What servers answer.

/// What a server answered.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "RESP2 has no sixth kind of reply")]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A simple string, such as `OK`.
    Text(String),
    /// An error of the server.
    Error(String),
    /// A number.
    Int(i64),
    /// A value.
    Bytes(Vec<u8>),
    /// Several replies.
    Array(Vec<Self>),
}

impl Reply {
    /// The number that this reply must be.
    ///
    /// # Panics
    ///
    /// Panics when it is anything else.
    #[must_use]
    pub fn int(self) -> i64 {
        match self {
            Self::Int(number) => number,
            other => panic!("a number was expected, not {other:?}"),
        }
    }

    /// The value or simple string that this reply must be.
    ///
    /// # Panics
    ///
    /// Panics when it is anything else.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    /// The value that this reply holds, if it is not nil.
    ///
    /// # Panics
    ///
    /// Panics when it is anything else.
    #[must_use]
    pub fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Nil => None,
            Self::Bytes(bytes) => Some(bytes),
            other => panic!("a value was expected, not {other:?}"),
        }
    }

    /// The replies that this reply must hold.
    ///
    /// # Panics
    ///
    /// Panics when it is anything else.
    #[must_use]
    pub fn array(self) -> Vec<Self> {
        match self {
            Self::Array(replies) => replies,
            other => panic!("an array was expected, not {other:?}"),
        }
    }
}
