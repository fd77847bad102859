//! Fields that know what they may hold: whoever has one need not check it.

use std::{fmt, str::FromStr};

use redstart::keys::{Id, IdWriter};
use rusqlite::{
    ToSql,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of a record: 1 or above.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "i64")]
pub(crate) struct RecordId(i64);

/// A text that is no number of a record.
#[derive(Debug, thiserror::Error)]
#[error("an id is a whole number from 1")]
pub(crate) struct InvalidId;

/// What something is called: 1 to 200 characters in one line.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

/// An e-mail address, as far as a program can tell.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Email(String);

/// An amount of money in cents; outside it is a number with at most two decimals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Price(u32);

impl RecordId {
    /// The number, if it is one that a record may have.
    pub(crate) fn new(number: i64) -> Option<Self> {
        (1 <= number).then_some(Self(number))
    }
}

impl FromStr for RecordId {
    type Err = InvalidId;

    /// Takes digits only: `+1` and `1 ` would be second names of one record.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digits = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.and_then(Self::new).ok_or(InvalidId)
    }
}

impl TryFrom<i64> for RecordId {
    type Error = InvalidId;

    fn try_from(number: i64) -> Result<Self, InvalidId> {
        Self::new(number).ok_or(InvalidId)
    }
}

impl Id for RecordId {
    fn write(&self, out: &mut IdWriter<'_>) {
        self.0.write(out);
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for RecordId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for RecordId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_name = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_name && !text.trim().is_empty() {
            Ok(Self(text))
        } else {
            Err("a name has 1 to 200 characters in one line")
        }
    }
}

impl ToSql for Name {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Email {
    /// The address in small letters, by which accounts are found and attempts are counted.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_address =
            text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        let is_word = !text.chars().any(|character| character.is_control() || character.is_whitespace());
        if is_address && is_word && text.len() <= 254 {
            Ok(Self(text.to_lowercase()))
        } else {
            Err("an e-mail address is like user@example.com, at most 254 bytes")
        }
    }
}

impl ToSql for Email {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl Price {
    /// The highest price; every one up to it is exact as a decimal number.
    const MAX: u32 = 99_999_999;
}

impl FromStr for Price {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let cents = (part.len() <= 2 && digits(whole) && digits(part))
            .then(|| format!("{whole}{part:0<2}"))
            .and_then(|cents| cents.parse().ok());
        cents
            .filter(|&cents| cents <= Self::MAX)
            .map(Self)
            .ok_or("a price is like 19.99, from 0 to 999999.99")
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        number.to_string().trim_end_matches(".0").parse().map_err(de::Error::custom)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / 100.0)
    }
}

impl ToSql for Price {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for Price {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u32::column_result(value).map(Self)
    }
}

#[cfg(test)]
mod tests;
