//! What one caller reads, alone or in a batch.

use bytes::Bytes;
use redis::{Cmd, Value};

use crate::{Error, Result};

/// What one caller reads: a name, and one that many ask for at the same time.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) shared: Option<&'a [u8]>,
}

/// What was under the name, and under the shared one.
pub(crate) type Found = (Option<Bytes>, Option<Bytes>);

impl Wanted<'_> {
    /// The command that reads this alone.
    pub(crate) fn command(self) -> Cmd {
        let mut cmd = redis::cmd(if self.shared.is_some() { "MGET" } else { "GET" });
        cmd.arg(self.name).arg(self.shared);
        cmd
    }

    /// What that command was answered with.
    pub(crate) fn read(self, value: Value) -> Result<Found> {
        match (self.shared, value) {
            (None, value) => Ok((read(value)?, None)),
            (Some(_), Value::Array(values)) => match <[Value; 2]>::try_from(values) {
                Ok([name, shared]) => Ok((read(name)?, read(shared)?)),
                Err(_) => Err(Error::protocol("an MGET was answered with something else")),
            },
            (Some(_), _) => Err(Error::protocol("an MGET was answered with something else")),
        }
    }
}

/// The answer to a GET, or one element of the answer to an MGET.
pub(crate) fn read(value: Value) -> Result<Option<Bytes>> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(Bytes::from(bytes))),
        other => super::convert::convert(other)?.into_optional_bytes(),
    }
}
