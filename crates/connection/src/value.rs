//! A server's answer.

use bytes::Bytes;

use crate::{Error, Result};

/// A server's answer to one command.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing is there.
    #[default]
    Nil,
    /// A whole number.
    Int(i64),
    /// A byte string.
    Bytes(Bytes),
    /// A status such as `OK`.
    Text(String),
    /// A list.
    Array(Vec<Self>),
    /// Pairs, in the server's order.
    Map(Vec<(Self, Self)>),
    /// A floating-point number.
    Double(f64),
    /// A truth value.
    Bool(bool),
}

impl Value {
    /// Whether nothing is there.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// Whether this is the status `OK`.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Text(text) if text == "OK")
    }

    /// The whole number, also from its decimal text.
    ///
    /// # Errors
    ///
    /// Fails when this is no whole number.
    pub fn into_int(self) -> Result<i64> {
        match self {
            Self::Int(number) => Ok(number),
            Self::Bool(truth) => Ok(i64::from(truth)),
            Self::Bytes(bytes) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| Error::protocol("expected a whole number, got other bytes")),
            other => Err(unexpected("a whole number", &other)),
        }
    }

    /// The whole number, none when nothing is there.
    ///
    /// # Errors
    ///
    /// Fails when this is no whole number.
    pub fn into_optional_int(self) -> Result<Option<i64>> {
        if self.is_nil() { Ok(None) } else { self.into_int().map(Some) }
    }

    /// The bytes.
    ///
    /// # Errors
    ///
    /// Fails when this is no string.
    pub fn into_bytes(self) -> Result<Bytes> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Text(text) => Ok(Bytes::from(text)),
            other => Err(unexpected("bytes", &other)),
        }
    }

    /// The bytes, none when nothing is there.
    ///
    /// # Errors
    ///
    /// Fails when this is no string.
    pub fn into_optional_bytes(self) -> Result<Option<Bytes>> {
        if self.is_nil() { Ok(None) } else { self.into_bytes().map(Some) }
    }

    /// The text.
    ///
    /// # Errors
    ///
    /// Fails when this is no string, or not UTF-8.
    pub fn into_text(self) -> Result<String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(bytes) => {
                String::from_utf8(bytes.into()).map_err(|_| Error::protocol("expected text, got other bytes"))
            }
            other => Err(unexpected("text", &other)),
        }
    }

    /// The elements; a map gives keys and values in turn.
    ///
    /// # Errors
    ///
    /// Fails when this is no list.
    pub fn into_array(self) -> Result<Vec<Self>> {
        match self {
            Self::Array(elements) => Ok(elements),
            Self::Map(pairs) => Ok(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
            other => Err(unexpected("a list", &other)),
        }
    }

    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Int(_) => "a whole number",
            Self::Bytes(_) => "bytes",
            Self::Text(_) => "a status",
            Self::Array(_) => "a list",
            Self::Map(_) => "a map",
            Self::Double(_) => "a floating-point number",
            Self::Bool(_) => "a truth value",
        }
    }
}

fn unexpected(expected: &str, got: &Value) -> Error {
    Error::protocol(format!("expected {expected}, got {}", got.type_name()))
}
