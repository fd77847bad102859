//! From the driver's values to ours.

use std::fmt::Display;

use bytes::Bytes;
use redis::Value as Driver;

use super::classify::classify;
use crate::{Result, Value};

/// Turns an answer into ours; a server error inside it is an error.
pub(crate) fn convert(value: Driver) -> Result<Value> {
    Ok(match value {
        Driver::Nil => Value::Nil,
        Driver::Int(number) => Value::Int(number),
        Driver::BulkString(bytes) => Value::Bytes(Bytes::from(bytes)),
        Driver::Okay => Value::Text("OK".to_owned()),
        Driver::SimpleString(text) => Value::Text(text),
        Driver::VerbatimString { text, .. } => Value::Bytes(Bytes::from(text)),
        Driver::Array(values) | Driver::Set(values) => Value::Array(convert_all(values)?),
        Driver::Push { data, .. } => Value::Array(convert_all(data)?),
        Driver::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .map(|(key, value)| Ok((convert(key)?, convert(value)?)))
                .collect::<Result<_>>()?,
        ),
        Driver::Attribute { data, .. } => convert(*data)?,
        Driver::Double(number) => Value::Double(number),
        Driver::Boolean(truth) => Value::Bool(truth),
        Driver::BigNumber(number) => Value::Bytes(Bytes::from(number.digits())),
        Driver::ServerError(error) => return Err(classify(&error.into()).0),
        _ => {
            return Err(crate::Error::protocol(
                "the server's answer has a type that this version does not know",
            ));
        }
    })
}

pub(crate) fn convert_all(values: Vec<Driver>) -> Result<Vec<Value>> {
    values.into_iter().map(convert).collect()
}

/// The digits of a big number, of whichever type it is: any crate of a build may turn on the driver's feature
/// that makes it another.
trait Digits {
    fn digits(self) -> Vec<u8>;
}

impl Digits for Vec<u8> {
    fn digits(self) -> Vec<u8> {
        self
    }
}

impl<N: Display> Digits for &N {
    fn digits(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}
